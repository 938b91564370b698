// What all clients of the crash loop share: the objects that they work on.
#pragma once

#include <atomic>
#include <utility>
#include <vector>

#include "list_append/history.h"
#include "odb/core/ids.h"
#include "schema.h"

namespace odb::crash {

// For the whole run.
struct Stage {
  std::vector<Ref<Counter>> counters;
  std::vector<Ref<Register>> registers;
  std::vector<std::pair<Ref<Half>, Ref<Half>>> pairs;
};

// For one round.
struct Round {
  std::vector<Ref<List>> lists;
  std::vector<std::vector<Ref<Ledger>>> ledgers;  // of each client
  std::atomic<std::uint64_t> elements = 0;        // appended so far, or tried
};

}  // namespace odb::crash
