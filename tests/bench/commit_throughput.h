// Commits of many in flight, measured in a window of time.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "floor.h"
#include "run.h"

namespace odb::bench {

enum class CommitKind : std::int64_t {
  kCounter,  // reads one integer and writes it
  kIndexed,  // reads an indexed integer, writes it and a text
};

struct CommitLoad {
  CommitKind kind = CommitKind::kCounter;
  int clients = 1;
  int in_flight = 64;  // of each client
  int counters = 1;    // that each of those takes in turn; with kCounter
};

struct Throughput {
  double commits_per_second = 0;
  std::int64_t commits = 0;  // in all, also before and behind the window
  Percentiles latency;       // medians over the clients
  // A commit:
  double bytes_sent = 0;
  double bytes_received = 0;
  double server_cpu_us = 0;
  double client_cpu_us = 0;
};

// A server of its own, with clients of their own.
Throughput measure_throughput(const Run& run, const Pinning& pinning, const CommitLoad& load,
                              std::int64_t window_ms, std::vector<std::string> store = {"--inmem"});

// What its floor exchanges.
FloorTraffic traffic_of(const Throughput& throughput, const CommitLoad& load);

}  // namespace odb::bench
