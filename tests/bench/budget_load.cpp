// How many instructions a commit takes in the server: budget.py, and the commits that it counts
// over.
#include <atomic>
#include <boost/json/parse.hpp>
#include <filesystem>
#include <stdexcept>
#include <utility>
#include <vector>

#include "figures.h"
#include "model.h"
#include "python.h"

namespace odb::bench {

namespace {

// Commits in batches, the next when the last one's outcomes are there: how commits share reads and
// writes then does not depend on how fast client and server happen to be. Everything but run() runs
// on the database's background thread.
class Batches {
 public:
  Batches(Database& database, std::vector<Ref<Counter>> counters)
      : database_(database), counters_(std::move(counters)) {}

  void run(std::int64_t batches) {
    left_ = batches;
    commit();
    is_over_.wait(false);
  }

 private:
  void commit() {
    under_way_ = counters_.size();
    for (const Ref<Counter>& counter : counters_) {
      Transaction transaction = database_.transaction();
      transaction.set<&Counter::count>(counter, transaction.get<&Counter::count>(counter) + 1);
      transaction.commit_async([this](const CommitOutcome& outcome) {
        check_accepted(outcome);
        if (--under_way_ == 0) finished();
      });
    }
  }
  void finished() {
    if (--left_ > 0) return commit();
    is_over_ = true;
    is_over_.notify_one();
  }

  Database& database_;
  const std::vector<Ref<Counter>> counters_;
  std::atomic<std::size_t> under_way_ = 0;
  std::int64_t left_ = 0;
  std::atomic<bool> is_over_ = false;
};

}  // namespace

json::object budget_load_worker(const json::object& arguments, WorkerChannel&) {
  Database database = connect_to(arguments);
  database.define(counter_schema());
  const std::int64_t in_flight = integer(arguments, "in_flight");
  const std::int64_t commits = integer(arguments, "commits");
  if (in_flight <= 0 || commits <= 0 || commits % in_flight != 0) {
    throw std::runtime_error("commits are not whole batches");
  }
  std::vector<Ref<Counter>> counters =
      create_counters(database, static_cast<std::size_t>(in_flight));
  database.subscribe(objects(counters));
  Batches batches(database, counters);
  batches.run(commits / in_flight);
  database.flush();
  const View view = database.view();
  for (const Ref<Counter>& counter : counters) {
    if (view.get<&Counter::count>(counter) != commits / in_flight) {
      throw std::runtime_error("commits were lost");
    }
  }
  database.disconnect();
  return {{"commits", commits}};
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
      .line(kFigure, "server without OpenSSL, a commit, in batches of 64", "instructions",
            {Goal::Kind::kAtMost, 4000})
      .samples.push_back(number(found, "instructions"));
}

}  // namespace odb::bench
