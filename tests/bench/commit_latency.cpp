// How long a synchronous read-modify-write commit takes, next to the round trip that it contains.
#include "clock.h"
#include "figures.h"
#include "floor.h"
#include "model.h"
#include "redis_load.h"

namespace odb::bench {

namespace {

constexpr char kFigure[] = "commit-latency";
constexpr std::int64_t kWarmUpCommits = 2000;

struct Latencies {
  Percentiles odb;
  Percentiles floor;
  Percentiles redis;
};

void add(Report& report, const Pinning& pinning, const Latencies& found) {
  const auto add_one = [&](const std::string& percentile, double Percentiles::*member, Goal goal,
                           Goal second_goal) {
    Line& line = report.line(kFigure, percentile + ", " + pinning.name, "us", goal, second_goal);
    line.samples.push_back(found.odb.*member);
    line.floor_samples.push_back(found.floor.*member);
    line.peer_samples.push_back(found.redis.*member);
  };
  add_one("p50", &Percentiles::p50_us, {Goal::Kind::kFloorTimes, 1.3}, {Goal::Kind::kPeerTimes, 1});
  add_one("p99", &Percentiles::p99_us, {}, {});
  add_one("p99.9", &Percentiles::p999_us, {}, {});
}

}  // namespace

json::object commit_latency_worker(const json::object& arguments, WorkerChannel&) {
  Database database = connect_to(arguments);
  database.subscribe(counter_schema());
  const Ref<Counter> counter = create_counters(database, 1).front();
  const std::int64_t commits = integer(arguments, "commits");
  std::vector<std::uint64_t> samples;
  samples.reserve(static_cast<std::size_t>(commits));
  LinkBytes before;
  for (std::int64_t i = -kWarmUpCommits; i < commits; ++i) {
    if (i == 0) before = link_bytes();
    const std::int64_t begin = now_ns();
    Transaction transaction = database.transaction();
    transaction.set<&Counter::count>(counter, transaction.get<&Counter::count>(counter) + 1);
    transaction.commit();
    if (i >= 0) samples.push_back(static_cast<std::uint64_t>(now_ns() - begin));
  }
  const LinkBytes used = link_bytes() - before;
  const Percentiles found = percentiles(samples);
  return {{"p50", found.p50_us},
          {"p99", found.p99_us},
          {"p999", found.p999_us},
          {"sent", static_cast<double>(used.sent) / static_cast<double>(commits)},
          {"received", static_cast<double>(used.received) / static_cast<double>(commits)}};
}

void measure_commit_latency(Run& run) {
  const std::int64_t commits = run.scaled(20'000, 3'000);
  const auto measure = [&](const Pinning& pinning) {
    const ServerProcess server(run, pinning.server_cpu);
    return server.run_worker("commit-latency", {{"commits", commits}}, pinning.client_cpu);
  };
  const json::object sizes = measure({});
  const FloorTraffic traffic = traffic_of_single(number(sizes, "sent"), number(sizes, "received"));
  repeat(run, kFigure, [&](int) {
    for (const Pinning& pinning : pinnings()) {
      const Percentiles floor = measure_floor_latency(traffic, pinning, commits);
      const json::object odb = measure(pinning);
      Latencies found;
      found.odb = {number(odb, "p50"), number(odb, "p99"), number(odb, "p999")};
      found.floor = floor;
      found.redis = measure_redis_latency(run, RedisWork::kChecked, pinning, commits);
      add(run.report, pinning, found);
      const auto add_peer = [&](const std::string& what, RedisWork work) {
        run.report.line(kFigure, what + ", p50, " + pinning.name, "us")
            .peer_samples.push_back(measure_redis_latency(run, work, pinning, commits).p50_us);
      };
      add_peer("SET", RedisWork::kSet);
      add_peer("WATCH, MULTI, EXEC", RedisWork::kWatch);
      Line& sent = run.report.line(kFigure, "bytes sent a commit", "B");
      if (pinning.name == "unpinned") sent.samples.push_back(number(odb, "sent"));
      Line& received = run.report.line(kFigure, "bytes received a commit", "B");
      if (pinning.name == "unpinned") received.samples.push_back(number(odb, "received"));
    }
  });
}

}  // namespace odb::bench
