// LeaseClock: the time by which a lease runs out.
#pragma once

#include <chrono>
#include <ctime>

namespace odb::server::redis {

// Monotonic, and goes on while the process is stopped and while the machine is suspended: the lease
// in Redis does not wait either.
struct LeaseClock {
  using duration = std::chrono::nanoseconds;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<LeaseClock>;
  static constexpr bool is_steady = true;

  static time_point now() {
    timespec time{};
    clock_gettime(CLOCK_BOOTTIME, &time);
    return time_point(std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec));
  }
};

}  // namespace odb::server::redis
