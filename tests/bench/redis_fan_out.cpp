// One publisher and many subscribers in Redis: what fan-out is compared with.
#include "redis_fan_out.h"

#include <algorithm>
#include <stdexcept>
#include <string>
#include <vector>

#include "clock.h"
#include "figures.h"
#include "redis_server.h"
#include "redis_tls.h"

namespace odb::bench {

namespace {

constexpr std::size_t kMessageBytes = 100;
constexpr std::string_view kChannel = "bench:channel";
constexpr std::string_view kEntriesPerRead = "1000";

// Until as many came.
void take_messages(RedisTls& redis, std::int64_t messages) {
  for (std::int64_t taken = 0; taken < messages; ++taken) {
    const RedisReply reply = redis.read();
    if (reply.elements.size() != 3 || reply.elements[2].text.size() != kMessageBytes) {
      throw std::runtime_error("Redis publishes something else");
    }
  }
}

void take_entries(RedisTls& redis, std::int64_t messages) {
  std::string last = "0";
  for (std::int64_t taken = 0; taken < messages;) {
    const RedisReply reply =
        redis.call({"XREAD", "COUNT", kEntriesPerRead, "BLOCK", "0", "STREAMS", kChannel, last});
    const auto& entries = reply.elements.at(0).elements.at(1).elements;
    taken += static_cast<std::int64_t>(entries.size());
    last = std::string(entries.back().elements.at(0).text);
  }
}

}  // namespace

json::object redis_publisher(const json::object& arguments, WorkerChannel& channel) {
  RedisTls redis(static_cast<std::uint16_t>(integer(arguments, "port")));
  const std::int64_t messages = integer(arguments, "messages");
  const std::int64_t in_flight = integer(arguments, "in_flight");
  const bool is_stream = integer(arguments, "is_stream") != 0;
  const std::string message(kMessageBytes, 'm');
  channel.exchange({{"ready", true}});
  std::int64_t sent = 0;
  for (std::int64_t answered = 0; answered < messages;) {
    for (; sent < messages && sent - answered < in_flight; ++sent) {
      if (is_stream) {
        redis.queue({"XADD", kChannel, "*", "m", message});
      } else {
        redis.queue({"PUBLISH", kChannel, message});
      }
    }
    redis.send();
    redis.read();
    ++answered;
    while (redis.read_arrived()) ++answered;
  }
  return {};
}

json::object redis_subscriber(const json::object& arguments, WorkerChannel& channel) {
  RedisTls redis(static_cast<std::uint16_t>(integer(arguments, "port")));
  const std::int64_t messages = integer(arguments, "messages");
  const bool is_stream = integer(arguments, "is_stream") != 0;
  if (!is_stream) redis.call({"SUBSCRIBE", kChannel});
  channel.exchange({{"ready", true}});
  if (is_stream) {
    take_entries(redis, messages);
  } else {
    take_messages(redis, messages);
  }
  return {{"end_ns", now_ns()}};
}

Deliveries measure_redis_fan_out(const Run& run, RedisFanOut kind, int subscribers, int in_flight,
                                 std::int64_t messages) {
  RedisTlsServer redis;
  const json::object arguments{{"port", redis.port()},
                               {"messages", messages},
                               {"in_flight", in_flight},
                               {"is_stream", kind == RedisFanOut::kStream ? 1 : 0}};
  Worker publisher("redis-publisher", arguments, {}, run.token);
  static_cast<void>(publisher.read());
  const Workers workers =
      start_workers(subscribers, "redis-subscriber", arguments, std::nullopt, run.token);
  for (const auto& worker : workers) {
    static_cast<void>(worker->read());
    worker->write({});
  }
  const double cpu_before = redis.process().cpu_seconds();
  const std::int64_t begin_ns = now_ns();
  publisher.write({});
  std::int64_t end_ns = begin_ns;
  for (const auto& worker : workers) end_ns = std::max(end_ns, integer(worker->read(), "end_ns"));
  const double cpu = redis.process().cpu_seconds() - cpu_before;
  const auto deliveries = static_cast<double>(messages * subscribers);
  Deliveries found;
  found.per_second = deliveries * 1e9 / static_cast<double>(end_ns - begin_ns);
  found.server_cpu_us = cpu * 1e6 / deliveries;
  return found;
}

}  // namespace odb::bench
