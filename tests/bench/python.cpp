// What programs in Python reach, next to the same in C++.
#include "python.h"

#include <boost/json/parse.hpp>

#include "figures.h"
#include "snapshot.h"

namespace odb::bench {

namespace {

constexpr char kAccess[] = "python-access";
constexpr char kCommits[] = "python-commits";
constexpr Goal kReadsGoal{Goal::Kind::kAtLeast, 5e6};  // 200 ns a field
constexpr Goal kWritesGoal{Goal::Kind::kAtLeast, 3e6};

}  // namespace

std::optional<json::object> run_python(Run& run, const std::string& figure,
                                       const ServerProcess& server, const std::string& script,
                                       const std::vector<std::string>& arguments,
                                       std::optional<int> cpu) {
  ProcessOptions options{
      .arguments = {kPythonInterpreter, std::string(ODB_BENCH_SOURCE_DIR) + "/" + script,
                    std::to_string(server.port())},
      .environment = {{"ODB_SERVICE_TOKEN", run.token}, {"PYTHONPATH", run.options.python_package}},
      .cpu = cpu};
  options.arguments.insert(options.arguments.end(), arguments.begin(), arguments.end());
  Process python(options);
  json::object found = json::parse(python.read_line()).as_object();
  if (!found.contains("skipped")) return found;
  run.report.skip(figure, text(found, "skipped"));
  return std::nullopt;
}

// Reads in a view and writes in a transaction, by the attribute of an object.
void measure_python_access(Run& run) {
  const ServerProcess server(run);
  load_objects(server, run.scaled(kObjects, kObjectsQuick), Indexing::kNone);
  const auto add = [&](const json::object& found, const char* name, const std::string& what,
                       Goal goal) {
    run.report.line(kAccess, what, "fields/s", goal).samples.push_back(number(found, name));
  };
  repeat(run, kAccess, [&](int) {
    const auto found = run_python(run, kAccess, server, "python_access.py");
    if (!found) return;
    add(*found, "working_set", "reads, random among 1000 objects", kReadsGoal);
    add(*found, "iterating", "reads, iterating over all objects", kReadsGoal);
    add(*found, "writes_working_set", "writes, random among 1000 objects", kWritesGoal);
    add(*found, "writes_once", "writes, 100000 objects once", kWritesGoal);
    add(*found, "writes_random", "writes, 100000 objects once, random", {});
    run.report.line(kAccess, "lookupAll(), an object", "us", {Goal::Kind::kAtMost, 1})
        .samples.push_back(number(*found, "lookup_all_us"));
    // The floor is the same loop when it only gets hold of the objects.
    Line& random = run.report.line(kAccess, "reads, random among all objects", "fields/s", {});
    random.samples.push_back(number(*found, "random"));
    random.floor_samples.push_back(number(*found, "touches"));
  });
}

// The floor is the same commit in C++.
void measure_python_commits(Run& run) {
  const std::int64_t commits = run.scaled(20'000, 3'000);
  repeat(run, kCommits, [&](int) {
    for (const Pinning& pinning : pinnings()) {
      const ServerProcess server(run, pinning.server_cpu);
      const auto found = run_python(run, kCommits, server, "python_commits.py",
                                    {std::to_string(commits)}, pinning.client_cpu);
      if (!found) return;
      const json::object peer =
          server.run_worker("commit-latency", {{"commits", commits}}, pinning.client_cpu);
      Line& line = run.report.line(kCommits, "p50 beside C++, " + pinning.name, "us",
                                   {Goal::Kind::kFloorTimes, 1.5});
      line.samples.push_back(number(*found, "p50"));
      line.floor_samples.push_back(number(peer, "p50"));
    }
  });
}

}  // namespace odb::bench
