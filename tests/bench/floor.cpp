#include "floor.h"

#include <cmath>
#include <utility>

#include "clock.h"
#include "figures.h"
#include "tls_link.h"

namespace odb::bench {

namespace {

constexpr std::size_t kReadBytes = 64 * 1024;
constexpr std::size_t kMessageBytesMin = 16;
constexpr std::int64_t kWarmUpRounds = 2000;
constexpr std::int64_t kWarmUpNs = 500'000'000;

// Counts whole messages of one size in a stream of them.
class MessageCounter {
 public:
  explicit MessageCounter(std::size_t message_bytes) : message_bytes_(message_bytes) {}
  std::size_t add(std::size_t bytes) {
    left_ += bytes;
    const std::size_t whole = left_ / message_bytes_;
    left_ %= message_bytes_;
    return whole;
  }

 private:
  std::size_t message_bytes_;
  std::size_t left_ = 0;
};

struct ServedClient {
  TlsLink link;
  MessageCounter requests;
  std::size_t answer_bytes;
};

void answer(ServedClient& client, std::span<std::byte> in, std::span<const std::byte> answers) {
  do {
    const std::size_t requests = client.requests.add(client.link.read_arrived(in));
    client.link.write(answers.first(requests * client.answer_bytes));
  } while (client.link.has_buffered_input());
}

json::object to_arguments(const FloorTraffic& traffic) {
  return {{"request_bytes", traffic.request_bytes},
          {"answer_bytes", traffic.answer_bytes},
          {"clients", traffic.clients},
          {"in_flight", traffic.in_flight}};
}

}  // namespace

json::object floor_server(const json::object& arguments, WorkerChannel& channel) {
  const TlsListener listener;
  channel.exchange({{"port", listener.port()}});
  std::vector<ServedClient> clients;
  const std::int64_t expected = integer(arguments, "clients");
  while (static_cast<std::int64_t>(clients.size()) < expected) {
    clients.push_back(
        {listener.accept(),
         MessageCounter(static_cast<std::size_t>(integer(arguments, "request_bytes"))),
         static_cast<std::size_t>(integer(arguments, "answer_bytes"))});
  }
  std::vector<std::byte> in(kReadBytes);
  const std::vector<std::byte> answers(
      static_cast<std::size_t>(integer(arguments, "answer_bytes")) * kReadBytes / kMessageBytesMin);
  serve(clients, [&](ServedClient& client) { answer(client, in, answers); });
  return {};
}

json::object floor_client(const json::object& arguments, WorkerChannel& channel) {
  TlsLink link(static_cast<std::uint16_t>(integer(arguments, "port")));
  const auto request_bytes = static_cast<std::size_t>(integer(arguments, "request_bytes"));
  const auto in_flight = static_cast<std::size_t>(integer(arguments, "in_flight"));
  MessageCounter answers(static_cast<std::size_t>(integer(arguments, "answer_bytes")));
  const std::vector<std::byte> requests(request_bytes * in_flight);
  std::vector<std::byte> in(kReadBytes);

  if (const std::int64_t rounds = integer(arguments, "rounds"); rounds > 0) {
    std::vector<std::uint64_t> samples;
    samples.reserve(static_cast<std::size_t>(rounds));
    for (std::int64_t round = -kWarmUpRounds; round < rounds; ++round) {
      const std::int64_t begin = now_ns();
      link.write(requests);
      while (answers.add(link.read(in)) == 0) {
      }
      if (round >= 0) samples.push_back(static_cast<std::uint64_t>(now_ns() - begin));
    }
    const Percentiles found = percentiles(samples);
    return {{"p50", found.p50_us}, {"p99", found.p99_us}, {"p999", found.p999_us}};
  }

  const Window window = agree_on_window(channel);
  std::int64_t count = 0;
  link.write(requests);
  for (std::int64_t now = now_ns(); now < window.until_ns; now = now_ns()) {
    const std::size_t answered = answers.add(link.read(in));
    if (now >= window.from_ns) count += static_cast<std::int64_t>(answered);
    link.write(std::span(requests).first(answered * request_bytes));
  }
  return {{"count", count}};
}

FloorTraffic traffic_of_single(double link_bytes_sent, double link_bytes_received) {
  constexpr auto kAdded = static_cast<double>(kTlsRecordBytes);
  return {.request_bytes = std::llround(link_bytes_sent - kAdded),
          .answer_bytes = std::llround(link_bytes_received - kAdded)};
}

Percentiles measure_floor_latency(const FloorTraffic& traffic, const Pinning& pinning,
                                  std::int64_t rounds) {
  json::object arguments = to_arguments(traffic);
  Worker server("floor-server", arguments, pinning.server_cpu, {});
  arguments["port"] = integer(server.read(), "port");
  server.write({});
  arguments["rounds"] = rounds;
  const json::object found = Worker("floor-client", arguments, pinning.client_cpu, {}).read();
  return {number(found, "p50"), number(found, "p99"), number(found, "p999")};
}

double measure_floor_throughput(const FloorTraffic& traffic, const Pinning& pinning,
                                std::int64_t window_ms) {
  json::object arguments = to_arguments(traffic);
  Worker server("floor-server", arguments, pinning.server_cpu, {});
  arguments["port"] = integer(server.read(), "port");
  server.write({});
  arguments["rounds"] = 0;
  const Workers clients =
      start_workers(traffic.clients, "floor-client", arguments, pinning.client_cpu, "");
  return measure_in_window(clients, window_ms).per_second();
}

double WindowResults::total(std::string_view name) const {
  double sum = 0;
  for (const json::object& result : results) sum += number(result, name);
  return sum;
}

Percentiles WindowResults::median_latency() const {
  const auto of = [&](std::string_view name) {
    std::vector<double> values;
    for (const json::object& result : results) values.push_back(number(result, name));
    return median(std::move(values));
  };
  return {of("p50"), of("p99"), of("p999")};
}

WindowResults measure_in_window(const Workers& workers, std::int64_t window_ms) {
  for (const auto& worker : workers) static_cast<void>(worker->read());
  WindowResults found;
  found.window.from_ns = now_ns() + kWarmUpNs;
  found.window.until_ns = found.window.from_ns + window_ms * 1'000'000;
  for (const auto& worker : workers) {
    worker->write({{"from_ns", found.window.from_ns}, {"until_ns", found.window.until_ns}});
  }
  for (const auto& worker : workers) found.results.push_back(worker->read());
  return found;
}

Window agree_on_window(WorkerChannel& channel) {
  const json::object answer = channel.exchange({{"ready", true}});
  return {integer(answer, "from_ns"), integer(answer, "until_ns")};
}

}  // namespace odb::bench
