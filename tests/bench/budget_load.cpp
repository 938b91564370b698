// How many instructions a commit takes in the server: budget.py, and the commits that it counts
// over.
#include <boost/json/parse.hpp>
#include <filesystem>
#include <stdexcept>

#include "figures.h"
#include "pipeline.h"
#include "python.h"

namespace odb::bench {

json::object budget_load_worker(const json::object& arguments, WorkerChannel&) {
  Database database = connect_to(arguments);
  database.define(counter_schema());
  const auto in_flight = static_cast<std::size_t>(integer(arguments, "in_flight"));
  std::vector<Ref<Counter>> counters = create_counters(database, in_flight);
  database.subscribe(objects(counters));
  Pipeline pipeline(database, in_flight, increment_of(std::move(counters)));
  pipeline.run_commits(integer(arguments, "commits"));
  database.disconnect();
  if (pipeline.total() != integer(arguments, "commits")) throw std::runtime_error("commits lack");
  return {{"commits", pipeline.total()}};
}

// Once, whatever the repetitions: the script takes a median by itself.
void measure_instructions(Run& run) {
  constexpr char kFigure[] = "instructions";
  show_progress(kFigure, 1, 1);
  const std::filesystem::path binaries = std::filesystem::path(own_path()).parent_path();
  ProcessOptions options;
  options.arguments = {kPythonInterpreter,      std::string(ODB_BENCH_SOURCE_DIR) + "/budget.py",
                       binaries.string(),       "--server",
                       run.options.server_path, "--json"};
  Process script(options);
  const json::object found = json::parse(script.read_line()).as_object();
  if (found.contains("skipped")) return run.report.skip(kFigure, text(found, "skipped"));
  run.report
      .line(kFigure, "server without OpenSSL, a commit, 64 in flight", "instructions",
            {Goal::Kind::kAtMost, 4000})
      .samples.push_back(number(found, "instructions"));
}

}  // namespace odb::bench
