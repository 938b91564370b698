// How fast objects get into a server, and how fast a fresh client gets all of them.
#include "snapshot.h"

#include <atomic>

#include "clock.h"
#include "figures.h"
#include "link_bytes.h"

namespace odb::bench {

namespace {

constexpr char kFigure[] = "snapshot";
constexpr std::int64_t kObjectsPerCommit = 1000;
constexpr int kCommitsInFlight = 16;

Indexing indexing_of(const json::object& arguments) {
  return integer(arguments, "indexed") != 0 ? Indexing::kNumber : Indexing::kNone;
}

}  // namespace

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
  database.subscribe(item_schema(Indexing::kNone));
  const double seconds = seconds_since(begin);
  const LinkBytes used = link_bytes() - before;
  std::int64_t objects = 0;
  for ([[maybe_unused]] const Ref<Item>& ref : database.view().refs<Item>()) ++objects;
  return {{"seconds", seconds}, {"objects", objects}, {"bytes", used.received}};
}

double load_objects(const ServerProcess& server, std::int64_t objects, Indexing indexing) {
  const json::object loaded = server.run_worker(
      "load-objects", {{"objects", objects}, {"indexed", indexing == Indexing::kNumber ? 1 : 0}});
  return static_cast<double>(objects) / number(loaded, "seconds");
}

void measure_snapshot(Run& run) {
  const std::int64_t objects = run.scaled(kObjects, kObjectsQuick);
  const std::string how_many = std::to_string(objects) + " objects";
  repeat(run, kFigure, [&](int) {
    const ServerProcess server(run);
    run.report.line(kFigure, "created, not subscribed", "objects/s")
        .samples.push_back(load_objects(server, objects, Indexing::kNone));
    const json::object found = server.run_worker("snapshot");
    if (integer(found, "objects") != objects)
      throw std::runtime_error("the snapshot lacks objects");
    const double seconds = number(found, "seconds");
    run.report.line(kFigure, "subscribe to loaded, " + how_many, "s", {Goal::Kind::kAtMost, 4})
        .samples.push_back(seconds);
    run.report.line(kFigure, "loaded", "objects/s")
        .samples.push_back(static_cast<double>(objects) / seconds);
    run.report.line(kFigure, "bytes an object on the link", "B")
        .samples.push_back(number(found, "bytes") / static_cast<double>(objects));
  });
}

}  // namespace odb::bench
