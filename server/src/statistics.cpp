#include "odb/server/statistics.h"

#include <algorithm>

#include "odb/server/server_core.h"

namespace odb::server {

std::string_view to_string(StoreStanding standing) {
  switch (standing) {
    case StoreStanding::kReady:
      return "ready";
    case StoreStanding::kAway:
      return "away";
    case StoreStanding::kLost:
      return "lost";
    case StoreStanding::kElsewhere:
      return "elsewhere";
  }
  return "?";
}

Statistics ServerCore::statistics() const {
  const VersionedState& state = database_->state;
  Statistics out;
  out.started_utc_ns = started_utc_ns_;
  out.history = database_->history;
  out.accepted = pipeline_.accepted();
  out.durable = pipeline_.durable();
  out.published = pipeline_.published();
  out.horizon = state.horizon();

  out.store = parts_.store.name();
  out.store_standing = store_standing_;
  out.store_trouble = store_trouble_;
  out.store_lag_versions = out.accepted.value - out.durable.value;
  if (parts_.clock) out.store_lag = stages_.lag(parts_.clock());

  for (const auto& [id, session] : sessions_) {
    if (session->is_open()) ++out.sessions;
    out.subscriptions += session->subscription_count();
    const std::uint64_t queued = session->queued_bytes();
    out.memory.queues += queued;
    out.queued_bytes_max = std::max(out.queued_bytes_max, queued);
  }
  out.connections = sessions_.size();
  out.connections_made = connections_made_;

  const auto& types = pipeline_.published_catalog()->types();
  out.types =
      types.size() - static_cast<std::size_t>(std::count(types.begin(), types.end(), nullptr));
  out.objects = state.size().objects;
  out.rows = state.size().rows;
  out.index_entries = state.size().index_entries;
  out.retained_versions = pipeline_.retained_versions();

  out.commits = commits_;
  out.schema_changes = schema_changes_;
  out.conflicts = conflict_count_;
  for (const auto& [code, count] : refusals_) out.refusals.push_back({code, count});
  out.stages = stages_.times();

  out.memory.rows = state.size().row_bytes;
  out.memory.indexes = state.size().index_bytes;
  out.memory.retained_commits = pipeline_.retained_bytes() + state.journal_bytes();
  if (parts_.resident_bytes) out.memory.resident = parts_.resident_bytes();
  return out;
}

void ServerCore::flush_pipeline() {
  if (parts_.clock && pipeline_.accepted() > stages_.accepted()) {
    stages_.on_accepted(pipeline_.accepted(), parts_.clock());
  }
  pipeline_.flush();
}

void ServerCore::note_told() {
  if (stages_.expects_told()) stages_.on_told(parts_.clock());
}

void ServerCore::on_durable(Version up_to) {
  if (!parts_.clock) return pipeline_.on_durable(up_to);
  stages_.on_durable(up_to, parts_.clock());
  pipeline_.on_durable(up_to);
  stages_.on_published(pipeline_.published(), parts_.clock());
}

void ServerCore::on_append_failed(Version from, const Error& reason) {
  if (from > pipeline_.durable()) stages_.on_rolled_back(previous(from));
  pipeline_.on_append_failed(from, reason);
  // What was refused may have been judged again, and given to the store.
  if (!parts_.clock || pipeline_.accepted() <= stages_.accepted()) return;
  const Time now = parts_.clock();
  stages_.on_accepted(pipeline_.accepted(), now);
  stages_.on_durable(pipeline_.durable(), now);
  stages_.on_published(pipeline_.published(), now);
}

void ServerCore::on_away(const Error& reason) {
  if (store_standing_ == StoreStanding::kReady) {
    store_standing_ = StoreStanding::kAway;
    store_trouble_ = reason.message;
  }
  pipeline_.on_away(reason);
}

void ServerCore::on_back() {
  if (store_standing_ == StoreStanding::kAway) {
    store_standing_ = StoreStanding::kReady;
    store_trouble_.clear();
  }
  pipeline_.on_back();
}

void ServerCore::on_lost(const Error& reason) {
  store_standing_ = StoreStanding::kLost;
  store_trouble_ = reason.message;
  hands_over_ = parts_.when_lost == WhenLost::kHandOver;
  if (!hands_over_) pipeline_.on_lost(reason);
  if (parts_.on_store_lost) parts_.on_store_lost(reason);
}

}  // namespace odb::server
