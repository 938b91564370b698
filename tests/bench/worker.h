// Workers: what odb_bench does in processes of their own. Each is a function from JSON to JSON.
#pragma once

#include <boost/json/object.hpp>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "process.h"

namespace odb::bench {

namespace json = boost::json;

// A worker's way to talk with the bench before it is done: one JSON object a line.
class WorkerChannel {
 public:
  // Tells `message`; returns what the bench answers.
  json::object exchange(const json::object& message);
};

using WorkerFunction = json::object (*)(const json::object& arguments, WorkerChannel& channel);

// Those of all figures; null for an unknown name.
WorkerFunction find_worker(std::string_view name);

// What `odb_bench worker NAME ARGUMENTS` does. Returns the exit status.
int run_worker(const std::string& name, const std::string& arguments);

// A worker seen from the bench. Failures throw std::runtime_error.
class Worker {
 public:
  Worker(const std::string& name, const json::object& arguments, std::optional<int> cpu,
         const std::string& token);

  json::object read();  // the worker's next message, or its result
  void write(const json::object& answer);
  Process& process() { return process_; }

 private:
  Process process_;
};

// So many alike.
using Workers = std::vector<std::unique_ptr<Worker>>;
Workers start_workers(int count, const std::string& name, const json::object& arguments,
                      std::optional<int> cpu, const std::string& token);

// Fields of messages; throw std::runtime_error naming what is missing.
double number(const json::object& object, std::string_view name);
std::int64_t integer(const json::object& object, std::string_view name);
std::string text(const json::object& object, std::string_view name);

}  // namespace odb::bench
