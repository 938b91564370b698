// Connections that do nothing: what they cost the server, and the commits of others.
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <thread>
#include <vector>

#include "commit_cost.h"
#include "figures.h"
#include "model.h"

namespace odb::bench {

namespace {

constexpr char kFigure[] = "connections";
constexpr std::int64_t kConnections = 10'000;
constexpr std::int64_t kConnectionsQuick = 200;
constexpr std::int64_t kConnectionsEachHolder = 2'500;  // each is a thread of its process
// What the system may still be doing for a server after the last answer.
constexpr std::chrono::milliseconds kSettle{300};
constexpr std::chrono::seconds kIdle{2};

// Processes that hold connections until they are told to end.
class Holders {
 public:
  Holders(const ServerProcess& server, std::int64_t connections) {
    for (std::int64_t left = connections; left > 0; left -= kConnectionsEachHolder) {
      const json::object arguments{{"connections", std::min(left, kConnectionsEachHolder)}};
      // Workers do not move: made in place by what start_worker returns.
      workers_.emplace_back(new Worker(server.start_worker("idle-connections", arguments)));
    }
    for (const auto& worker : workers_) static_cast<void>(worker->read());
  }
  double cpu_seconds() const {
    double all = 0;
    for (const auto& worker : workers_) all += worker->process().cpu_seconds();
    return all;
  }
  void pause() {
    for (const auto& worker : workers_) worker->process().pause();
  }
  void end() {
    for (const auto& worker : workers_) worker->process().resume();
    for (const auto& worker : workers_) worker->write({});
    for (const auto& worker : workers_) static_cast<void>(worker->read());
  }

 private:
  Workers workers_;
};

}  // namespace

void raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

json::object idle_connections_worker(const json::object& arguments, WorkerChannel& channel) {
  std::vector<Database> databases;
  const std::int64_t connections = integer(arguments, "connections");
  for (std::int64_t i = 0; i < connections; ++i) databases.push_back(connect_to(arguments));
  channel.exchange({{"ready", true}});
  return {};
}

void measure_connections(Run& run) {
  const std::int64_t connections = run.scaled(kConnections, kConnectionsQuick);
  const std::string what = std::to_string(connections) + " idle connections";
  repeat(run, kFigure, [&](int) {
    const Pinning same_core = pinnings().at(1);
    const ServerProcess none(run, same_core.server_cpu);
    ServerProcess many(run, same_core.server_cpu);
    // The first one's costs are the server's own.
    static_cast<void>(many.run_worker("snapshot", {{"indexed", 0}}));
    const std::size_t before = many.process().resident_bytes();
    Holders holders(many, connections);
    std::this_thread::sleep_for(kSettle);
    const auto grown = static_cast<double>(many.process().resident_bytes() - before);
    run.report
        .line(kFigure, what + ": the server's memory for each", "KiB", {Goal::Kind::kAtMost, 30})
        .samples.push_back(grown / 1024 / static_cast<double>(connections));
    const double cpu_before = holders.cpu_seconds();
    std::this_thread::sleep_for(kIdle);
    run.report.line(kFigure, what + ": processor time of a client in a second", "us")
        .samples.push_back((holders.cpu_seconds() - cpu_before) * 1e6 / kIdle.count() /
                           static_cast<double>(connections));
    // So many clients would be on other machines: here they must not take the server's processors.
    // The server does not miss them for as long as its --silence-timeout.
    holders.pause();
    const SmallAndLarge found = measure_commit_cost_of(run, none, many, {});
    Line& line =
        run.report.line(kFigure, what + " beside none, p50", "us", {Goal::Kind::kFloorTimes, 1.05});
    line.samples.push_back(found.large_us);
    line.floor_samples.push_back(found.small_us);
    holders.end();
  });
}

}  // namespace odb::bench
