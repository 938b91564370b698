// Objects as programs keep them in Redis: a hash each, and a set for each value of an index.
#pragma once

#include <cstdint>

#include "model.h"
#include "run.h"

namespace odb::bench {

// Hashes of items (make_item) per second that a fresh client gets, all of them, by SCAN and
// HGETALL, pipelined.
double measure_redis_snapshot(const Run& run, std::int64_t objects);

// What Redis says that it uses, for each object: bytes.
double measure_redis_memory(const Run& run, std::int64_t objects, Indexing indexing);

}  // namespace odb::bench
