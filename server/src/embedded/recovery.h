// Recovery: what to make of a data directory's logs at the start. Pure.
#pragma once

#include <cstdint>
#include <optional>

#include "mark.h"
#include "odb/core/error.h"
#include "wal.h"

namespace odb::server::embedded {

enum class Boot : std::uint8_t {
  kSame,     // whatever was written is there, on the disk or not
  kAnother,  // what was not synced may be gone, or there in part
};

struct Recovery {
  std::optional<WalCut> cut;         // what was being written when the last server ended
  std::uint64_t sequence_least = 0;  // what there is must reach this
  bool may_have_lost = false;        // something that was acknowledged
};

// kDataDamaged, naming the file, when something that was acknowledged is damaged.
Result<Recovery> decide(const Mark& mark, const WalScan& scan, Boot boot);

}  // namespace odb::server::embedded
