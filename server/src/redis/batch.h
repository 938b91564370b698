// Batch: appends on their way to Redis, as the arguments of one script.
#pragma once

#include <cstdint>
#include <string>

#include "keys.h"
#include "odb/server/store.h"
#include "resp.h"

namespace odb::server::redis {

// Several appends, one after the other, merge into one.
class Batch {
 public:
  // A store that is being filled keeps no log: what it held would only be what it was filled with.
  enum class Log : std::uint8_t { kKept, kNone };
  Batch(const CommitBatch& batch, const Keys& keys, Log log = Log::kKept);

  Version first() const { return first_; }
  Version last() const { return last_; }
  std::size_t bytes() const;

  // What follows in versions. Whether it has room is the caller's to see: can_take().
  bool can_take(const Batch& more) const;
  void merge(const Batch& more);

  // The command that runs the append script of this digest, which also cuts versions up to `cut`
  // off the log.
  void append_to(std::string& out, const std::string& digest, const std::string& fence,
                 const Keys& keys, Version cut) const;

 private:
  Version first_;
  Version last_;
  Version forgotten_up_to_;
  std::int64_t rows_added_ = 0;
  Arguments log_;
  Arguments outcomes_;
  Arguments forgotten_;
  Arguments types_;
  Arguments rows_;
  Arguments removed_;
};

}  // namespace odb::server::redis
