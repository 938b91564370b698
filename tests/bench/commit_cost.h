// Commits to two servers in turn, so that both meet the same weather.
#pragma once

#include <cstdint>

#include "run.h"

namespace odb::bench {

// What a server is filled with.
struct Load {
  std::int64_t objects = 1000;
  std::int64_t fields = 2;
  std::int64_t subscriptions = 0;  // idle ones, of another connection
};

struct SmallAndLarge {  // medians
  double small_us = 0;
  double large_us = 0;
};

// Fills one server with a default Load and the other with `load`, and measures commits to both. The
// client runs on the core of measurements on one core.
SmallAndLarge measure_commit_cost_of(const Run& run, const ServerProcess& small,
                                     const ServerProcess& large, const Load& load);

}  // namespace odb::bench
