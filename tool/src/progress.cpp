#include "odb/tool/progress.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <utility>

namespace odb::tool {

namespace {

constexpr std::chrono::milliseconds kInterval{100};
constexpr std::uint64_t kBarCharacters = 30;

}  // namespace

Progress::Progress(std::string what)
    : what_(std::move(what)),
      is_shown_(::isatty(STDERR_FILENO) == 1),
      begun_(std::chrono::steady_clock::now()),
      told_at_(begun_) {}

Progress::~Progress() {
  if (is_shown_) std::fputs("\r\x1b[K", stderr);
}

void Progress::glance() {
  shown_ = done_;
  const auto now = std::chrono::steady_clock::now();
  if (now - told_at_ < kInterval) return;
  told_at_ = now;
  const double seconds = std::chrono::duration<double>(now - begun_).count();
  const double rate = static_cast<double>(done_) / std::max(seconds, 1e-9);
  if (total_ == 0) {
    std::fprintf(stderr, "\r\x1b[K%s: %llu objects, %.0f/s", what_.c_str(),
                 static_cast<unsigned long long>(done_), rate);
  } else {
    const std::uint64_t part = std::min(done_, total_);
    std::string bar(static_cast<std::size_t>(part * kBarCharacters / total_), '#');
    bar.resize(kBarCharacters, '.');
    std::fprintf(stderr, "\r\x1b[K%s: [%s] %3llu%% of %llu objects, %.0f/s", what_.c_str(),
                 bar.c_str(), static_cast<unsigned long long>(part * 100 / total_),
                 static_cast<unsigned long long>(total_), rate);
  }
  std::fflush(stderr);
}

}  // namespace odb::tool
