// The floor: what TLS over loopback costs by itself. Two processes exchange as many bytes as odb
// does, in blocking poll loops over the project's own TLS stream, and do nothing else.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "link_bytes.h"
#include "run.h"
#include "statistics.h"

namespace odb::bench {

struct FloorTraffic {
  // Of one request and of one answer, without what TLS adds.
  std::int64_t request_bytes = 0;
  std::int64_t answer_bytes = 0;
  int clients = 1;
  int in_flight = 1;
};
// What a commit exchanges when it travels alone, in one record each way.
FloorTraffic traffic_of_single(double link_bytes_sent, double link_bytes_received);

// Round trips one after another.
Percentiles measure_floor_latency(const FloorTraffic& traffic, const Pinning& pinning,
                                  std::int64_t rounds);
// Requests answered per second, of all clients together.
double measure_floor_throughput(const FloorTraffic& traffic, const Pinning& pinning,
                                std::int64_t window_ms);

// A stretch of time in which all workers of one measurement count.
struct Window {
  std::int64_t from_ns = 0;
  std::int64_t until_ns = 0;
  double seconds() const { return static_cast<double>(until_ns - from_ns) * 1e-9; }
};
struct WindowResults {
  Window window;
  std::vector<json::object> results;  // one a worker

  double total(std::string_view name) const;
  double per_second() const { return total("count") / window.seconds(); }
  // Of workers that tell p50, p99 and p999: the median worker's of each.
  Percentiles median_latency() const;
};
// Waits until every worker is ready, gives all the same window, and collects what they measured.
WindowResults measure_in_window(const Workers& workers, std::int64_t window_ms);
// A worker's side of it.
Window agree_on_window(WorkerChannel& channel);

}  // namespace odb::bench
