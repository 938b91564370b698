#include "redis_load.h"

#include <unistd.h>

#include <charconv>
#include <stdexcept>
#include <string>
#include <vector>

#include "clock.h"
#include "figures.h"
#include "model.h"
#include "redis_server.h"
#include "redis_tls.h"

namespace odb::bench {

namespace {

constexpr std::int64_t kWarmUpRounds = 2000;

constexpr char kCheckedScript[] =
    "if redis.call('HGET', KEYS[1], 'version') ~= ARGV[1] then return 0 end "
    "redis.call('HSET', KEYS[1], 'value', ARGV[2], 'version', ARGV[3]) "
    "return 1";
// Which object a set holds is the hash's own key.
constexpr char kIndexedScript[] =
    "if redis.call('HGET', KEYS[1], 'version') ~= ARGV[1] then return 0 end "
    "redis.call('HSET', KEYS[1], 'text', ARGV[2], 'status', ARGV[3], 'version', ARGV[4]) "
    "redis.call('SREM', KEYS[2], KEYS[1]) "
    "redis.call('SADD', KEYS[3], KEYS[1]) "
    "return 1";

// A number as text, without an allocation.
class Digits {
 public:
  explicit Digits(std::int64_t value)
      : size_(static_cast<std::size_t>(std::to_chars(text_, text_ + sizeof text_, value).ptr -
                                       text_)) {}
  operator std::string_view() const { return {text_, size_}; }  // NOLINT: implicit for commands

 private:
  char text_[24];
  std::size_t size_;
};

// One connection, and the objects that it works on: one for each command under way.
class RedisClient {
 public:
  RedisClient(std::uint16_t port, RedisWork work, std::size_t in_flight)
      : redis_(port), work_(work) {
    for (std::size_t i = 0; i < in_flight; ++i) {
      objects_.push_back({"bench:" + std::to_string(::getpid()) + ":" + std::to_string(i), 0});
      redis_.call({"HSET", objects_.back().key, "value", "0", "status", "0", "version", "0"});
      if (work == RedisWork::kIndexed) redis_.call({"SADD", set_of(0), objects_.back().key});
    }
    for (std::int64_t i = 0; i < kNoteStatuses; ++i) sets_.push_back(set_of(i));
    if (work == RedisWork::kChecked) digest_ = redis_.load_script(kCheckedScript);
    if (work == RedisWork::kIndexed) digest_ = redis_.load_script(kIndexedScript);
  }

  // Queues the next write to the object in this place.
  void begin(std::size_t place) {
    Object& object = objects_[place];
    const Digits read(object.version);
    const Digits written(++object.version);
    switch (work_) {
      case RedisWork::kSet:
        return redis_.queue({"SET", "value:" + object.key, written});
      case RedisWork::kChecked:
        return redis_.queue({"EVALSHA", digest_, "1", object.key, read, written, written});
      case RedisWork::kIndexed: {
        const std::size_t from = static_cast<std::size_t>((object.version - 1) % kNoteStatuses);
        const std::size_t to = static_cast<std::size_t>(object.version % kNoteStatuses);
        text_.assign(kNoteTextBytes, static_cast<char>('a' + to % 26));
        return redis_.queue({"EVALSHA", digest_, "3", object.key, sets_[from], sets_[to], read,
                             text_, Digits(static_cast<std::int64_t>(to)), written});
      }
      case RedisWork::kStream:
        text_.assign(kNoteTextBytes, 'a');
        return redis_.queue({"XADD", "bench:stream", "MAXLEN", "~", "10000", "*", "text", text_});
      case RedisWork::kWatch:
        break;
    }
    throw std::runtime_error("a connection can watch for one commit at a time only");
  }
  void send() { redis_.send(); }

  // Waits for the oldest one under way, or takes it if it has arrived.
  void end() { check(redis_.read()); }
  bool end_arrived() {
    const std::optional<RedisReply> reply = redis_.read_arrived();
    if (reply) check(*reply);
    return reply.has_value();
  }

  // A whole one of any kind.
  void do_one() {
    if (work_ == RedisWork::kWatch) return watch();
    begin(0);
    send();
    end();
  }

 private:
  struct Object {
    std::string key;
    std::int64_t version = 0;
  };

  static std::string set_of(std::int64_t status) {
    return "bench:status:" + std::to_string(status);
  }

  void check(const RedisReply& reply) const {
    const bool is_script = work_ == RedisWork::kChecked || work_ == RedisWork::kIndexed;
    if (is_script && reply.integer != 1) throw std::runtime_error("another version in Redis");
  }

  void watch() {
    Object& object = objects_.front();
    redis_.queue({"WATCH", object.key});
    redis_.queue({"HGET", object.key, "value"});
    send();
    redis_.read();
    if (redis_.read().text != Digits(object.version)) throw std::runtime_error("another value");
    redis_.queue({"MULTI"});
    redis_.queue({"HSET", object.key, "value", Digits(++object.version)});
    redis_.queue({"EXEC"});
    send();
    redis_.read();
    redis_.read();
    if (redis_.read().kind != RedisReply::Kind::kArray) {
      throw std::runtime_error("somebody else wrote what was watched");
    }
  }

  RedisTls redis_;
  const RedisWork work_;
  std::vector<Object> objects_;
  std::vector<std::string> sets_;
  std::string digest_;
  std::string text_;
};

json::object to_result(std::vector<std::uint64_t>& samples) {
  if (samples.empty()) throw std::runtime_error("nothing ended inside the window");
  const Percentiles found = percentiles(samples);
  return {{"count", samples.size()},
          {"p50", found.p50_us},
          {"p99", found.p99_us},
          {"p999", found.p999_us}};
}

}  // namespace

json::object redis_load_worker(const json::object& arguments, WorkerChannel& channel) {
  const auto in_flight = static_cast<std::size_t>(integer(arguments, "in_flight"));
  RedisClient client(static_cast<std::uint16_t>(integer(arguments, "port")),
                     static_cast<RedisWork>(integer(arguments, "work")), in_flight);
  std::vector<std::uint64_t> samples;
  if (const std::int64_t rounds = integer(arguments, "rounds"); rounds > 0) {
    for (std::int64_t round = -kWarmUpRounds; round < rounds; ++round) {
      const std::int64_t begin = now_ns();
      client.do_one();
      if (round >= 0) samples.push_back(static_cast<std::uint64_t>(now_ns() - begin));
    }
    return to_result(samples);
  }

  const Window window = agree_on_window(channel);
  std::vector<std::int64_t> begun_ns(in_flight);
  const auto begin = [&](std::size_t place, std::int64_t now) {
    begun_ns[place] = now;
    client.begin(place);
  };
  for (std::size_t place = 0; place < in_flight; ++place) begin(place, now_ns());
  client.send();
  // Replies come in the order of the commands: the oldest is always in the place after the last.
  std::size_t place = 0;
  for (std::int64_t now = now_ns(); now < window.until_ns;) {
    client.end();
    do {
      now = now_ns();
      if (now >= window.from_ns && now < window.until_ns) {
        samples.push_back(static_cast<std::uint64_t>(now - begun_ns[place]));
      }
      begin(place, now);
      place = (place + 1) % in_flight;
    } while (client.end_arrived());
    client.send();
  }
  return to_result(samples);
}

Percentiles measure_redis_latency(const Run& run, RedisWork work, const Pinning& pinning,
                                  std::int64_t rounds) {
  const RedisTlsServer redis(pinning.server_cpu);
  const json::object arguments{{"port", redis.port()},
                               {"work", static_cast<std::int64_t>(work)},
                               {"in_flight", 1},
                               {"rounds", rounds}};
  const json::object found = Worker("redis-load", arguments, pinning.client_cpu, run.token).read();
  return {number(found, "p50"), number(found, "p99"), number(found, "p999")};
}

Throughput measure_redis_throughput(const Run& run, RedisWork work, const Pinning& pinning,
                                    const CommitLoad& load, std::int64_t window_ms) {
  RedisTlsServer redis(pinning.server_cpu);
  const json::object arguments{{"port", redis.port()},
                               {"work", static_cast<std::int64_t>(work)},
                               {"in_flight", load.in_flight},
                               {"rounds", 0}};
  const Workers workers =
      start_workers(load.clients, "redis-load", arguments, pinning.client_cpu, run.token);
  const WindowResults found = measure_in_window(workers, window_ms);
  Throughput throughput;
  throughput.commits_per_second = found.per_second();
  throughput.latency = found.median_latency();
  return throughput;
}

}  // namespace odb::bench
