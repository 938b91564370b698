// Medians and percentiles.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace odb::bench {

// Requires at least one sample.
double median(std::vector<double> samples);

// Latencies in nanoseconds, in microseconds at some percentiles.
struct Percentiles {
  double p50_us = 0;
  double p99_us = 0;
  double p999_us = 0;
};
// Sorts the samples; requires at least one.
Percentiles percentiles(std::span<std::uint64_t> samples_ns);

}  // namespace odb::bench
