#include "odb/server/stage_times.h"

#include <algorithm>
#include <numeric>

namespace odb::server {

void DurationHistogram::add(std::chrono::nanoseconds duration, std::uint64_t count) {
  const auto bound = std::lower_bound(kBounds.begin(), kBounds.end(), duration.count());
  buckets[static_cast<std::size_t>(bound - kBounds.begin())] += count;
  sum += duration * static_cast<std::int64_t>(count);
}

std::uint64_t DurationHistogram::count() const {
  return std::accumulate(buckets.begin(), buckets.end(), std::uint64_t{0});
}

void StageWatch::on_accepted(Version up_to, Time now) {
  if (up_to <= accepted_) return;
  at_store_.push_back({up_to, up_to.value - accepted_.value, now});
  accepted_ = up_to;
}

void StageWatch::on_durable(Version up_to, Time now) {
  while (!at_store_.empty() && at_store_.front().last <= up_to) {
    Batch& batch = at_store_.front();
    times_.durable.add(now - batch.since, batch.commits);
    durable_.push_back({batch.last, batch.commits, now});
    at_store_.pop_front();
  }
}

void StageWatch::on_published(Version up_to, Time now) {
  while (!durable_.empty() && durable_.front().last <= up_to) {
    const Batch& batch = durable_.front();
    times_.published.add(now - batch.since, batch.commits);
    if (untold_ == 0) untold_since_ = now;
    untold_ += batch.commits;
    durable_.pop_front();
  }
}

void StageWatch::on_told(Time now) {
  if (untold_ == 0) return;
  times_.told.add(now - untold_since_, untold_);
  untold_ = 0;
}

void StageWatch::on_rolled_back(Version to) {
  while (!at_store_.empty() && at_store_.back().last > to) {
    Batch& batch = at_store_.back();
    const std::uint64_t gone = std::min(batch.commits, batch.last.value - to.value);
    batch.commits -= gone;
    batch.last = Version{batch.last.value - gone};
    if (batch.commits != 0) break;
    at_store_.pop_back();
  }
  accepted_ = std::min(accepted_, to);
}

std::chrono::nanoseconds StageWatch::lag(Time now) const {
  return at_store_.empty() ? std::chrono::nanoseconds{} : now - at_store_.front().since;
}

}  // namespace odb::server
