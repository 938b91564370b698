// StateSize: what a VersionedState holds.
#pragma once

#include <cstdint>

namespace odb {

// Counted as it changes. Bytes are those of the blocks themselves: what long texts, lists and other
// values beyond a few bytes hold outside of them, and what an allocator adds, is not in it.
struct StateSize {
  std::uint64_t objects = 0;        // that exist at the newest version
  std::uint64_t rows = 0;           // with before-images, and what waits to be freed
  std::uint64_t row_bytes = 0;      // of these
  std::uint64_t index_entries = 0;  // likewise
  std::uint64_t index_bytes = 0;    // of these, about: the height of an entry is an average

  friend bool operator==(const StateSize&, const StateSize&) = default;
};

}  // namespace odb
