#include "sim_store.h"

#include <utility>

namespace odb::sim {

namespace {

Error disk_full() { return {ErrorCode::kUnavailable, "the simulated disk is full"}; }

}  // namespace

void SimStore::append(const server::CommitBatch& batch) {
  if (refusing_) {
    ++report_.counts.appends_failed;
    for (const server::CommitRecord* record : batch.records) checker_.on_append_failed(*record);
    return listener_->on_append_failed(batch.records.front()->version, disk_full());
  }
  for (const server::CommitRecord* record : batch.records) {
    const Version expected = next(waiting_.empty() ? checker_.durable() : waiting_.back().version);
    if (record->version != expected) {
      report_.fail("version " + std::to_string(record->version.value) +
                   " is appended where version " + std::to_string(expected.value) + " belongs");
    }
    waiting_.push_back(*record);
  }
  if (honesty_ == Honesty::kEarly) listener_->on_durable(waiting_.back().version);
}

void SimStore::complete(std::size_t count) {
  if (count == 0) return;
  Version last;
  for (; count > 0; --count) {
    last = waiting_.front().version;
    checker_.on_durable(waiting_.front());
    waiting_.pop_front();
  }
  listener_->on_durable(last);
}

void SimStore::fail_after(std::size_t count) {
  if (count >= waiting_.size()) return;
  ++report_.counts.appends_failed;
  const Version from = waiting_[count].version;
  while (waiting_.size() > count) {
    checker_.on_append_failed(waiting_.back());
    waiting_.pop_back();
  }
  listener_->on_append_failed(from, disk_full());
}

void SimStore::complete_reservation() {
  if (const auto below = std::exchange(asked_below_, std::nullopt)) {
    listener_->on_ids_reserved(*below);
  }
}

}  // namespace odb::sim
