#include "sim_store.h"

#include <algorithm>
#include <map>
#include <memory>
#include <utility>

namespace odb::sim {

namespace {

Error unavailable(const char* reason) { return {ErrorCode::kUnavailable, reason}; }

}  // namespace

// ---- from one server to the next ----

Result<std::optional<server::StoredDatabase>> SimStore::load(server::StoreLoader& loader) {
  if (history_ == HistoryId{}) return std::optional<server::StoredDatabase>();
  if (auto told = tell_objects(loader); !told) return told.error();
  if (honesty_ != Honesty::kForgetsClients) {
    if (auto told = tell_outcomes(loader); !told) return told.error();
  }
  server::StoredDatabase stored{.history = history_,
                                .version = version(),
                                .ids_below = ids_below_,
                                .outcomes_forgotten_up_to = {},
                                .may_have_lost = may_have_lost_};
  if (!stored_.empty()) stored.outcomes_forgotten_up_to = stored_.back().forgotten_up_to;
  return std::optional(stored);
}

// What the versions lead to, found by doing them again.
Result<void> SimStore::tell_objects(server::StoreLoader& loader) const {
  VersionedState state;
  for (const Stored& stored : stored_) {
    const CommitRecord& record = stored.record;
    if (record.schema) {
      auto merged = state.catalog()->merged(*record.schema);
      state.apply_catalog(record.version, std::make_shared<const Catalog>(*std::move(merged)));
    } else {
      state.apply(record.version, record.changes);
    }
  }
  std::vector<CatalogType> types;
  for (const auto& type : state.catalog()->types()) types.push_back(*type);
  if (auto taken = loader.on_types(types); !taken) return taken;
  for (const CatalogType& type : types) {
    const ObjectTable* objects = state.objects(type.id);
    for (auto found = objects->find_from(ObjectId{1}); found.newest != nullptr;
         found = objects->find_from(ObjectId{found.id.value + 1})) {
      if (found.newest->deleted()) continue;
      const auto fields = found.newest->fields();
      auto taken = loader.on_object(type.id, found.id, found.newest->version(),
                                    {fields.begin(), fields.end()});
      if (!taken) return taken;
    }
  }
  return {};
}

Result<void> SimStore::tell_outcomes(server::StoreLoader& loader) const {
  std::map<ClientId, ClientOutcomes> clients;
  for (const Stored& stored : stored_) {
    if (stored.outcomes) clients[stored.outcomes->client] = *stored.outcomes;
    for (const ClientId forgotten : stored.forgotten) clients.erase(forgotten);
  }
  for (auto& [client, outcomes] : clients) {
    if (auto taken = loader.on_outcomes(std::move(outcomes)); !taken) return taken;
  }
  return {};
}

Result<void> SimStore::begin(HistoryId history) {
  history_ = history;
  may_have_lost_ = false;
  return {};
}

void SimStore::end_server(std::size_t kept) {
  listener_ = nullptr;
  for (; kept > 0; --kept) store_first();
  for (const Stored& lost : waiting_) watch_.on_append_failed(lost.record);
  waiting_.clear();
  if (asked_below_) ids_below_ = std::max(ids_below_, *std::exchange(asked_below_, std::nullopt));
  is_away_ = false;
  refusing_ = false;
  if (honesty_ == Honesty::kLosesSilently) {
    stored_.resize(stored_.size() - std::min<std::size_t>(stored_.size(), 3));
  }
}

void SimStore::forget_after(Version kept) {
  while (version() > kept) stored_.pop_back();
  if (!stored_.empty()) ids_below_ = stored_.back().ids_below;
  may_have_lost_ = true;
  watch_.on_forgotten(version());
}

void SimStore::forget_all() {
  stored_.clear();
  ids_below_ = ObjectId{1};
  history_ = HistoryId{};
  watch_.on_forgotten(Version{});
}

// ---- appends ----

void SimStore::append(const server::CommitBatch& batch) {
  for (const CommitRecord* record : batch.records) watch_.on_appended(*record);
  if (refusing_ || is_away_) {
    for (const CommitRecord* record : batch.records) watch_.on_append_failed(*record);
    return listener_->on_append_failed(
        batch.records.front()->version,
        unavailable(is_away_ ? "the simulated disk is away" : "the simulated disk is full"));
  }
  for (const CommitRecord* record : batch.records) {
    const Version expected = next(waiting_.empty() ? version() : waiting_.back().record.version);
    if (record->version != expected) {
      watch_.on_misuse("version " + std::to_string(record->version.value) +
                       " is appended where version " + std::to_string(expected.value) + " belongs");
    }
    Stored stored{.record = *record,
                  .outcomes = std::nullopt,
                  .forgotten = {},
                  .forgotten_up_to = batch.outcomes.forgotten_up_to()};
    if (record->sequence != Sequence{}) {
      stored.outcomes = batch.outcomes.find(record->client);
      // Forgotten within this very batch: only the whole of it may do so.
      if (!stored.outcomes) {
        stored.outcomes = ClientOutcomes{
            record->client, record->actor, record->sequence, {{record->sequence, record->version}}};
      }
      // The table is as of the end of the batch, which may never be stored.
      auto& accepted = stored.outcomes->accepted;
      std::erase_if(accepted,
                    [&](const AcceptedCommit& commit) { return commit.version > record->version; });
      // And has none that a later one in the batch pushed out.
      if (accepted.empty()) {
        accepted.push_back({record->sequence, record->version});
        stored.outcomes->kept_from = std::min(stored.outcomes->kept_from, record->sequence);
      }
    }
    waiting_.push_back(std::move(stored));
  }
  waiting_.back().forgotten.assign(batch.forgotten.begin(), batch.forgotten.end());
  if (honesty_ == Honesty::kEarly) listener_->on_durable(waiting_.back().record.version);
}

void SimStore::store_first() {
  stored_.push_back(std::move(waiting_.front()));
  stored_.back().ids_below = ids_below_;
  waiting_.pop_front();
  watch_.on_stored(stored_.back().record);
}

void SimStore::complete(std::size_t count) {
  if (count == 0) return;
  for (; count > 0; --count) store_first();
  listener_->on_durable(version());
}

void SimStore::fail_after(std::size_t count) {
  if (count >= waiting_.size()) return;
  const Version from = waiting_[count].record.version;
  while (waiting_.size() > count) {
    watch_.on_append_failed(waiting_.back().record);
    waiting_.pop_back();
  }
  listener_->on_append_failed(from, unavailable("the simulated disk is full"));
}

void SimStore::complete_reservation() {
  if (!asked_below_ || is_away_) return;
  ids_below_ = *std::exchange(asked_below_, std::nullopt);
  listener_->on_ids_reserved(ids_below_);
}

// ---- hanging ----

void SimStore::go_away() {
  is_away_ = true;
  watch_.on_away();
  listener_->on_away(unavailable("the simulated disk is away"));
}

void SimStore::come_back() {
  is_away_ = false;
  watch_.on_back();
  listener_->on_back();
}

void SimStore::tell_overdue() {
  if (waiting_.empty()) return;
  for (const Stored& stored : waiting_) watch_.on_overdue(stored.record);
  listener_->on_overdue(waiting_.back().record.version);
}

void SimStore::tell_lost() {
  is_away_ = true;
  watch_.on_lost();
  listener_->on_lost(unavailable("the simulated disk is another server's"));
}

}  // namespace odb::sim
