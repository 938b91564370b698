// Mark: how far a data directory's log is known to reach, and how its last server stood.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "odb/server/embedded_store.h"

namespace odb::server::embedded {

// A value. Sequences are RocksDB's: each single write has the next one.
struct Mark {
  enum class State : std::uint8_t {
    kServing = 1,  // something may have been acknowledged that is in no mark
    kAtRest =
        2,       // all that was acknowledged is on the disk; nothing more is before another mark is
    kEnded = 3,  // likewise, and the server ended in an orderly way
  };

  std::uint64_t number = 0;        // of this mark; the newest counts
  std::uint64_t acknowledged = 0;  // everything up to here has been acknowledged
  std::uint64_t synced = 0;        // ... and is on the disk
  State state = State::kServing;
  Durability durability = Durability::kCommit;
  std::string boot;  // of the machine, at most kBootBytes; empty when it is not known

  static constexpr std::size_t kBootBytes = 40;
  friend bool operator==(const Mark&, const Mark&) = default;
};

// The file has two places, written in turn, so that one of them is whole at any time.
inline constexpr std::size_t kMarkBytes = 96;
inline constexpr std::size_t kMarkPlaceBytes = 4096;  // from one place to the next: pages apart

std::string encode(const Mark& mark);  // kMarkBytes
// Of the whole file: the newest mark in it; nothing when there is none that is whole.
std::optional<Mark> newest_mark(std::string_view file);

}  // namespace odb::server::embedded
