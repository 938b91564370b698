// TellingPace: how often subscribers are told what has been committed.
#pragma once

#include <algorithm>
#include <chrono>

namespace odb::server {

// Telling costs a write for each subscriber, however little it carries. So that it takes no more
// than a quarter of the server's time, it waits for three times as long as it took the last time,
// and then carries what was committed meanwhile. After a pause nobody waits.
class TellingPace {
 public:
  using Time = std::chrono::steady_clock::time_point;
  static constexpr int kWaitTimes = 3;
  static constexpr std::chrono::microseconds kWaitMax{250};

  Time due() const { return due_; }
  void told(Time begin, Time end) {
    due_ = end + std::min<Time::duration>(kWaitTimes * (end - begin), kWaitMax);
  }

 private:
  Time due_{};
};

}  // namespace odb::server
