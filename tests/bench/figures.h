// The figures, and the workers that measure them.
#pragma once

#include "run.h"
#include "worker.h"

namespace odb::bench {

// Each adds its lines to the run's report. A name is what --only takes.
struct Figure {
  const char* name;
  void (*measure)(Run& run);
};

void measure_commit_latency(Run& run);
void measure_commit_throughput(Run& run);
void measure_pipelined(Run& run);
void measure_indexed(Run& run);
void measure_instructions(Run& run);
void measure_snapshot(Run& run);
void measure_create(Run& run);
void measure_load_sweep(Run& run);
void measure_clients(Run& run);
void measure_contention(Run& run);
void measure_connections(Run& run);
void measure_server_start(Run& run);
void measure_fan_out(Run& run);
void measure_local_reads(Run& run);
void measure_python_access(Run& run);
void measure_python_commits(Run& run);
void measure_first_reads(Run& run);
void measure_reactor_wake(Run& run);
void measure_commit_cost(Run& run);
void measure_index_interest(Run& run);
void measure_memory(Run& run);
void measure_metrics_cost(Run& run);
void measure_redis_commits(Run& run);
void measure_redis_restart(Run& run);
void measure_embedded_commits(Run& run);
void measure_embedded_restart(Run& run);
void measure_resume(Run& run);
void measure_steady_load(Run& run);
void measure_tool(Run& run);

json::object floor_server(const json::object& arguments, WorkerChannel& channel);
json::object floor_client(const json::object& arguments, WorkerChannel& channel);
json::object budget_load_worker(const json::object& arguments, WorkerChannel& channel);
json::object bare_loop_server(const json::object& arguments, WorkerChannel& channel);
json::object bare_loop_client(const json::object& arguments, WorkerChannel& channel);
json::object redis_load_worker(const json::object& arguments, WorkerChannel& channel);
json::object redis_publisher(const json::object& arguments, WorkerChannel& channel);
json::object redis_subscriber(const json::object& arguments, WorkerChannel& channel);
json::object redis_fill_worker(const json::object& arguments, WorkerChannel& channel);
json::object redis_snapshot_worker(const json::object& arguments, WorkerChannel& channel);
json::object commits_meanwhile_worker(const json::object& arguments, WorkerChannel& channel);
json::object cache_worker(const json::object& arguments, WorkerChannel& channel);
json::object create_worker(const json::object& arguments, WorkerChannel& channel);
json::object create_watcher(const json::object& arguments, WorkerChannel& channel);
json::object make_counter_worker(const json::object& arguments, WorkerChannel& channel);
json::object contention_worker(const json::object& arguments, WorkerChannel& channel);
json::object commit_latency_worker(const json::object& arguments, WorkerChannel& channel);
json::object commit_throughput_worker(const json::object& arguments, WorkerChannel& channel);
json::object load_objects_worker(const json::object& arguments, WorkerChannel& channel);
json::object snapshot_worker(const json::object& arguments, WorkerChannel& channel);
json::object fan_out_producer(const json::object& arguments, WorkerChannel& channel);
json::object fan_out_subscriber(const json::object& arguments, WorkerChannel& channel);
json::object local_reads_worker(const json::object& arguments, WorkerChannel& channel);
json::object first_reads_worker(const json::object& arguments, WorkerChannel& channel);
json::object reactor_wake_producer(const json::object& arguments, WorkerChannel& channel);
json::object reactor_wake_reactor(const json::object& arguments, WorkerChannel& channel);
json::object commit_cost_worker(const json::object& arguments, WorkerChannel& channel);
json::object index_interest_worker(const json::object& arguments, WorkerChannel& channel);
json::object redis_floor_worker(const json::object& arguments, WorkerChannel& channel);
json::object resume_worker(const json::object& arguments, WorkerChannel& channel);
json::object steady_load_worker(const json::object& arguments, WorkerChannel& channel);
json::object idle_connections_worker(const json::object& arguments, WorkerChannel& channel);

// So that servers and workers may have thousands of connections: they inherit it.
void raise_descriptor_limit();

}  // namespace odb::bench
