#include "redis_objects.h"

#include <cstdint>
#include <deque>
#include <stdexcept>
#include <string>
#include <string_view>

#include "clock.h"
#include "figures.h"
#include "redis_server.h"
#include "redis_tls.h"
#include "snapshot.h"

namespace odb::bench {

namespace {

constexpr std::int64_t kFillInFlight = 1000;
constexpr std::string_view kKeysPerScan = "1000";
constexpr std::size_t kElementsOfHash = 6;  // name and value of three fields

}  // namespace

json::object redis_fill_worker(const json::object& arguments, WorkerChannel&) {
  RedisTls redis(static_cast<std::uint16_t>(integer(arguments, "port")));
  const std::int64_t objects = integer(arguments, "objects");
  const bool is_indexed = indexing_of(arguments) == Indexing::kNumber;
  for (std::int64_t next = 0; next < objects;) {
    std::int64_t expected = 0;
    for (; expected < kFillInFlight && next < objects; ++next) {
      const Item item = make_item(next);
      const std::string number = std::to_string(item.number);
      const std::string key = "item:" + number;
      redis.queue({"HSET", key, "number", number, "measure", std::to_string(item.measure), "label",
                   item.label});
      ++expected;
      if (!is_indexed) continue;
      redis.queue({"SADD", "number:" + number, number});
      ++expected;
    }
    redis.send();
    for (; expected > 0; --expected) redis.read();
  }
  return {};
}

// The next SCAN travels before the HGETALLs that the last one led to, so that Redis always has
// something to do.
json::object redis_snapshot_worker(const json::object& arguments, WorkerChannel&) {
  enum class Awaited : std::uint8_t { kScan, kHash };
  RedisTls redis(static_cast<std::uint16_t>(integer(arguments, "port")));
  const std::int64_t begin = now_ns();
  std::int64_t objects = 0;
  std::deque<Awaited> awaited{Awaited::kScan};
  redis.queue({"SCAN", "0", "COUNT", kKeysPerScan});
  redis.send();
  for (; !awaited.empty(); awaited.pop_front()) {
    const RedisReply reply = redis.read();
    if (awaited.front() == Awaited::kHash) {
      if (reply.elements.size() != kElementsOfHash) throw std::runtime_error("not a whole hash");
      ++objects;
      continue;
    }
    if (const std::string_view cursor = reply.elements.at(0).text; cursor != "0") {
      redis.queue({"SCAN", cursor, "COUNT", kKeysPerScan});
      awaited.push_back(Awaited::kScan);
    }
    for (const RedisReply& key : reply.elements.at(1).elements) {
      redis.queue({"HGETALL", key.text});
      awaited.push_back(Awaited::kHash);
    }
    redis.send();
  }
  return {{"seconds", seconds_since(begin)}, {"objects", objects}};
}

namespace {

void fill_redis(const Run& run, std::uint16_t port, std::int64_t objects, Indexing indexing) {
  const json::object arguments{
      {"port", port}, {"objects", objects}, {"indexed", indexing == Indexing::kNumber ? 1 : 0}};
  static_cast<void>(Worker("redis-fill", arguments, {}, run.token).read());
}

}  // namespace

double measure_redis_snapshot(const Run& run, std::int64_t objects) {
  const RedisTlsServer redis;
  fill_redis(run, redis.port(), objects, Indexing::kNone);
  Worker worker("redis-snapshot", json::object{{"port", redis.port()}}, {}, run.token);
  const json::object found = worker.read();
  if (integer(found, "objects") < objects) throw std::runtime_error("Redis lacks objects");
  return static_cast<double>(objects) / number(found, "seconds");
}

double measure_redis_memory(const Run& run, std::int64_t objects, Indexing indexing) {
  const RedisTlsServer redis;
  RedisTls client(redis.port());
  const std::int64_t before = client.info("memory", "used_memory");
  fill_redis(run, redis.port(), objects, indexing);
  const std::int64_t after = client.info("memory", "used_memory");
  return static_cast<double>(after - before) / static_cast<double>(objects);
}

}  // namespace odb::bench
