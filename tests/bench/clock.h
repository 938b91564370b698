// The monotonic clock, which all processes of one machine share.
#pragma once

#include <chrono>
#include <cstdint>

namespace odb::bench {

inline std::int64_t now_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

inline double seconds_since(std::int64_t begin_ns) {
  return static_cast<double>(now_ns() - begin_ns) * 1e-9;
}

}  // namespace odb::bench
