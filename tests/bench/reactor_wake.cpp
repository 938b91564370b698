// How long after a commit a reactor that it concerns runs, in another process.
#include <condition_variable>
#include <mutex>
#include <thread>

#include "clock.h"
#include "figures.h"
#include "model.h"
#include "statistics.h"

namespace odb::bench {

namespace {

constexpr char kFigure[] = "reactor-wake";
constexpr std::chrono::seconds kTimeout{120};
constexpr std::chrono::milliseconds kPause{2};  // so that the reactor sleeps again
constexpr std::size_t kWarmUp = 100;

}  // namespace

// Writes 1, 2, 3, ... into a counter; when each commit began and when it returned.
json::object reactor_wake_producer(const json::object& arguments, WorkerChannel& channel) {
  Database database = connect_to(arguments);
  database.subscribe(counter_schema());
  const Ref<Counter> counter = create_counters(database, 1).front();
  channel.exchange({{"type", counter.type.value}, {"object", counter.object.value}});
  json::array begins;
  json::array ends;
  const std::int64_t commits = integer(arguments, "commits");
  for (std::int64_t i = 1; i <= commits; ++i) {
    std::this_thread::sleep_for(kPause);
    begins.emplace_back(now_ns());
    Transaction transaction = database.transaction();
    transaction.set<&Counter::count>(counter, i);
    transaction.commit();
    ends.emplace_back(now_ns());
  }
  return {{"begins", begins}, {"ends", ends}};
}

// When the reactor's function first saw each number.
json::object reactor_wake_reactor(const json::object& arguments, WorkerChannel& channel) {
  Database database = connect_to(arguments);
  database.subscribe(counter_schema());
  const TypeId type{static_cast<std::uint32_t>(integer(arguments, "type"))};
  const ObjectId object{static_cast<std::uint64_t>(integer(arguments, "object"))};
  const Ref<Counter> counter(ObjectRef{type, object});
  const auto commits = static_cast<std::size_t>(integer(arguments, "commits"));
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<std::int64_t> times(commits + 1);
  std::int64_t seen = -1;
  const Reactor reactor(database, [&](Transaction& transaction) {
    const std::int64_t count = transaction.get<&Counter::count>(counter);
    const std::int64_t now = now_ns();
    const std::lock_guard lock(mutex);
    // Numbers that one run met together were all seen by it.
    for (std::int64_t i = seen + 1; i <= count; ++i) times.at(static_cast<std::size_t>(i)) = now;
    seen = count;
    changed.notify_one();
  });
  const auto await = [&](std::int64_t count) {
    std::unique_lock lock(mutex);
    if (!changed.wait_for(lock, kTimeout, [&] { return seen >= count; })) {
      throw std::runtime_error("the reactor did not run in time");
    }
  };
  await(0);
  channel.exchange({{"ready", true}});
  await(static_cast<std::int64_t>(commits));
  return {{"times", json::array(times.begin() + 1, times.end())}};
}

void measure_reactor_wake(Run& run) {
  const std::int64_t commits = run.scaled(2'000, 300);
  repeat(run, kFigure, [&](int) {
    for (const Pinning& pinning : pinnings()) {
      const ServerProcess server(run, pinning.server_cpu);
      Worker producer =
          server.start_worker("reactor-wake-producer", {{"commits", commits}}, pinning.client_cpu);
      json::object counter = producer.read();
      counter["commits"] = commits;
      Worker reactor = server.start_worker("reactor-wake-reactor", counter, pinning.client_cpu);
      static_cast<void>(reactor.read());
      reactor.write({});
      producer.write({});
      const json::object made = producer.read();
      const json::object seen = reactor.read();
      const auto at = [](const json::object& from, const char* name, std::size_t i) {
        return from.at(name).as_array().at(i).to_number<std::int64_t>();
      };
      std::vector<std::uint64_t> commit;
      std::vector<double> after;
      for (std::size_t i = kWarmUp; i < static_cast<std::size_t>(commits); ++i) {
        const std::int64_t end = at(made, "ends", i);
        commit.push_back(static_cast<std::uint64_t>(end - at(made, "begins", i)));
        after.push_back(static_cast<double>(at(seen, "times", i) - end) / 1000);
      }
      Line& line =
          run.report.line(kFigure, "from a commit's return to the run, p50, " + pinning.name, "us",
                          {Goal::Kind::kFloorTimes, 1.5});
      line.samples.push_back(median(after));
      line.floor_samples.push_back(percentiles(commit).p50_us);
    }
  });
}

}  // namespace odb::bench
