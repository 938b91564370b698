// The bare loop: what a server of commits cannot be without. TLS, decoding a message of a commit's
// size, one look-up in a hash table and an increment there, encoding the answer; everything that
// arrived is answered with one write. Driven by a client that keeps as many in flight, and
// encodes and decodes too.
#pragma once

#include <cstdint>

#include "floor.h"
#include "run.h"

namespace odb::bench {

// Commits per second of all clients together; `traffic` as for measure_floor_throughput.
double measure_bare_loop(const FloorTraffic& traffic, const Pinning& pinning,
                         std::int64_t window_ms);

}  // namespace odb::bench
