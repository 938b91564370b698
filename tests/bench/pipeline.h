// Pipeline: keeps a number of commits under way at one database.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <limits>
#include <vector>

#include "clock.h"
#include "floor.h"
#include "model.h"

namespace odb::bench {

// The run functions wait, once in a pipeline's life; everything else happens on the database's
// background thread. Afterwards Database::disconnect() ends the thread that still is inside the
// last call.
class Pipeline {
 public:
  // What the commit in this place of the pipeline reads and writes; no two under way share a place.
  using Write = std::function<void(Transaction& transaction, std::size_t place)>;

  Pipeline(Database& database, std::size_t in_flight, Write write)
      : database_(database), write_(std::move(write)), begun_ns_(in_flight) {}

  void run_during(Window window) {
    window_ = window;
    samples_.reserve(kSamplesExpected);
    run();
  }
  void run_commits(std::int64_t commits) {
    left_ = commits;
    window_.from_ns = std::numeric_limits<std::int64_t>::max();
    window_.until_ns = std::numeric_limits<std::int64_t>::max();
    run();
  }

  std::int64_t total() const { return total_; }
  // Of the commits that ended inside the window, in nanoseconds.
  std::vector<std::uint64_t>& samples() { return samples_; }

 private:
  static constexpr std::size_t kSamplesExpected = 1 << 20;

  void run() {
    running_ = static_cast<int>(begun_ns_.size());
    for (std::size_t place = 0; place < begun_ns_.size(); ++place) commit(place, now_ns());
    for (int left = running_; left > 0; left = running_) running_.wait(left);
  }

  void commit(std::size_t place, std::int64_t now) {
    if (now >= window_.until_ns || left_.fetch_sub(1) <= 0) {
      --running_;
      running_.notify_one();
      return;
    }
    begun_ns_[place] = now;
    Transaction transaction = database_.transaction();
    write_(transaction, place);
    transaction.commit_async([this, place](const CommitOutcome& outcome) {
      check_accepted(outcome);
      finished(place);
    });
  }

  void finished(std::size_t place) {
    const std::int64_t now = now_ns();
    ++total_;
    if (now >= window_.from_ns && now < window_.until_ns) {
      samples_.push_back(static_cast<std::uint64_t>(now - begun_ns_[place]));
    }
    commit(place, now);
  }

  Database& database_;
  const Write write_;
  Window window_;
  std::atomic<std::int64_t> left_ = std::numeric_limits<std::int64_t>::max();
  std::vector<std::int64_t> begun_ns_;  // a place each
  std::vector<std::uint64_t> samples_;
  std::int64_t total_ = 0;
  std::atomic<int> running_ = 0;
};

// Reads one integer of an object of its own, of several in turn, and writes it back plus one.
Pipeline::Write increment_of(std::vector<Ref<Counter>> counters, std::size_t in_flight);

}  // namespace odb::bench
