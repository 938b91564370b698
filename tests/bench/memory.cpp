// What objects cost the server, and a client that holds them.
#include <thread>

#include "figures.h"
#include "redis_objects.h"
#include "snapshot.h"

namespace odb::bench {

namespace {

constexpr char kFigure[] = "memory";
constexpr char kBeyond[] = "beyond its 32 B of data";
// What the system may still be doing for a server after the last answer.
constexpr std::chrono::milliseconds kSettle{300};

double grown_since(const Process& process, std::size_t before, std::int64_t objects) {
  std::this_thread::sleep_for(kSettle);
  const auto grown = static_cast<double>(process.resident_bytes()) - static_cast<double>(before);
  return grown / static_cast<double>(objects) - kItemDataBytes;
}

double measure_cache(const ServerProcess& server, std::int64_t objects, Indexing indexing) {
  Worker worker =
      server.start_worker("cache", {{"indexed", indexing == Indexing::kNumber ? 1 : 0}});
  static_cast<void>(worker.read());
  const std::size_t before = worker.process().resident_bytes();
  worker.write({});
  static_cast<void>(worker.read());
  const double grown = grown_since(worker.process(), before, objects);
  worker.write({});
  static_cast<void>(worker.read());
  return grown;
}

// What an object costs beyond its data: the server, and a client that holds all of them.
void measure_objects(Run& run, Indexing indexing, const std::string& what, Goal server_goal,
                     Goal cache_goal) {
  const std::int64_t objects = run.scaled(kObjects, kObjectsQuick);
  ServerProcess server(run);
  const std::size_t before = server.process().resident_bytes();
  load_objects(server, objects, indexing);
  Line& line = run.report.line(
      kFigure, what, "B", server_goal,
      server_goal.kind == Goal::Kind::kNone ? Goal{} : Goal{Goal::Kind::kPeerTimes, 1});
  line.note = kBeyond;
  line.samples.push_back(grown_since(server.process(), before, objects));
  line.peer_samples.push_back(measure_redis_memory(run, objects, indexing) - kItemDataBytes);
  Line& cache = run.report.line(kFigure, what + ", in a client's cache", "B", cache_goal);
  cache.note = kBeyond;
  cache.samples.push_back(measure_cache(server, objects, indexing));
}

}  // namespace

// A client that holds everything.
json::object cache_worker(const json::object& arguments, WorkerChannel& channel) {
  Database database = connect_to(arguments);
  channel.exchange({{"connected", true}});
  database.subscribe(item_schema(indexing_of(arguments)));
  channel.exchange({{"loaded", true}});
  return {};
}

void measure_memory(Run& run) {
  repeat(run, kFigure, [&](int) {
    measure_objects(run, Indexing::kNone, "an object", {}, {Goal::Kind::kAtMost, 80});
    measure_objects(run, Indexing::kNumber, "an object with one index", {Goal::Kind::kAtMost, 96},
                    {});
  });
}

}  // namespace odb::bench
