#include "retention.h"

#include <algorithm>

namespace odb::server {

namespace {

constexpr int kMarksMax = 256;  // so a version stays up to 1/256 longer than it must

Version behind(Version last, std::uint64_t count) {
  return Version{last.value > count ? last.value - count : 0};
}

}  // namespace

Retention::Retention(LogRetention options)
    : options_(options), spacing_(options.time / kMarksMax + std::chrono::milliseconds{1}) {}

Version Retention::cut(Version last, Time now) {
  const Version by_count = behind(last, options_.versions);
  const Version at_least = behind(last, options_.versions_max);
  if (!needs_time()) return std::max(by_count, at_least);

  if (marks_.empty() || now - marks_.back().written >= spacing_) {
    marks_.push_back({last, now});
  } else {
    // Written up to a spacing after the mark, which is why marks stay that much longer.
    marks_.back().last = std::max(marks_.back().last, last);
  }
  while (!marks_.empty() && now - marks_.front().written >= options_.time + spacing_) {
    old_ = marks_.front().last;
    marks_.pop_front();
  }
  return std::max(std::min(by_count, old_), at_least);
}

}  // namespace odb::server
