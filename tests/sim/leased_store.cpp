#include "leased_store.h"

#include <algorithm>
#include <utility>

namespace odb::sim {

void LeasedStore::append(const server::CommitBatch& batch) {
  if (!is_cut_off() && !is_fenced_) return store_.append(batch);
  if (is_fenced_ && fault_ == LeaseFault::kNoFence) return listener_->on_durable(batch.last());
  failed_from_ = std::min(failed_from_.value_or(batch.records.front()->version),
                          batch.records.front()->version);
}

void LeasedStore::reserve_ids(ObjectId below) {
  if (!is_cut_off() && !is_fenced_) return store_.reserve_ids(below);
  ids_never_sent_ = std::max(ids_never_sent_.value_or(below), below);
}

bool LeasedStore::is_surely_owned() const {
  if (fault_ == LeaseFault::kNoClock) return true;
  return !is_cut_off() || world_.now < *lease_until_;
}

void LeasedStore::cut_off(Time lease_until) { lease_until_ = lease_until; }

void LeasedStore::reconnect() {
  lease_until_.reset();
  world_.checker.on_away();
  world_.checker.on_back();
  if (const auto up_to = std::exchange(durable_, std::nullopt)) listener_->on_durable(*up_to);
  if (const auto up_to = std::exchange(overdue_, std::nullopt)) listener_->on_overdue(*up_to);
  if (const auto from = std::exchange(failed_from_, std::nullopt)) {
    listener_->on_append_failed(*from, {ErrorCode::kUnavailable, "the simulated link was cut"});
  }
  if (const auto below = std::exchange(reserved_, std::nullopt)) listener_->on_ids_reserved(*below);
  if (const auto ids = std::exchange(ids_never_sent_, std::nullopt)) store_.reserve_ids(*ids);
}

void LeasedStore::tell_lost() {
  listener_->on_lost({ErrorCode::kUnavailable, "another simulated server owns the store"});
}

// ---- what the store says ----

void LeasedStore::on_durable(Version up_to) {
  if (!is_cut_off()) return listener_->on_durable(up_to);
  durable_ = up_to;
}

void LeasedStore::on_append_failed(Version from, const Error& reason) {
  if (!is_cut_off()) return listener_->on_append_failed(from, reason);
  failed_from_ = std::min(failed_from_.value_or(from), from);
}

void LeasedStore::on_ids_reserved(ObjectId below) {
  if (!is_cut_off()) return listener_->on_ids_reserved(below);
  reserved_ = below;
}

void LeasedStore::on_overdue(Version up_to) {
  if (!is_cut_off()) return listener_->on_overdue(up_to);
  overdue_ = up_to;
}

}  // namespace odb::sim
