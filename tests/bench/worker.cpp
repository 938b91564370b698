#include "worker.h"

#include <array>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <cstdio>
#include <exception>
#include <iostream>
#include <stdexcept>

#include "figures.h"

namespace odb::bench {

namespace {

struct Entry {
  std::string_view name;
  WorkerFunction function;
};
constexpr std::array kWorkers{
    Entry{"floor-client", floor_client},
    Entry{"floor-server", floor_server},
    Entry{"bare-loop-client", bare_loop_client},
    Entry{"bare-loop-server", bare_loop_server},
    Entry{"budget-load", budget_load_worker},
    Entry{"redis-publisher", redis_publisher},
    Entry{"redis-subscriber", redis_subscriber},
    Entry{"redis-fill", redis_fill_worker},
    Entry{"redis-snapshot", redis_snapshot_worker},
    Entry{"commits-meanwhile", commits_meanwhile_worker},
    Entry{"cache", cache_worker},
    Entry{"create", create_worker},
    Entry{"create-watcher", create_watcher},
    Entry{"make-counter", make_counter_worker},
    Entry{"contention", contention_worker},
    Entry{"redis-load", redis_load_worker},
    Entry{"commit-latency", commit_latency_worker},
    Entry{"commit-throughput", commit_throughput_worker},
    Entry{"redis-floor", redis_floor_worker},
    Entry{"resume", resume_worker},
    Entry{"steady-load", steady_load_worker},
    Entry{"load-objects", load_objects_worker},
    Entry{"snapshot", snapshot_worker},
    Entry{"fan-out-producer", fan_out_producer},
    Entry{"fan-out-subscriber", fan_out_subscriber},
    Entry{"local-reads", local_reads_worker},
    Entry{"first-reads", first_reads_worker},
    Entry{"reactor-wake-producer", reactor_wake_producer},
    Entry{"reactor-wake-reactor", reactor_wake_reactor},
    Entry{"commit-cost", commit_cost_worker},
    Entry{"index-interest", index_interest_worker},
    Entry{"idle-connections", idle_connections_worker},
};

json::object parse_object(const std::string& line) { return json::parse(line).as_object(); }

void write_line(const json::object& message) {
  const std::string line = json::serialize(message) + "\n";
  std::fwrite(line.data(), 1, line.size(), stdout);
  std::fflush(stdout);
}

const json::value& field(const json::object& object, std::string_view name) {
  if (const json::value* found = object.if_contains(json::string_view(name.data(), name.size()))) {
    return *found;
  }
  throw std::runtime_error("a worker's message lacks " + std::string(name));
}

}  // namespace

json::object WorkerChannel::exchange(const json::object& message) {
  write_line(message);
  std::string line;
  if (!std::getline(std::cin, line)) throw std::runtime_error("the bench has gone");
  return parse_object(line);
}

WorkerFunction find_worker(std::string_view name) {
  for (const Entry& entry : kWorkers) {
    if (entry.name == name) return entry.function;
  }
  return nullptr;
}

int run_worker(const std::string& name, const std::string& arguments) {
  const WorkerFunction function = find_worker(name);
  if (function == nullptr) {
    std::cerr << "odb_bench: there is no worker " << name << "\n";
    return 2;
  }
  try {
    WorkerChannel channel;
    write_line(function(parse_object(arguments), channel));
    return 0;
  } catch (const std::exception& error) {
    std::cerr << "odb_bench worker " << name << ": " << error.what() << "\n";
    return 1;
  }
}

Worker::Worker(const std::string& name, const json::object& arguments, std::optional<int> cpu,
               const std::string& token)
    : process_({.arguments = {own_path(), "worker", name, json::serialize(arguments)},
                .environment = {{"ODB_SERVICE_TOKEN", token}},
                .cpu = cpu}) {}

Workers start_workers(int count, const std::string& name, const json::object& arguments,
                      std::optional<int> cpu, const std::string& token) {
  Workers workers;
  workers.reserve(static_cast<std::size_t>(count));
  for (int i = 0; i < count; ++i) {
    workers.push_back(std::make_unique<Worker>(name, arguments, cpu, token));
  }
  return workers;
}

json::object Worker::read() { return parse_object(process_.read_line()); }
void Worker::write(const json::object& answer) { process_.write_line(json::serialize(answer)); }

double number(const json::object& object, std::string_view name) {
  return field(object, name).to_number<double>();
}
std::int64_t integer(const json::object& object, std::string_view name) {
  return field(object, name).to_number<std::int64_t>();
}
std::string text(const json::object& object, std::string_view name) {
  const json::string& found = field(object, name).as_string();
  return {found.data(), found.size()};
}

}  // namespace odb::bench
