// Many clients that change one counter, beside as many that have one each.
#include <algorithm>
#include <string>
#include <vector>

#include "clock.h"
#include "figures.h"
#include "floor.h"
#include "model.h"

namespace odb::bench {

namespace {

constexpr char kFigure[] = "contention";
constexpr int kClients = 16;

enum class How : std::int64_t {
  kReadAndWrite,  // reads, adds one, writes; again when another was faster
  kAdd,           // an atomic addition, which reads nothing
};
enum class Counters : std::int64_t { kOneForAll, kOneEach };

struct Goodput {
  double per_second = 0;
  double least_share = 0;  // of the client that got the least, beside the mean
};

Goodput measure(const Run& run, How how, Counters counters, std::int64_t window_ms,
                int clients = kClients) {
  const ServerProcess server(run);
  json::object arguments = server.run_worker("make-counter");
  arguments["port"] = server.port();
  arguments["how"] = static_cast<std::int64_t>(how);
  arguments["counters"] = static_cast<std::int64_t>(counters);
  const Workers workers = start_workers(clients, "contention", arguments, std::nullopt, run.token);
  const WindowResults found = measure_in_window(workers, window_ms);
  double least = found.total("count");
  for (const json::object& result : found.results) least = std::min(least, number(result, "count"));
  Goodput goodput;
  goodput.per_second = found.per_second();
  goodput.least_share = least * clients / found.total("count");
  return goodput;
}

}  // namespace

json::object make_counter_worker(const json::object& arguments, WorkerChannel&) {
  Database database = connect_to(arguments);
  database.define(counter_schema());
  const Ref<Counter> counter = create_counters(database, 1).front();
  return {{"type", counter.type.value}, {"object", counter.object.value}};
}

json::object contention_worker(const json::object& arguments, WorkerChannel& channel) {
  Database database = connect_to(arguments);
  database.define(counter_schema());
  Ref<Counter> counter(
      ObjectRef{TypeId{static_cast<std::uint32_t>(integer(arguments, "type"))},
                ObjectId{static_cast<std::uint64_t>(integer(arguments, "object"))}});
  if (static_cast<Counters>(integer(arguments, "counters")) == Counters::kOneEach) {
    counter = create_counters(database, 1).front();
  }
  const bool adds = static_cast<How>(integer(arguments, "how")) == How::kAdd;
  if (!adds) database.subscribe(objects(std::vector{counter}));
  const Window window = agree_on_window(channel);
  std::int64_t count = 0;
  for (std::int64_t now = now_ns(); now < window.until_ns; now = now_ns()) {
    try {
      database.transact([&](Transaction& transaction) {
        if (adds) return transaction.add<&Counter::count>(counter, 1);
        transaction.set<&Counter::count>(counter, transaction.get<&Counter::count>(counter) + 1);
      });
    } catch (const ConflictError&) {
      continue;  // transact gave up: not one of the good
    }
    if (const std::int64_t end = now_ns(); end >= window.from_ns && end < window.until_ns) ++count;
  }
  return {{"count", count}};
}

void measure_contention(Run& run) {
  const std::int64_t window_ms = run.scaled(3'000, 500);
  const std::string who = std::to_string(kClients) + " clients ";
  const auto compare = [&](How how, const std::string& what, double share) {
    const Goodput alone = measure(run, how, Counters::kOneEach, window_ms);
    const Goodput together = measure(run, how, Counters::kOneForAll, window_ms);
    Line& line = run.report.line(kFigure, who + what + ", beside one each", "commits/s",
                                 {Goal::Kind::kFloorAtLeast, share});
    line.samples.push_back(together.per_second);
    line.floor_samples.push_back(alone.per_second);
    if (how == How::kReadAndWrite) {
      // Each increment reads what the one before wrote, so that they are a chain of round trips.
      const Goodput chain = measure(run, how, Counters::kOneForAll, window_ms, 1);
      Line& beside_chain = run.report.line(kFigure, who + what + ", beside one client alone",
                                           "commits/s", {Goal::Kind::kFloorAtLeast, share});
      beside_chain.samples.push_back(together.per_second);
      beside_chain.floor_samples.push_back(chain.per_second);
    }
    run.report
        .line(kFigure, who + what + ": the least of the mean", "", {Goal::Kind::kAtLeast, 0.5})
        .samples.push_back(together.least_share);
  };
  repeat(run, kFigure, [&](int) {
    compare(How::kReadAndWrite, "increment one counter", 0.5);
    compare(How::kAdd, "add to one counter", 0.9);
  });
}

}  // namespace odb::bench
