// What objects and connections cost the server.
#include <sys/resource.h>

#include <thread>

#include "figures.h"
#include "snapshot.h"

namespace odb::bench {

namespace {

constexpr char kFigure[] = "memory";
constexpr std::int64_t kConnections = 1000;
// What the system may still be doing for a server after the last answer.
constexpr std::chrono::milliseconds kSettle{300};

void measure_objects(Run& run, Indexing indexing, const std::string& what) {
  const std::int64_t objects = run.scaled(kObjects, kObjectsQuick);
  ServerProcess server(run);
  const std::size_t before = server.process().resident_bytes();
  load_objects(server, objects, indexing);
  std::this_thread::sleep_for(kSettle);
  const auto grown = static_cast<double>(server.process().resident_bytes() - before);
  Line& line = run.report.line(kFigure, what, "B");
  line.note = "beyond its 32 B of data";
  line.samples.push_back(grown / static_cast<double>(objects) - kItemDataBytes);
}

void measure_connections(Run& run) {
  const std::int64_t connections = run.scaled(kConnections, 200);
  ServerProcess server(run);
  static_cast<void>(server.run_worker("snapshot"));  // the first one's costs are the server's own
  const std::size_t before = server.process().resident_bytes();
  Worker worker = server.start_worker("idle-connections", {{"connections", connections}});
  static_cast<void>(worker.read());
  std::this_thread::sleep_for(kSettle);
  const auto grown = static_cast<double>(server.process().resident_bytes() - before);
  worker.write({});
  static_cast<void>(worker.read());
  run.report.line(kFigure, "a connection", "KiB", {Goal::Kind::kAtMost, 40})
      .samples.push_back(grown / 1024 / static_cast<double>(connections));
}

}  // namespace

json::object idle_connections_worker(const json::object& arguments, WorkerChannel& channel) {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
  std::vector<Database> databases;
  const std::int64_t connections = integer(arguments, "connections");
  for (std::int64_t i = 0; i < connections; ++i) databases.push_back(connect_to(arguments));
  channel.exchange({{"ready", true}});
  return {};
}

void measure_memory(Run& run) {
  repeat(run, kFigure, [&](int) {
    measure_objects(run, Indexing::kNone, "an object");
    measure_objects(run, Indexing::kNumber, "an object with one index");
    measure_connections(run);
  });
}

}  // namespace odb::bench
