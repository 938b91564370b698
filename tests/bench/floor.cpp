#include "floor.h"

#include <poll.h>

#include <cmath>
#include <stdexcept>

#include "clock.h"
#include "figures.h"
#include "odb/net/socket.h"
#include "odb/net/tls_context.h"
#include "odb/net/tls_stream.h"

namespace odb::bench {

namespace {

constexpr std::size_t kReadBytes = 64 * 1024;
constexpr std::size_t kMessageBytesMin = 16;
constexpr std::int64_t kWarmUpRounds = 2000;
constexpr std::int64_t kWarmUpNs = 500'000'000;
constexpr std::chrono::seconds kConnectTimeout{10};

void wait_for(int descriptor, short events) {
  pollfd wait{.fd = descriptor, .events = events, .revents = 0};
  ::poll(&wait, 1, -1);
}

struct LinkGone : std::runtime_error {
  LinkGone() : std::runtime_error("the other end of the floor's link has gone") {}
};

// One end of a link; calls wait.
class Link {
 public:
  explicit Link(std::unique_ptr<net::TlsStream> stream) : stream_(std::move(stream)) {
    while (!is_done(stream_->handshake())) {
    }
  }

  // What has arrived, nothing when nothing has; throws LinkGone when the peer has gone.
  std::size_t read_arrived(std::span<std::byte> out) {
    const net::StreamProgress progress = stream_->read(out);
    if (progress.status == net::StreamStatus::kOk) return progress.bytes;
    if (progress.status == net::StreamStatus::kWantsRead) return 0;
    throw LinkGone();
  }
  // Waits until something has.
  std::size_t read(std::span<std::byte> out) {
    for (;;) {
      if (!stream_->has_buffered_input()) wait_for(stream_->descriptor(), POLLIN);
      if (const std::size_t bytes = read_arrived(out); bytes > 0) return bytes;
    }
  }

  void write(std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
      const net::StreamProgress progress = stream_->write(bytes);
      bytes = bytes.subspan(progress.bytes);
      if (!bytes.empty()) is_done(progress);
    }
  }

  int descriptor() const { return stream_->descriptor(); }
  bool has_buffered_input() const { return stream_->has_buffered_input(); }

 private:
  bool is_done(const net::StreamProgress& progress) {
    switch (progress.status) {
      case net::StreamStatus::kOk:
        return true;
      case net::StreamStatus::kWantsRead:
        wait_for(stream_->descriptor(), POLLIN);
        return false;
      case net::StreamStatus::kWantsWrite:
        wait_for(stream_->descriptor(), POLLOUT);
        return false;
      default:
        throw LinkGone();
    }
  }

  std::unique_ptr<net::TlsStream> stream_;
};

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
  Link link;
  MessageCounter requests;
  std::size_t answer_bytes;
};

template <class T>
T value_or_throw(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().message);
  return *std::move(result);
}

void answer(ServedClient& client, std::span<std::byte> in, std::span<const std::byte> answers) {
  do {
    const std::size_t requests = client.requests.add(client.link.read_arrived(in));
    client.link.write(answers.first(requests * client.answer_bytes));
  } while (client.link.has_buffered_input());
}

// Until one of the clients leaves.
void serve(std::vector<ServedClient>& clients) {
  std::vector<std::byte> in(kReadBytes);
  std::size_t answer_bytes = 0;
  std::vector<pollfd> waits;
  for (const ServedClient& client : clients) {
    answer_bytes = client.answer_bytes;
    waits.push_back({.fd = client.link.descriptor(), .events = POLLIN, .revents = 0});
  }
  const std::vector<std::byte> answers(answer_bytes * kReadBytes / kMessageBytesMin);
  for (ServedClient& client : clients) {
    // The first request may have come in the same packet as the end of the handshake.
    if (client.link.has_buffered_input()) answer(client, in, answers);
  }
  for (;;) {
    ::poll(waits.data(), waits.size(), -1);
    for (std::size_t i = 0; i < clients.size(); ++i) {
      if (waits[i].revents != 0) answer(clients[i], in, answers);
    }
  }
}

json::object to_arguments(const FloorTraffic& traffic) {
  return {{"request_bytes", traffic.request_bytes},
          {"answer_bytes", traffic.answer_bytes},
          {"clients", traffic.clients},
          {"in_flight", traffic.in_flight}};
}

}  // namespace

json::object floor_server(const json::object& arguments, WorkerChannel& channel) {
  const auto context = net::TlsServerContext::self_signed();
  const auto listeners = value_or_throw(net::listen_tcp({"127.0.0.1", 0}));
  channel.exchange({{"port", net::local_port(listeners.front())}});
  std::vector<ServedClient> clients;
  const std::int64_t expected = integer(arguments, "clients");
  while (static_cast<std::int64_t>(clients.size()) < expected) {
    wait_for(listeners.front().descriptor(), POLLIN);
    auto accepted = value_or_throw(net::accept_tcp(listeners.front()));
    if (!accepted) continue;
    clients.push_back(
        {Link(std::make_unique<net::TlsStream>(context, *std::move(accepted))),
         MessageCounter(static_cast<std::size_t>(integer(arguments, "request_bytes"))),
         static_cast<std::size_t>(integer(arguments, "answer_bytes"))});
  }
  try {
    serve(clients);
  } catch (const LinkGone&) {
    // A client that is done.
  }
  return {};
}

json::object floor_client(const json::object& arguments, WorkerChannel& channel) {
  const net::Endpoint server{"127.0.0.1", static_cast<std::uint16_t>(integer(arguments, "port"))};
  const auto context = value_or_throw(net::TlsClientContext::create());
  auto socket =
      value_or_throw(net::connect_tcp(server, std::chrono::steady_clock::now() + kConnectTimeout));
  Link link(std::make_unique<net::TlsStream>(context, std::move(socket), server));
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
  std::vector<std::unique_ptr<Worker>> clients;
  for (int i = 0; i < traffic.clients; ++i) {
    clients.push_back(std::make_unique<Worker>("floor-client", arguments, pinning.client_cpu, ""));
  }
  return measure_in_window(clients, window_ms).per_second();
}

double WindowResults::total(std::string_view name) const {
  double sum = 0;
  for (const json::object& result : results) sum += number(result, name);
  return sum;
}

WindowResults measure_in_window(const std::vector<std::unique_ptr<Worker>>& workers,
                                std::int64_t window_ms) {
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
