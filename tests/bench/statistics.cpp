#include "statistics.h"

#include <algorithm>

namespace odb::bench {

double median(std::vector<double> samples) {
  std::sort(samples.begin(), samples.end());
  const std::size_t middle = samples.size() / 2;
  if (samples.size() % 2 == 1) return samples[middle];
  return (samples[middle - 1] + samples[middle]) / 2;
}

Percentiles percentiles(std::span<std::uint64_t> samples_ns) {
  std::sort(samples_ns.begin(), samples_ns.end());
  const auto at = [&](double fraction) {
    const auto place =
        static_cast<std::size_t>(fraction * static_cast<double>(samples_ns.size() - 1));
    return static_cast<double>(samples_ns[place]) / 1000;
  };
  return {at(0.50), at(0.99), at(0.999)};
}

}  // namespace odb::bench
