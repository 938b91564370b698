// Statistics: how a server is doing, as of one moment.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "odb/core/error.h"
#include "odb/core/ids.h"
#include "odb/server/stage_times.h"

namespace odb::server {

// Whether the store takes commits.
enum class StoreStanding : std::uint8_t {
  kReady,
  kAway,       // it is expected back; until then commits are refused
  kLost,       // it is not this server's any more, or lost commits: reads only until the next start
  kElsewhere,  // another server owns it; this one waits as standby
};
std::string_view to_string(StoreStanding standing);  // "ready"

// How often commits were refused with one code.
struct RefusalCount {
  ErrorCode code = ErrorCode::kNone;
  std::uint64_t count = 0;

  friend bool operator==(const RefusalCount&, const RefusalCount&) = default;
};

// Bytes by what they are for, from counters that are kept as one goes: the blocks of rows and index
// entries (see StateSize), the commits on the wire for what is retained. What long values hold
// outside of their rows, and what an allocator adds, shows in `resident` alone.
struct MemoryUse {
  std::uint64_t rows = 0;  // objects with their before-images
  std::uint64_t indexes = 0;
  std::uint64_t retained_commits = 0;  // for clients that come back, and to undo
  std::uint64_t queues = 0;            // what sessions have not read yet
  std::uint64_t resident = 0;          // of the whole process; 0 where nobody can tell

  friend bool operator==(const MemoryUse&, const MemoryUse&) = default;
};

// A plain value. Counters begin with 0 at the start of the server and never fall.
struct Statistics {
  std::int64_t started_utc_ns = 0;
  HistoryId history;
  // accepted >= durable >= published >= horizon.
  Version accepted;
  Version durable;
  Version published;
  Version horizon;

  std::string store;  // its name: "memory"
  StoreStanding store_standing = StoreStanding::kReady;
  std::string store_trouble;  // why it is not ready
  // What it has been given and has not confirmed: how many versions, and how long the oldest waits.
  std::uint64_t store_lag_versions = 0;
  std::chrono::nanoseconds store_lag{};

  std::uint64_t sessions = 0;          // open ones
  std::uint64_t connections = 0;       // with those that are not open yet
  std::uint64_t connections_made = 0;  // a counter
  std::uint64_t subscriptions = 0;
  std::uint64_t queued_bytes_max = 0;  // of the session with most; all together: memory.queues

  std::uint64_t types = 0;
  std::uint64_t objects = 0;
  std::uint64_t rows = 0;
  std::uint64_t index_entries = 0;
  std::uint64_t retained_versions = 0;  // that stay readable behind the newest

  // Counters. Commits are those of clients and the server's own ones (who is connected).
  std::uint64_t commits = 0;
  std::uint64_t schema_changes = 0;
  std::uint64_t conflicts = 0;
  std::vector<RefusalCount> refusals;  // other than conflicts, by code
  StageTimes stages;

  MemoryUse memory;
};

}  // namespace odb::server
