// Filling a server with objects.
#pragma once

#include <cstdint>

#include "model.h"
#include "run.h"

namespace odb::bench {

inline constexpr std::int64_t kObjects = 1'000'000;
inline constexpr std::int64_t kObjectsQuick = 100'000;

Indexing indexing_of(const json::object& arguments);  // of a worker

// Creates that many items in the server, from a process of its own. Returns objects per second.
double load_objects(const ServerProcess& server, std::int64_t objects, Indexing indexing);

}  // namespace odb::bench
