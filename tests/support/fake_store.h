// A store that is durable when it is told to, or fails: for the pipeline's tests and the simulator.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "odb/server/store.h"

namespace odb::test {

class FakeStore final : public server::Store {
 public:
  enum class Completion : std::uint8_t {
    kAtOnce,    // from within append() and reserve_ids()
    kWhenTold,  // by complete() and complete_ids()
  };

  explicit FakeStore(Completion completion) : completion_(completion) {}

  void set_completion(Completion completion) { completion_ = completion; }

  // Appends of this version and later ones fail at once, from within append(), until recover().
  void fail_from(Version version) { failing_from_ = version; }
  void recover() { failing_from_.reset(); }

  // Makes the oldest `count` appended versions durable, all at once; fewer when there are not as
  // many.
  void complete(std::size_t count) {
    if (count > appended_.size()) count = appended_.size();
    if (count == 0) return;
    const auto end = appended_.begin() + static_cast<std::ptrdiff_t>(count);
    for (auto at = appended_.begin(); at != end; ++at) durable_.push_back(std::move(*at));
    appended_.erase(appended_.begin(), end);
    listener_->on_durable(durable_.back().version);
  }
  void complete_all() { complete(appended_.size()); }

  // Loses this version and all later ones that are not durable yet, and says so.
  void lose_from(Version version) {
    std::erase_if(appended_,
                  [&](const server::CommitRecord& record) { return record.version >= version; });
    listener_->on_append_failed(version, {ErrorCode::kUnavailable, "disk full"});
  }

  // Says that it does not confirm these in time.
  void tell_overdue() { listener_->on_overdue(appended_.back().version); }

  void complete_ids() {
    if (!ids_asked_below_) return;
    ids_below_ = *ids_asked_below_;
    listener_->on_ids_reserved(*std::exchange(ids_asked_below_, {}));
  }

  const std::vector<server::CommitRecord>& durable() const { return durable_; }
  const std::vector<server::CommitRecord>& appended() const {
    return appended_;
  }                                                                     // not durable yet
  const std::vector<std::size_t>& batches() const { return batches_; }  // sizes of all appends
  std::optional<ObjectId> ids_asked_below() const { return ids_asked_below_; }

  // Store
  Result<std::optional<server::StoredDatabase>> load(server::StoreLoader& loader) override {
    appended_.clear();
    if (history_ == HistoryId{}) return std::optional<server::StoredDatabase>();
    if (auto loaded = replay(loader); !loaded) return loaded.error();
    server::StoredDatabase stored;
    stored.history = history_;
    if (!durable_.empty()) stored.version = durable_.back().version;
    stored.ids_below = ids_below_;
    stored.may_have_lost = may_have_lost_;
    return std::optional(stored);
  }
  Result<void> begin(HistoryId history) override {
    history_ = history;
    return {};
  }
  void start(server::StoreListener& listener, server::StoreHost&) override {
    listener_ = &listener;
  }
  void append(const server::CommitBatch& batch) override {
    batches_.push_back(batch.records.size());
    for (const server::CommitRecord* record : batch.records) appended_.push_back(*record);
    for (const ClientId client : server::touched_clients(batch)) {
      outcomes_[client] = *batch.outcomes.find(client);
    }
    if (failing_from_ && appended_.back().version >= *failing_from_) {
      return lose_from(std::max(*failing_from_, appended_.front().version));
    }
    if (completion_ == Completion::kAtOnce) complete_all();
  }
  void reserve_ids(ObjectId below) override {
    ids_asked_below_ = below;
    if (completion_ == Completion::kAtOnce) complete_ids();
  }
  std::string name() const override { return "fake"; }

  // What the next load says.
  void set_may_have_lost() { may_have_lost_ = true; }

 private:
  // What the durable records lead to, found by doing them again.
  Result<void> replay(server::StoreLoader& loader) const {
    VersionedState state;
    for (const server::CommitRecord& record : durable_) {
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
    for (const auto& [client, outcomes] : outcomes_) {
      ClientOutcomes durable = outcomes;
      std::erase_if(durable.accepted, [&](const AcceptedCommit& commit) {
        return durable_.empty() || commit.version > durable_.back().version;
      });
      if (auto taken = loader.on_outcomes(std::move(durable)); !taken) return taken;
    }
    return {};
  }

  Completion completion_;
  server::StoreListener* listener_ = nullptr;
  std::vector<server::CommitRecord> appended_;
  std::vector<server::CommitRecord> durable_;
  std::vector<std::size_t> batches_;
  std::optional<Version> failing_from_;
  std::optional<ObjectId> ids_asked_below_;
  HistoryId history_;
  bool may_have_lost_ = false;
  ObjectId ids_below_{1};
  std::map<ClientId, ClientOutcomes> outcomes_;  // as of the last append
};

}  // namespace odb::test
