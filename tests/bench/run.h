// Run: what every figure is given, and the processes that all of them need.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "process.h"
#include "report.h"
#include "worker.h"

namespace odb::bench {

struct RunOptions {
  int repetitions = 5;
  bool quick = false;  // everything smaller: to see that it works, not to report
  std::string server_path;
  std::string python_package;  // the folder to import object_database from
  std::string only;            // the one figure to measure; empty: all
};

struct Run {
  RunOptions options;
  std::string token;  // of all servers; travels in the environment
  Report report;

  // `full` objects, commits or milliseconds, fewer when quick.
  std::int64_t scaled(std::int64_t full, std::int64_t quick) const {
    return options.quick ? quick : full;
  }
};

// Where the two ends of a measurement run.
struct Pinning {
  std::string name;
  std::optional<int> server_cpu;
  std::optional<int> client_cpu;
};
// Unpinned, same core and, when there are two, across cores.
std::vector<Pinning> pinnings();

// Calls `body(repetition)` for each repetition, telling stderr about it.
template <class Body>
void repeat(const Run& run, const std::string& figure, Body&& body);

// An odb_server of our own, in memory unless told otherwise, on a free port.
class ServerProcess {
 public:
  explicit ServerProcess(const Run& run, std::optional<int> cpu = {},
                         std::vector<std::string> store = {"--inmem"});

  std::uint16_t port() const { return port_; }
  Process& process() { return process_; }
  // A worker that is told the port beside `arguments`.
  Worker start_worker(const std::string& name, json::object arguments = {},
                      std::optional<int> cpu = {}) const;
  // The same, to its end: the result.
  json::object run_worker(const std::string& name, json::object arguments = {},
                          std::optional<int> cpu = {}) const;

 private:
  const std::string token_;
  Process process_;
  std::uint16_t port_;
};

void show_progress(const std::string& figure, int repetition, int repetitions);

template <class Body>
void repeat(const Run& run, const std::string& figure, Body&& body) {
  for (int i = 0; i < run.options.repetitions; ++i) {
    show_progress(figure, i + 1, run.options.repetitions);
    body(i);
  }
}

}  // namespace odb::bench
