#include "odb/client/detail/read_watch.h"

#include <algorithm>
#include <random>
#include <utility>

#include "connection.h"

namespace odb::detail {

namespace {

// How often a waiting thread calls while_waiting.
constexpr std::chrono::milliseconds kWhileWaitingInterval{50};

// Longer waits than this, a year, count as endless: times that far do not fit every clock.
constexpr std::chrono::hours kWaitMax{24 * 365};

std::size_t size_of(const Change& change) {
  return 1 + change.created.size() + change.changed.size() + change.deleted.size() +
         change.index_additions.size() + change.index_removals.size();
}

}  // namespace

void ReadWatch::note(const Change& change) {
  const std::lock_guard lock(mutex_);
  if (touched_ || state_ == State::kIdle) return;
  if (state_ == State::kArmed) {
    if (!reads_.is_touched_by(change)) return;
    touched_ = true;
    changed_.notify_all();
    return;
  }
  kept_size_ += size_of(change);
  if (kept_size_ > kKeptMax) {
    touched_ = true;
    kept_.clear();
    return;
  }
  kept_.push_back(change);
}

void ReadWatch::note_end(const Error& reason) {
  const std::lock_guard lock(mutex_);
  end_reason_ = reason;
  changed_.notify_all();
}

void ReadWatch::begin() { reset(State::kReading); }

void ReadWatch::abandon() { reset(State::kIdle); }

void ReadWatch::reset(State state) {
  std::vector<Change> before;  // destroyed with the mutex free
  const std::lock_guard lock(mutex_);
  before.swap(kept_);
  state_ = state;
  reads_ = {};
  wake_at_.reset();
  touched_ = false;
  kept_size_ = 0;
}

void ReadWatch::arm(ReadTrigger reads, std::optional<SystemTime> wake_at) {
  std::vector<Change> kept;
  const std::lock_guard lock(mutex_);
  kept.swap(kept_);
  state_ = State::kArmed;
  reads_ = std::move(reads);
  wake_at_ = wake_at;
  // With nothing read there is nothing that an overflow could have touched.
  touched_ = (touched_ && !reads_.empty()) ||
             std::any_of(kept.begin(), kept.end(),
                         [&](const Change& change) { return reads_.is_touched_by(change); });
}

bool ReadWatch::is_armed() const {
  const std::lock_guard lock(mutex_);
  return state_ == State::kArmed;
}

bool ReadWatch::will_never_wake() const {
  const std::lock_guard lock(mutex_);
  return state_ == State::kArmed && reads_.empty() && !wake_at_;
}

void ReadWatch::wait_a_while(Lock& lock, std::optional<SteadyTime> deadline,
                             std::optional<SystemTime> wake_at,
                             const std::function<void()>& while_waiting) {
  const SteadyTime now = std::chrono::steady_clock::now();
  std::chrono::nanoseconds left = kWaitMax;
  if (deadline) left = std::min<std::chrono::nanoseconds>(left, *deadline - now);
  if (while_waiting) left = std::min<std::chrono::nanoseconds>(left, kWhileWaitingInterval);
  const SystemTime until = std::chrono::system_clock::now() +
                           std::chrono::duration_cast<std::chrono::system_clock::duration>(left);
  if (wake_at && *wake_at < until) {
    // By the system's clock: a step of it counts.
    changed_.wait_until(lock, *wake_at);
  } else {
    changed_.wait_for(lock, left);
  }
  if (!while_waiting) return;
  lock.unlock();
  while_waiting();
  lock.lock();
}

ReadWatch::Wake ReadWatch::wait(Timeout timeout, const std::function<void()>& while_waiting) {
  std::optional<SteadyTime> deadline;
  if (timeout && *timeout < kWaitMax) deadline = std::chrono::steady_clock::now() + *timeout;
  Lock lock(mutex_);
  for (;;) {
    if (stopped_) return Wake::kStopped;
    if (end_reason_) return Wake::kDisconnected;
    if (touched_) return Wake::kTouched;
    if (wake_at_ && std::chrono::system_clock::now() >= *wake_at_) return Wake::kTime;
    if (deadline && std::chrono::steady_clock::now() >= *deadline) return Wake::kTimeout;
    wait_a_while(lock, deadline, wake_at_, while_waiting);
  }
}

bool ReadWatch::pause(std::chrono::microseconds time, const std::function<void()>& while_waiting) {
  const SteadyTime deadline = std::chrono::steady_clock::now() + time;
  Lock lock(mutex_);
  while (std::chrono::steady_clock::now() < deadline) {
    if (stopped_ || end_reason_) return false;
    wait_a_while(lock, deadline, {}, while_waiting);
  }
  return true;
}

void ReadWatch::stop() {
  const std::lock_guard lock(mutex_);
  stopped_ = true;
  changed_.notify_all();
}

void ReadWatch::resume() {
  const std::lock_guard lock(mutex_);
  stopped_ = false;
}

bool ReadWatch::is_stopped() const {
  const std::lock_guard lock(mutex_);
  return stopped_;
}

std::optional<Error> ReadWatch::end_reason() const {
  const std::lock_guard lock(mutex_);
  return end_reason_;
}

WatchRegistration::WatchRegistration(std::shared_ptr<Connection> connection,
                                     std::shared_ptr<ReadWatch> watch)
    : connection_(std::move(connection)), watch_(std::move(watch)) {
  connection_->add_watch(watch_);
}

WatchRegistration::~WatchRegistration() { end(); }

void WatchRegistration::end() { connection_->remove_watch(*watch_); }

const std::function<void()>& WatchRegistration::while_waiting() const {
  return connection_->options().while_waiting;
}

std::chrono::microseconds pause_after_conflict(int attempt) {
  // Full jitter, so that those who met once do not meet again (Brooker 2015): the first retry at
  // once, later ones after a random time up to a bound that doubles.
  if (attempt <= 1) return {};
  thread_local std::minstd_rand random{std::random_device{}()};
  const std::int64_t bound_us = std::int64_t{25} << std::min(attempt - 1, 9);
  std::uniform_int_distribution<std::int64_t> pause(0, bound_us);
  return std::chrono::microseconds(pause(random));
}

}  // namespace odb::detail
