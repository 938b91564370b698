// Progress: one line on stderr that says how far something is, when that is a terminal.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace odb::tool {

// A clock is read once every some hundred steps: add() costs nothing for each object.
class Progress {
 public:
  explicit Progress(std::string what);  // "dumping"
  ~Progress();                          // takes the line away
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void expect(std::uint64_t total) { total_ = total; }  // 0: not known
  void add(std::uint64_t steps) {
    done_ += steps;
    if (is_shown_ && done_ - shown_ >= kGlance) glance();
  }
  void set(std::uint64_t done) {
    done_ = done;
    if (is_shown_) glance();
  }

 private:
  static constexpr std::uint64_t kGlance = 512;
  void glance();

  const std::string what_;
  const bool is_shown_;
  std::uint64_t total_ = 0;
  std::uint64_t done_ = 0;
  std::uint64_t shown_ = 0;
  std::chrono::steady_clock::time_point begun_;
  std::chrono::steady_clock::time_point told_at_;
};

}  // namespace odb::tool
