// RunClock: the time as a reactor's function sees it, and when that makes it run again.
#pragma once

#include <algorithm>
#include <chrono>
#include <optional>

namespace odb::detail {

// Of one thread; the innermost one counts while it lives.
class RunClock {
 public:
  using Time = std::chrono::system_clock::time_point;

  explicit RunClock(Time now) : now_(now), outer_(current()) { current() = this; }
  ~RunClock() { current() = outer_; }
  RunClock(const RunClock&) = delete;
  RunClock& operator=(const RunClock&) = delete;

  // That of this thread's run; null outside of one.
  static RunClock*& current() {
    thread_local RunClock* clock = nullptr;
    return clock;
  }

  Time now() const { return now_; }
  void wake_at(Time time) { wake_at_ = wake_at_ ? std::min(*wake_at_, time) : time; }
  bool is_after(Time time) {
    if (now_ >= time) return true;
    wake_at(time);
    return false;
  }
  void note_read() { is_read_ = true; }

  // When the run asked to be repeated.
  std::optional<Time> wake_time(std::chrono::milliseconds interval_of_reads) {
    if (is_read_) wake_at(now_ + interval_of_reads);
    return wake_at_;
  }

 private:
  const Time now_;
  RunClock* const outer_;
  std::optional<Time> wake_at_;
  bool is_read_ = false;
};

}  // namespace odb::detail
