// Wal: looks at the logs that RocksDB writes before anything else, without RocksDB. That takes a
// batch that is damaged for the end of a log when it may be one, and goes on behind one that is
// all zeros; here it is found out which of the two it is.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "odb/core/error.h"

namespace odb::server::embedded {

struct WalDamage {
  enum class Shape : std::uint8_t {
    kCutOff,   // the file ends within a batch
    kGarbled,  // there are bytes that were never written so, or batches are missing
  };
  std::string file;
  std::uint64_t offset = 0;  // where the last whole batch before it ends
  Shape shape = Shape::kCutOff;
  bool is_followed = false;  // by the beginning of a later batch, here or in a later file
  std::vector<std::string> later_files{};

  std::string to_string() const;
};

struct WalScan {
  std::uint64_t last_sequence = 0;  // of the last whole batch before any damage; 0: there is none
  std::string last_file;            // that has been looked at; empty: there is none
  std::optional<WalDamage> damage;
};

// Of the logs in this folder. kBadConfiguration when one cannot be read.
Result<WalScan> scan_wal(const std::string& folder);
// Of one log's bytes.
WalScan scan_wal_bytes(std::string_view bytes);

// A place behind which nothing counts.
struct WalCut {
  std::string file;
  std::uint64_t offset = 0;
  std::vector<std::string> later_files;  // nothing of them counts
};
// Where everything up to this sequence ends; nothing when no log goes beyond.
Result<std::optional<WalCut>> find_cut(const std::string& folder, std::uint64_t sequence);

}  // namespace odb::server::embedded
