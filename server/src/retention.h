// Retention: how far back a store's log reaches.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>

#include "odb/core/ids.h"
#include "odb/server/log_retention.h"

namespace odb::server {

// Pure: the time comes in. What is in the log before the first call counts as written then, for the
// log does not say when it was.
class Retention {
 public:
  using Time = std::chrono::steady_clock::time_point;

  explicit Retention(LogRetention options);

  // Whether cut() wants to know the time.
  bool needs_time() const { return options_.time.count() != 0; }

  // Versions up to `last` are written to the log now. Gives the newest version that may leave it;
  // 0 when none may.
  Version cut(Version last, Time now);

 private:
  // Versions up to `last` are not newer than `written`.
  struct Mark {
    Version last;
    Time written{};
  };

  const LogRetention options_;
  const std::chrono::milliseconds spacing_;  // of marks, so that there are never many
  std::deque<Mark> marks_;
  Version old_;  // the newest version that is older than options_.time
};

}  // namespace odb::server
