// Commits that become durable in a data directory, next to a bare loop that appends to a file.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <memory>
#include <stdexcept>
#include <string>
#include <system_error>
#include <vector>

#include "clock.h"
#include "commit_throughput.h"
#include "figures.h"
#include "floor.h"
#include "redis_server.h"

namespace odb::bench {

namespace {

namespace fs = std::filesystem;

constexpr char kFigure[] = "embedded-commits";
constexpr int kClients = 4;
constexpr int kInFlight = 64;
constexpr int kCountersEach = 400;
constexpr std::int64_t kRedisScript = 2;   // of redis-floor
constexpr std::size_t kCommitBytes = 200;  // log, outcome and version of one commit

// An empty folder on the disk of this machine's temporary files, gone with this object.
class Folder {
 public:
  Folder() : path_(fs::temp_directory_path() / ("odb_bench_data_" + std::to_string(::getpid()))) {
    clear();
    fs::create_directory(path_);
  }
  ~Folder() { clear(); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  std::string data() const { return (path_ / "data").string(); }
  std::string file() const { return (path_ / "file").string(); }

 private:
  void clear() const {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  const fs::path path_;
};

// How many writes have been synced: each has its mark, and the marks are numbered.
std::int64_t count_writes(const std::string& data) {
  constexpr std::streamoff kPlaceBytes = 4096;
  constexpr std::streamoff kNumberAt = 8;
  std::int64_t newest = 0;
  for (const std::streamoff place : {std::streamoff{0}, kPlaceBytes}) {
    std::ifstream mark(data + "/mark", std::ios::binary);
    mark.seekg(place + kNumberAt);
    std::int64_t number = 0;
    for (int i = 0; i < 8; ++i) number = number << 8 | mark.get();
    newest = std::max(newest, number);
  }
  return newest;
}

// Appends batches of the same size to a plain file and syncs each: commits a second.
double measure_bare(const std::string& path, std::int64_t commits_each, std::int64_t window_ms) {
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
  if (file < 0) throw std::runtime_error("cannot make " + path);
  const std::string batch(static_cast<std::size_t>(commits_each) * kCommitBytes, 'c');
  const std::int64_t begin = now_ns();
  const std::int64_t until = begin + window_ms * 1'000'000;
  std::int64_t commits = 0;
  bool is_written = true;
  for (; is_written && now_ns() < until; commits += commits_each) {
    is_written = ::write(file, batch.data(), batch.size()) == static_cast<ssize_t>(batch.size()) &&
                 ::fdatasync(file) == 0;
  }
  ::close(file);
  if (!is_written) throw std::runtime_error("cannot write " + path);
  return static_cast<double>(commits) * 1e9 / static_cast<double>(now_ns() - begin);
}

// A bare program whose script in Redis checks owner and version before it writes what odb writes.
double measure_redis_script(const Run& run, std::int64_t window_ms) {
  const RedisServer redis("always");
  Worker worker("redis-floor",
                json::object{{"socket", redis.socket()},
                             {"what", kRedisScript},
                             {"in_flight", kClients * kInFlight},
                             {"window_ms", window_ms}},
                {}, run.token);
  return number(worker.read(), "per_second");
}

}  // namespace

void measure_embedded_commits(Run& run) {
  const std::int64_t window_ms = run.scaled(2'000, 500);
  const std::int64_t commits = run.scaled(10'000, 2'000);
  const CommitLoad load{CommitKind::kCounter, kClients, kInFlight};
  const std::string who = "4 clients, 64 in flight each, ";
  repeat(run, kFigure, [&](int) {
    {
      const Folder folder;
      const Throughput found =
          measure_throughput(run, {}, load, window_ms, {"--data-dir", folder.data()});
      const std::int64_t each =
          std::max<std::int64_t>(1, found.commits / count_writes(folder.data()));
      const double bare = measure_bare(folder.file(), each, window_ms);
      Line& line =
          run.report.line(kFigure, who + "commit", "commits/s", {Goal::Kind::kFloorAtLeast, 0.5});
      line.samples.push_back(found.commits_per_second);
      line.floor_samples.push_back(bare);
      Line& beside_redis =
          run.report.line(kFigure, who + "commit, and a version-checked script in Redis, always",
                          "commits/s", {Goal::Kind::kPeerAtLeast, 1});
      beside_redis.samples.push_back(found.commits_per_second);
      beside_redis.peer_samples.push_back(measure_redis_script(run, window_ms));
      run.report.line(kFigure, "commits in a batch, commit", "commits")
          .samples.push_back(static_cast<double>(each));
      run.report.line(kFigure, "processor time of the server a commit, commit", "us")
          .samples.push_back(found.server_cpu_us);
    }
    for (const int counters : {1, kCountersEach}) {
      const CommitLoad spread{CommitKind::kCounter, kClients, kInFlight, counters};
      const std::string what =
          "interval=10, on " + std::to_string(kClients * kInFlight * counters) + " objects";
      const Folder folder;
      const Throughput memory = measure_throughput(run, {}, spread, window_ms);
      Line& line =
          run.report.line(kFigure, who + what, "commits/s", {Goal::Kind::kFloorAtLeast, 0.7});
      const Throughput found = measure_throughput(
          run, {}, spread, window_ms, {"--data-dir", folder.data(), "--durability", "interval=10"});
      line.samples.push_back(found.commits_per_second);
      line.floor_samples.push_back(memory.commits_per_second);
      Line& time = run.report.line(kFigure, "processor time of the server a commit, " + what, "us");
      time.samples.push_back(found.server_cpu_us);
      time.floor_samples.push_back(memory.server_cpu_us);
    }
    const Folder folder;
    const ServerProcess server(run, {}, {"--data-dir", folder.data()});
    Line& latency = run.report.line(kFigure, "one commit at a time, p50, commit", "us");
    latency.samples.push_back(
        number(server.run_worker("commit-latency", {{"commits", commits}}), "p50"));
    latency.floor_samples.push_back(1e6 / measure_bare(folder.file(), 1, window_ms / 2));
  });
}

// From the start of the process to the line that says that it listens.
void measure_embedded_restart(Run& run) {
  const std::int64_t objects = run.scaled(1'000'000, 50'000);
  repeat(run, "embedded-restart", [&](int) {
    const Folder folder;
    const std::vector<std::string> store = {"--data-dir", folder.data()};
    {
      const ServerProcess server(run, {}, store);
      const double seconds = number(
          server.run_worker("load-objects", {{"objects", objects}, {"indexed", 1}}), "seconds");
      run.report.line("embedded-restart", std::to_string(objects) + " objects are written", "s")
          .samples.push_back(seconds);
    }
    const std::int64_t begin = now_ns();
    const ServerProcess server(run, {}, store);
    run.report
        .line("embedded-restart", std::to_string(objects) + " objects are served", "s",
              {Goal::Kind::kAtMost, 3})
        .samples.push_back(seconds_since(begin));
  });
}

}  // namespace odb::bench
