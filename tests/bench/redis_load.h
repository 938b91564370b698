// Redis doing what commits do, over TLS, driven as odb is.
#pragma once

#include <cstdint>

#include "commit_throughput.h"
#include "run.h"
#include "statistics.h"

namespace odb::bench {

enum class RedisWork : std::int64_t {
  kSet,      // SET of an integer: writes without asking
  kChecked,  // a script that writes an integer and a version if the version is the one that was
             // read
  kIndexed,  // the same with a text of 100 bytes, and a set for each value of an indexed integer
  kWatch,    // WATCH and HGET, then MULTI, HSET, EXEC: two round trips
  kStream,   // XADD of 100 bytes to a stream that is kept short
};

// One at a time.
Percentiles measure_redis_latency(const Run& run, RedisWork work, const Pinning& pinning,
                                  std::int64_t rounds);

// As many clients, with as many in flight each, as `load` says; its kind does not count. Not for
// kWatch, which a connection can do one of at a time only.
Throughput measure_redis_throughput(const Run& run, RedisWork work, const Pinning& pinning,
                                    const CommitLoad& load, std::int64_t window_ms);

}  // namespace odb::bench
