// StageTimes: how long commits took from stage to stage.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "odb/core/ids.h"
#include "odb/server/queue.h"

namespace odb::server {

// How many durations fell below each of some bounds.
struct DurationHistogram {
  // Nanoseconds; a last bucket takes what is longer.
  static constexpr std::array<std::int64_t, 19> kBounds = {
      10'000,        25'000,        50'000,        100'000,       250'000,
      500'000,       1'000'000,     2'500'000,     5'000'000,     10'000'000,
      25'000'000,    50'000'000,    100'000'000,   250'000'000,   500'000'000,
      1'000'000'000, 2'500'000'000, 5'000'000'000, 10'000'000'000};

  void add(std::chrono::nanoseconds duration, std::uint64_t count);
  std::uint64_t count() const;

  std::array<std::uint64_t, kBounds.size() + 1> buckets{};  // each for itself
  std::chrono::nanoseconds sum{};

  friend bool operator==(const DurationHistogram&, const DurationHistogram&) = default;
};

// What a commit goes through once it is accepted. Commits that went to the store together count
// each, with the time of the whole batch.
struct StageTimes {
  DurationHistogram durable;    // given to the store -> durable
  DurationHistogram published;  // durable -> deltas and outcomes queued to the sessions
  DurationHistogram told;       // queued -> written to the sockets, as far as these took it

  friend bool operator==(const StageTimes&, const StageTimes&) = default;
};

// Follows batches through the stages, with one reading of the clock for each stage. Belongs to
// ServerCore and its thread.
class StageWatch {
 public:
  using Time = std::chrono::steady_clock::time_point;

  explicit StageWatch(Version accepted) : accepted_(accepted) {}

  // Versions after the last ones, up to this one, go to the store together.
  void on_accepted(Version up_to, Time now);
  void on_durable(Version up_to, Time now);
  void on_published(Version up_to, Time now);
  void on_told(Time now);
  void on_rolled_back(Version to);

  bool expects_told() const { return untold_ != 0; }
  Version accepted() const { return accepted_; }
  // How long the oldest version that is not durable has waited.
  std::chrono::nanoseconds lag(Time now) const;
  const StageTimes& times() const { return times_; }

 private:
  struct Batch {
    Version last;
    std::uint64_t commits = 0;
    Time since{};  // of the stage that it is in
  };

  Version accepted_;
  Queue<Batch> at_store_;
  Queue<Batch> durable_;
  std::uint64_t untold_ = 0;  // commits
  Time untold_since_{};       // of the oldest among them
  StageTimes times_;
};

}  // namespace odb::server
