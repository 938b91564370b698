// What more load makes of latency and throughput, and how fast a server starts.
#include <algorithm>
#include <cmath>
#include <string>

#include "clock.h"
#include "commit_throughput.h"
#include "figures.h"
#include "redis_load.h"

namespace odb::bench {

namespace {

void add_point(Report& report, const std::string& name, double in_flight, const std::string& unit,
               double odb, double redis) {
  Line& line = report.line("load-sweep",
                           std::to_string(std::lround(in_flight)) + " in flight, " + name, unit);
  line.point = Point{name, in_flight};
  line.samples.push_back(odb);
  line.peer_samples.push_back(redis);
}

}  // namespace

// One client, more and more commits in flight.
void measure_load_sweep(Run& run) {
  const std::int64_t window_ms = run.scaled(2'000, 300);
  repeat(run, "load-sweep", [&](int) {
    for (const int in_flight : {1, 4, 16, 64, 256}) {
      const CommitLoad load{CommitKind::kCounter, 1, in_flight};
      const Throughput odb = measure_throughput(run, {}, load, window_ms);
      const Throughput redis =
          measure_redis_throughput(run, RedisWork::kChecked, {}, load, window_ms);
      const auto add = [&](const std::string& name, double Percentiles::*member) {
        add_point(run.report, name, in_flight, "us", odb.latency.*member, redis.latency.*member);
      };
      add("p50", &Percentiles::p50_us);
      add("p99", &Percentiles::p99_us);
      add("p99.9", &Percentiles::p999_us);
      add_point(run.report, "throughput", in_flight, "commits/s", odb.commits_per_second,
                redis.commits_per_second);
    }
  });
}

// More and more clients with 64 commits in flight each. The floor is the best that fewer reached.
void measure_clients(Run& run) {
  constexpr char kFigure[] = "clients";
  const std::int64_t window_ms = run.scaled(2'000, 300);
  repeat(run, kFigure, [&](int) {
    double best = 0;
    for (const int clients : {1, 2, 4, 8, 16}) {
      const double found =
          measure_throughput(run, {}, {CommitKind::kCounter, clients, 64}, window_ms)
              .commits_per_second;
      Line& line = run.report.line(
          kFigure, std::to_string(clients) + " x 64 in flight, beside the best of fewer",
          "commits/s", best > 0 ? Goal{Goal::Kind::kFloorAtLeast, 0.9} : Goal{});
      line.point = Point{"clients", static_cast<double>(clients)};
      line.samples.push_back(found);
      if (best > 0) line.floor_samples.push_back(best);
      best = std::max(best, found);
    }
  });
}

// From the start of the process to the line that says that it listens.
void measure_server_start(Run& run) {
  constexpr char kFigure[] = "server-start";
  repeat(run, kFigure, [&](int) {
    const std::int64_t begin = now_ns();
    const ServerProcess server(run);
    const double milliseconds = seconds_since(begin) * 1e3;
    run.report.line(kFigure, "memory store, until it listens", "ms", {Goal::Kind::kAtMost, 50})
        .samples.push_back(milliseconds);
  });
}

}  // namespace odb::bench
