// One producer, and many subscribers of everything that it writes.
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <stdexcept>
#include <thread>

#include "clock.h"
#include "figures.h"
#include "model.h"
#include "redis_fan_out.h"
#include "statistics.h"

namespace odb::bench {

namespace {

constexpr char kFigure[] = "fan-out";
constexpr int kSubscribers = 8;
constexpr std::size_t kCounters = 256;
constexpr int kInFlight = 64;
constexpr int kModestRate = 20'000;  // commits a second
// A sleep for each commit would cost more than the commit.
constexpr std::chrono::microseconds kSleepMin{100};
constexpr std::chrono::seconds kTimeout{120};

// Commits one blind write after another, each of the time at which it is made: as fast as kInFlight
// allows, or at a rate.
void produce(Database& database, const std::vector<Ref<Counter>>& counters, std::int64_t commits,
             double rate) {
  std::atomic<int> in_flight = 0;
  const auto begin = std::chrono::steady_clock::now();
  for (std::int64_t i = 0; i < commits; ++i) {
    if (rate > 0) {
      const auto due = begin + std::chrono::nanoseconds(
                                   static_cast<std::int64_t>(static_cast<double>(i) * 1e9 / rate));
      if (due - std::chrono::steady_clock::now() > kSleepMin) std::this_thread::sleep_until(due);
    }
    for (int now = in_flight; now >= kInFlight; now = in_flight) in_flight.wait(now);
    ++in_flight;
    Transaction transaction = database.transaction();
    transaction.set<&Counter::count>(counters[static_cast<std::size_t>(i) % counters.size()],
                                     now_ns());
    transaction.commit_async([&](const CommitOutcome& outcome) {
      check_accepted(outcome);
      --in_flight;
      in_flight.notify_one();
    });
  }
  for (int now = in_flight; now > 0; now = in_flight) in_flight.wait(now);
  database.disconnect();
}

// Waits for `deltas` changes, and tells how long each took from its commit to the handler.
json::object take_latencies(Database& database, std::int64_t deltas, WorkerChannel& channel) {
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<std::uint64_t> samples;
  samples.reserve(static_cast<std::size_t>(deltas));
  database.on_commit([&](const Change& change) {
    const Ref<Counter> counter(change.changed.at(0).object);
    const std::int64_t made = change.view.get<&Counter::count>(counter);
    const std::lock_guard lock(mutex);
    samples.push_back(static_cast<std::uint64_t>(now_ns() - made));
    if (static_cast<std::int64_t>(samples.size()) == deltas) changed.notify_one();
  });
  channel.exchange({{"ready", true}});
  std::unique_lock lock(mutex);
  if (!changed.wait_for(lock, kTimeout,
                        [&] { return static_cast<std::int64_t>(samples.size()) >= deltas; })) {
    throw std::runtime_error("not all changes came in time");
  }
  lock.unlock();
  database.disconnect();
  const Percentiles found = percentiles(samples);
  return {{"p50", found.p50_us}, {"p99", found.p99_us}};
}

// Waits until the cache has `deltas` versions more.
json::object take_all(Database& database, std::int64_t deltas, WorkerChannel& channel) {
  const Version target{database.flush().value + static_cast<std::uint64_t>(deltas)};
  channel.exchange({{"ready", true}});
  database.wait_for_version(target, kTimeout);
  return {{"end_ns", now_ns()}};
}

struct FanOut {
  std::vector<json::object> results;  // one a subscriber
  std::int64_t begin_ns = 0;
  double server_cpu_seconds = 0;
};

// `rate` 0: as fast as can be.
FanOut fan_out(const Run& run, std::int64_t commits, double rate) {
  ServerProcess server(run);
  Worker producer = server.start_worker("fan-out-producer", {{"commits", commits}, {"rate", rate}});
  static_cast<void>(producer.read());
  const json::object arguments{
      {"port", server.port()}, {"deltas", commits}, {"takes_latencies", rate > 0 ? 1 : 0}};
  const Workers subscribers =
      start_workers(kSubscribers, "fan-out-subscriber", arguments, std::nullopt, run.token);
  for (const auto& subscriber : subscribers) {
    static_cast<void>(subscriber->read());
    subscriber->write({});
  }
  FanOut found;
  const double cpu_before = server.process().cpu_seconds();
  found.begin_ns = now_ns();
  producer.write({});
  for (const auto& subscriber : subscribers) found.results.push_back(subscriber->read());
  found.server_cpu_seconds = server.process().cpu_seconds() - cpu_before;
  static_cast<void>(producer.read());
  return found;
}

}  // namespace

json::object fan_out_producer(const json::object& arguments, WorkerChannel& channel) {
  Database database = connect_to(arguments);
  database.define(counter_schema());
  const std::vector<Ref<Counter>> counters = create_counters(database, kCounters);
  channel.exchange({{"ready", true}});
  produce(database, counters, integer(arguments, "commits"), number(arguments, "rate"));
  return {};
}

json::object fan_out_subscriber(const json::object& arguments, WorkerChannel& channel) {
  Database database = connect_to(arguments);
  database.subscribe(counter_schema());
  const std::int64_t deltas = integer(arguments, "deltas");
  return integer(arguments, "takes_latencies") != 0 ? take_latencies(database, deltas, channel)
                                                    : take_all(database, deltas, channel);
}

void measure_fan_out(Run& run) {
  const std::int64_t commits = run.scaled(100'000, 5'000);
  repeat(run, kFigure, [&](int) {
    const FanOut fast = fan_out(run, commits, 0);
    std::int64_t end_ns = 0;
    for (const json::object& result : fast.results) {
      end_ns = std::max(end_ns, integer(result, "end_ns"));
    }
    const double seconds = static_cast<double>(end_ns - fast.begin_ns) * 1e-9;
    const double commits_per_second = static_cast<double>(commits) / seconds;
    const Deliveries redis =
        measure_redis_fan_out(run, RedisFanOut::kPubSub, kSubscribers, kInFlight, commits);
    Line& deltas = run.report.line(kFigure, "8 subscribers, applied in all caches together",
                                   "deltas/s", {Goal::Kind::kAtLeast, 1e6});
    deltas.samples.push_back(commits_per_second * kSubscribers);
    deltas.peer_samples.push_back(redis.per_second);
    Line& cpu = run.report.line(kFigure, "processor time of the server a delivery", "us",
                                {Goal::Kind::kPeerTimes, 1});
    cpu.samples.push_back(fast.server_cpu_seconds * 1e6 /
                          static_cast<double>(commits * kSubscribers));
    cpu.peer_samples.push_back(redis.server_cpu_us);
    run.report.line(kFigure, "a stream (XADD, XREAD), 8 readers", "deltas/s")
        .peer_samples.push_back(
            measure_redis_fan_out(run, RedisFanOut::kStream, kSubscribers, kInFlight, commits)
                .per_second);

    const auto add_latencies = [&](const std::string& when, double rate, Goal goal) {
      const FanOut paced = fan_out(run, commits / 2, rate);
      std::vector<double> p50;
      std::vector<double> p99;
      for (const json::object& result : paced.results) {
        p50.push_back(number(result, "p50"));
        p99.push_back(number(result, "p99"));
      }
      const std::string what = "commit to handler at " + when;
      run.report.line(kFigure, what + ", p50", "us").samples.push_back(median(p50));
      run.report.line(kFigure, what + ", p99", "us", goal).samples.push_back(median(p99));
    };
    add_latencies("half that rate", commits_per_second / 2, {Goal::Kind::kAtMost, 1000});
    add_latencies(std::to_string(kModestRate) + " commits/s", kModestRate, {});
  });
}

}  // namespace odb::bench
