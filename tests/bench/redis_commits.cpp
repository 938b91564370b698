// Commits that become durable in Redis, next to a bare program that writes the same keys there.
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <memory>
#include <stdexcept>
#include <thread>

#include "clock.h"
#include "commit_throughput.h"
#include "figures.h"
#include "floor.h"
#include "redis_server.h"
#include "redis_tls.h"
#include "statistics.h"

namespace odb::bench {

namespace {

constexpr char kFigure[] = "redis-commits";
constexpr int kClients = 4;
constexpr int kInFlight = 64;
constexpr std::size_t kRowBytes = 56;   // what odb keeps of a counter
constexpr std::size_t kLogBytes = 250;  // and of a commit
constexpr std::size_t kOutcomeBytes = 120;

// The bare program: one connection, blocking, whose replies are counted and not looked at.
class BareRedis {
 public:
  explicit BareRedis(const std::string& socket) : socket_(::socket(AF_UNIX, SOCK_STREAM, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    socket.copy(address.sun_path, sizeof address.sun_path - 1);
    if (::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
      throw std::runtime_error("cannot connect to Redis");
    }
  }
  ~BareRedis() { ::close(socket_); }
  BareRedis(const BareRedis&) = delete;
  BareRedis& operator=(const BareRedis&) = delete;

  void write(const std::string& bytes) const {
    for (std::size_t done = 0; done < bytes.size();) {
      const auto sent = ::send(socket_, bytes.data() + done, bytes.size() - done, MSG_NOSIGNAL);
      if (sent <= 0) throw std::runtime_error("Redis is gone");
      done += static_cast<std::size_t>(sent);
    }
  }
  // How many replies came; at least one. Replies are +OK, :1 and a bulk string of one line.
  int read_replies() {
    int replies = 0;
    while (replies == 0) {
      char bytes[65536];
      const auto got = ::recv(socket_, bytes, sizeof bytes, 0);
      if (got <= 0) throw std::runtime_error("Redis is gone");
      for (const char* at = bytes; at < bytes + got; ++at) {
        if (is_line_start_) is_bulk_ = *at == '$';
        if (is_line_start_ && *at == '-') throw std::runtime_error("Redis refuses");
        is_line_start_ = *at == '\n';
        if (is_line_start_ && !is_bulk_) ++replies;
      }
    }
    return replies;
  }

  // The digest of the script, to be called by.
  std::string load(const std::string& script) const {
    std::string out;
    append_command(out, {"SCRIPT", "LOAD", script});
    write(out);
    constexpr std::size_t kAnswerBytes = 5 + 40 + 2;  // "$40", the digest, each with a line's end
    std::string answer(kAnswerBytes, '\0');
    const auto got = ::recv(socket_, answer.data(), answer.size(), MSG_WAITALL);
    if (got != static_cast<ssize_t>(kAnswerBytes) || answer[0] != '$') {
      throw std::runtime_error("Redis does not take the script");
    }
    return answer.substr(5, 40);
  }

 private:
  const int socket_;
  bool is_line_start_ = true;
  bool is_bulk_ = false;
};

// Which commands the bare program sends for a commit.
enum class Bare : std::int64_t {
  kRow,      // SET of the row alone
  kAllKeys,  // all that odb writes, one command after the other, asking nothing
  kScript,   // the same in one step that first checks owner and version, as any must that may not
             // write over another's
};

constexpr const char* kBareScript =
    "local meta = redis.call('HMGET', KEYS[1], 'fence', 'version') "
    "if meta[1] ~= ARGV[1] then return redis.error_reply('not the owner') end "
    "if meta[2] ~= ARGV[2] then return redis.error_reply('another version') end "
    "redis.call('XADD', KEYS[2], 'MAXLEN', '~', '100000', ARGV[3] .. '-0', 'commits', ARGV[4]) "
    "redis.call('HSET', KEYS[3], ARGV[5], ARGV[6]) "
    "redis.call('HSET', KEYS[1], 'version', ARGV[3]) "
    "redis.call('SET', ARGV[7], ARGV[8]) "
    "return 1";

}  // namespace

// Writes what odb writes for a commit.
json::object redis_floor_worker(const json::object& arguments, WorkerChannel&) {
  BareRedis redis(text(arguments, "socket"));
  const auto what = static_cast<Bare>(integer(arguments, "what"));
  const std::int64_t in_flight = integer(arguments, "in_flight");
  const std::string row(kRowBytes, 'r');
  const std::string log(kLogBytes, 'l');
  const std::string outcome(kOutcomeBytes, 'o');
  const std::string log_key = "bare:log:" + std::to_string(::getpid());  // versions begin anew
  const std::string meta_key = "bare:meta:" + std::to_string(::getpid());
  const int replies_each = what == Bare::kAllKeys ? 4 : 1;
  std::string digest;
  if (what == Bare::kScript) {
    digest = redis.load(kBareScript);
    std::string out;
    append_command(out, {"HSET", meta_key, "fence", "1:me", "version", "0"});
    redis.write(out);
    redis.read_replies();
  }
  const std::int64_t until = now_ns() + integer(arguments, "window_ms") * 1'000'000;
  const std::int64_t begin = now_ns();
  std::int64_t sent = 0;
  std::int64_t done = 0;
  std::int64_t replies = 0;
  while (now_ns() < until) {
    std::string out;
    for (; sent - done < in_flight; ++sent) {
      const std::string version = std::to_string(sent + 1);
      const std::string row_key = "bare:row:1:" + std::to_string(sent % in_flight);
      const std::string client = std::to_string(sent % kClients);
      if (what == Bare::kScript) {
        append_command(out, {"EVALSHA", digest, "3", meta_key, log_key, "bare:outcomes", "1:me",
                             std::to_string(sent), version, log, client, outcome, row_key, row});
        continue;
      }
      append_command(out, {"SET", row_key, row});
      if (what == Bare::kRow) continue;
      append_command(out,
                     {"XADD", log_key, "MAXLEN", "~", "100000", version + "-0", "commits", log});
      append_command(out, {"HSET", "bare:outcomes", client, outcome});
      append_command(out, {"HSET", meta_key, "version", version});
    }
    redis.write(out);
    replies += redis.read_replies();
    done = replies / replies_each;
  }
  return {{"per_second", static_cast<double>(done) * 1e9 / static_cast<double>(now_ns() - begin)}};
}

namespace {

double measure_floor(const Run& run, const std::string& socket, Bare what, int in_flight,
                     std::int64_t window_ms) {
  Worker worker("redis-floor",
                json::object{{"socket", socket},
                             {"what", static_cast<std::int64_t>(what)},
                             {"in_flight", in_flight},
                             {"window_ms", window_ms}},
                {}, run.token);
  return number(worker.read(), "per_second");
}

double measure_odb(const Run& run, const std::string& socket, std::int64_t window_ms) {
  const CommitLoad load{CommitKind::kCounter, kClients, kInFlight};
  return measure_throughput(run, {}, load, window_ms, {"--redis", "unix:" + socket})
      .commits_per_second;
}

double measure_latency(const Run& run, std::vector<std::string> store, std::int64_t commits) {
  const ServerProcess server(run, {}, std::move(store));
  return number(server.run_worker("commit-latency", {{"commits", commits}}), "p50");
}

}  // namespace

// From the start of the process to the line that says that it listens.
void measure_redis_restart(Run& run) {
  const std::int64_t objects = run.scaled(1'000'000, 50'000);
  repeat(run, "redis-restart", [&](int) {
    const RedisServer redis("everysec");
    const std::vector<std::string> store = {"--redis", "unix:" + redis.socket()};
    {
      const ServerProcess server(run, {}, store);
      const double seconds = number(
          server.run_worker("load-objects", {{"objects", objects}, {"indexed", 1}}), "seconds");
      run.report.line("redis-restart", std::to_string(objects) + " objects are written", "s")
          .samples.push_back(seconds);
    }
    const std::int64_t begin = now_ns();
    const ServerProcess server(run, {}, store);
    run.report
        .line("redis-restart", std::to_string(objects) + " objects are served", "s",
              {Goal::Kind::kAtMost, 6})
        .samples.push_back(seconds_since(begin));
  });
}

void measure_redis_commits(Run& run) {
  const std::int64_t window_ms = run.scaled(2'000, 500);
  const std::int64_t commits = run.scaled(10'000, 2'000);
  for (const std::string fsync : {"everysec", "always"}) {
    repeat(run, std::string(kFigure) + ", " + fsync, [&](int) {
      const RedisServer redis(fsync);
      const double floor =
          measure_floor(run, redis.socket(), Bare::kAllKeys, kClients * kInFlight, window_ms);
      Line& line = run.report.line(kFigure, "4 clients, 64 in flight each, " + fsync, "commits/s",
                                   {Goal::Kind::kFloorAtLeast, 0.6});
      line.samples.push_back(measure_odb(run, redis.socket(), window_ms));
      line.floor_samples.push_back(floor);
      run.report.line(kFigure, "bare SET of the rows alone, " + fsync, "commits/s")
          .samples.push_back(
              measure_floor(run, redis.socket(), Bare::kRow, kClients * kInFlight, window_ms));
      const double bare = 1e6 / measure_floor(run, redis.socket(), Bare::kScript, 1, window_ms / 2);
      const double memory = measure_latency(run, {"--inmem"}, commits);
      Line& latency = run.report.line(kFigure, "one commit at a time, p50, " + fsync, "us",
                                      {Goal::Kind::kFloorTimes, 1});
      latency.samples.push_back(
          measure_latency(run, {"--redis", "unix:" + redis.socket()}, commits));
      latency.floor_samples.push_back(memory + bare);
    });
  }
}

}  // namespace odb::bench
