// Fan-out in Redis, over TLS.
#pragma once

#include <cstdint>

#include "run.h"

namespace odb::bench {

enum class RedisFanOut : std::uint8_t {
  kPubSub,  // PUBLISH and SUBSCRIBE: what was sent to one that was away is lost
  kStream,  // XADD and XREAD, which asks again for every batch
};

struct Deliveries {
  double per_second = 0;     // of all subscribers together
  double server_cpu_us = 0;  // for one of them
};

// Messages of 100 bytes from one publisher, which has `in_flight` unanswered, to all subscribers.
Deliveries measure_redis_fan_out(const Run& run, RedisFanOut kind, int subscribers, int in_flight,
                                 std::int64_t messages);

}  // namespace odb::bench
