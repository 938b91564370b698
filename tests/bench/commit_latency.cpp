// How long a synchronous read-modify-write commit takes, next to the round trip that it contains.
#include "clock.h"
#include "figures.h"
#include "floor.h"
#include "model.h"

namespace odb::bench {

namespace {

constexpr char kFigure[] = "commit-latency";
constexpr std::int64_t kWarmUpCommits = 2000;

void add(Report& report, const std::string& percentile, const Pinning& pinning, double odb,
         double floor, Goal goal) {
  Line& line = report.line(kFigure, percentile + ", " + pinning.name, "us", goal);
  line.samples.push_back(odb);
  line.floor_samples.push_back(floor);
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
      add(run.report, "p50", pinning, number(odb, "p50"), floor.p50_us,
          {Goal::Kind::kFloorTimes, 2});
      add(run.report, "p99", pinning, number(odb, "p99"), floor.p99_us, {});
      add(run.report, "p99.9", pinning, number(odb, "p999"), floor.p999_us, {});
      Line& sent = run.report.line(kFigure, "bytes sent a commit", "B");
      if (pinning.name == "unpinned") sent.samples.push_back(number(odb, "sent"));
      Line& received = run.report.line(kFigure, "bytes received a commit", "B");
      if (pinning.name == "unpinned") received.samples.push_back(number(odb, "received"));
    }
  });
}

}  // namespace odb::bench
