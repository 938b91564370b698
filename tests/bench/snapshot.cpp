// How fast objects get into a server, and how fast a fresh client gets all of them.
#include "snapshot.h"

#include <atomic>
#include <stdexcept>
#include <thread>
#include <vector>

#include "clock.h"
#include "figures.h"
#include "link_bytes.h"
#include "redis_objects.h"
#include "statistics.h"

namespace odb::bench {

namespace {

constexpr char kFigure[] = "snapshot";
constexpr std::int64_t kObjectsPerCommit = 1000;
constexpr int kCommitsInFlight = 16;

// Commits made while something else happened.
struct TimedCommit {
  std::int64_t begin_ns = 0;
  std::int64_t end_ns = 0;
};

}  // namespace

Indexing indexing_of(const json::object& arguments) {
  return integer(arguments, "indexed") != 0 ? Indexing::kNumber : Indexing::kNone;
}

json::object load_objects_worker(const json::object& arguments, WorkerChannel&) {
  Database database = connect_to(arguments);
  database.define(item_schema(indexing_of(arguments)));
  const std::int64_t objects = integer(arguments, "objects");
  std::atomic<int> in_flight = 0;
  const std::int64_t begin = now_ns();
  for (std::int64_t next = 0; next < objects;) {
    Transaction transaction = database.transaction();
    const std::int64_t end = std::min(objects, next + kObjectsPerCommit);
    for (; next < end; ++next) transaction.create(make_item(next));
    for (int now = in_flight; now >= kCommitsInFlight; now = in_flight) in_flight.wait(now);
    ++in_flight;
    transaction.commit_async([&](const CommitOutcome& outcome) {
      check_accepted(outcome);
      --in_flight;
      in_flight.notify_one();
    });
  }
  for (int now = in_flight; now > 0; now = in_flight) in_flight.wait(now);
  const double seconds = seconds_since(begin);
  database.disconnect();
  return {{"seconds", seconds}};
}

json::object snapshot_worker(const json::object& arguments, WorkerChannel&) {
  Database database = connect_to(arguments);
  const LinkBytes before = link_bytes();
  const std::int64_t begin = now_ns();
  database.subscribe(item_schema(indexing_of(arguments)));
  const std::int64_t end = now_ns();
  const LinkBytes used = link_bytes() - before;
  std::int64_t objects = 0;
  for ([[maybe_unused]] const Ref<Item>& ref : database.view().refs<Item>()) ++objects;
  return {{"begin_ns", begin}, {"end_ns", end}, {"objects", objects}, {"bytes", used.received}};
}

// Commits one after another until told to stop, and between which moments the latencies count.
json::object commits_meanwhile_worker(const json::object& arguments, WorkerChannel& channel) {
  Database database = connect_to(arguments);
  database.subscribe(counter_schema());
  const Ref<Counter> counter = create_counters(database, 1).front();
  std::vector<TimedCommit> commits;
  std::atomic<bool> is_over = false;
  channel.exchange({{"ready", true}});
  std::thread committer([&] {
    while (!is_over) {
      TimedCommit commit;
      commit.begin_ns = now_ns();
      Transaction transaction = database.transaction();
      transaction.set<&Counter::count>(counter, transaction.get<&Counter::count>(counter) + 1);
      check_accepted(transaction.try_commit());
      commit.end_ns = now_ns();
      commits.push_back(commit);
    }
  });
  const json::object span = channel.exchange({{"commits", true}});
  is_over = true;
  committer.join();
  std::vector<std::uint64_t> samples;
  for (const TimedCommit& commit : commits) {
    if (commit.end_ns < integer(span, "begin_ns") || commit.begin_ns > integer(span, "end_ns")) {
      continue;
    }
    samples.push_back(static_cast<std::uint64_t>(commit.end_ns - commit.begin_ns));
  }
  if (samples.empty()) throw std::runtime_error("no commit was made meanwhile");
  const Percentiles found = percentiles(samples);
  return {{"p50", found.p50_us}, {"p99", found.p99_us}, {"commits", samples.size()}};
}

double load_objects(const ServerProcess& server, std::int64_t objects, Indexing indexing) {
  const json::object loaded = server.run_worker(
      "load-objects", {{"objects", objects}, {"indexed", indexing == Indexing::kNumber ? 1 : 0}});
  return static_cast<double>(objects) / number(loaded, "seconds");
}

namespace {

Percentiles measure_meanwhile(const ServerProcess& server) {
  Worker committer = server.start_worker("commits-meanwhile");
  static_cast<void>(committer.read());
  committer.write({});
  static_cast<void>(committer.read());
  committer.write(server.run_worker("snapshot", {{"indexed", 1}}));
  const json::object found = committer.read();
  Percentiles percentiles;
  percentiles.p50_us = number(found, "p50");
  percentiles.p99_us = number(found, "p99");
  return percentiles;
}

}  // namespace

void measure_snapshot(Run& run) {
  const std::int64_t objects = run.scaled(kObjects, kObjectsQuick);
  const std::string how_many = std::to_string(objects) + " objects";
  repeat(run, kFigure, [&](int) {
    const ServerProcess server(run);
    run.report.line(kFigure, "created, not subscribed", "objects/s")
        .samples.push_back(load_objects(server, objects, Indexing::kNumber));
    const json::object found = server.run_worker("snapshot", {{"indexed", 1}});
    if (integer(found, "objects") != objects)
      throw std::runtime_error("the snapshot lacks objects");
    const double seconds =
        static_cast<double>(integer(found, "end_ns") - integer(found, "begin_ns")) * 1e-9;
    run.report.line(kFigure, "subscribe to loaded, " + how_many, "s", {Goal::Kind::kAtMost, 4})
        .samples.push_back(seconds);
    Line& loaded = run.report.line(kFigure, "loaded, with an index", "objects/s",
                                   {Goal::Kind::kAtLeast, 1e6}, {Goal::Kind::kPeerAtLeast, 3});
    loaded.samples.push_back(static_cast<double>(objects) / seconds);
    loaded.peer_samples.push_back(measure_redis_snapshot(run, objects));
    run.report.line(kFigure, "bytes an object on the link", "B")
        .samples.push_back(number(found, "bytes") / static_cast<double>(objects));
    const Percentiles meanwhile = measure_meanwhile(server);
    run.report.line(kFigure, "another client's commits meanwhile, p50", "us")
        .samples.push_back(meanwhile.p50_us);
    run.report
        .line(kFigure, "another client's commits meanwhile, p99", "us", {Goal::Kind::kAtMost, 5000})
        .samples.push_back(meanwhile.p99_us);
  });
}

}  // namespace odb::bench
