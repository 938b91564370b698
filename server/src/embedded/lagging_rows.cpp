#include "lagging_rows.h"

#include <algorithm>

namespace odb::server::embedded {

namespace {

// Of an append that touches more objects than one in so many of the limit, each row is written at
// once: it would only drive out those that do change again.
constexpr std::size_t kBulkShare = 16;

}  // namespace

bool LaggingRows::touch(std::span<const TouchedObject> objects, Version first,
                        std::uint64_t log_bytes) {
  const std::uint64_t position = log_bytes_;
  log_bytes_ += log_bytes;
  if (objects.size() > limits_.rows_max / kBulkShare) return false;
  for (const TouchedObject& object : objects) {
    if (waiting_.insert(object).second) queue_.push_back({object, first, position});
  }
  return true;
}

bool LaggingRows::is_any_due() const {
  return queue_.size() > limits_.rows_max ||
         (!queue_.empty() && log_bytes_ - queue_.front().position > limits_.log_bytes_max);
}

void LaggingRows::take_due(std::vector<Item>& due) {
  while (is_any_due()) {
    waiting_.erase(queue_.front().object);
    due.push_back(queue_.front());
    queue_.pop_front();
  }
}

void LaggingRows::give_back(std::span<const Item> due, Version durable) {
  const auto is_kept = [&](const Item& item) { return item.behind_since <= durable; };
  while (!queue_.empty() && !is_kept(queue_.back())) {
    waiting_.erase(queue_.back().object);
    queue_.pop_back();
  }
  // Whatever was taken is behind for longer than what was not. What changed again after it was
  // taken did so behind `durable`, so nothing comes twice.
  for (auto item = due.rbegin(); item != due.rend(); ++item) {
    if (is_kept(*item) && waiting_.insert(item->object).second) queue_.push_front(*item);
  }
}

Version LaggingRows::complete_up_to(Version last) const {
  return queue_.empty() ? last : Version{queue_.front().behind_since.value - 1};
}

}  // namespace odb::server::embedded
