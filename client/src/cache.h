// Cache: what this client holds of the database, and at which version.
#pragma once

#include <boost/unordered/unordered_flat_set.hpp>
#include <deque>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "odb/client/database.h"
#include "odb/client/detail/read_watch.h"
#include "odb/client/detail/snapshot.h"
#include "odb/core/messages.h"
#include "odb/core/versioned_state.h"

namespace odb::detail {

// Takes in what the server sends, in the order of the stream. Its versions are steps of its own:
// one for each delta and each subscription that finishes loading, so that a snapshot stays as it is
// when older objects arrive later. One thread at a time; the snapshots it gives may be read by any.
class Cache {
 public:
  // Its steps come after `before`: a cache may take the place of another.
  explicit Cache(Version before = {});

  // Where the snapshots to come get what is not held here.
  void set_source(std::weak_ptr<ObjectSource> source) {
    newest_.reset();
    source_ = std::move(source);
  }

  std::shared_ptr<const Snapshot> snapshot();
  std::vector<Interest> loaded_interests() const;
  // The history that its versions are of.
  HistoryId history() const { return history_; }
  void set_history(HistoryId history) {
    newest_.reset();
    history_ = history;
  }

  // No snapshot that is alive is of an older version.
  Version oldest_open();
  Version version() const { return version_; }
  Version step() const { return state_->version(); }
  const std::shared_ptr<const ClientCatalog>& catalog() const { return catalog_; }
  const Coverage& coverage() const { return *coverage_; }

  // The struct bindings of a schema, which count once its types are known.
  void declare(const std::string& schema, const std::vector<BindingDeclaration>& bindings);

  // Each refuses what cannot be true (kMalformedMessage): the stream is lost then.
  // `lazy`: the lazy subscriptions that were asked for so far.
  Result<void> learn(const std::vector<CatalogType>& types,
                     const std::vector<SubscriptionId>& lazy = {});
  // What the commit of this version, by this actor, changes of what is held here.
  Result<void> apply(Version version, const std::string& actor, const Changeset& changes);
  Result<void> stage(SubscriptionId subscription, RowBlock rows);

  // The rows staged since the last call belong to the database now, and `interest` is covered.
  void finish_load(SubscriptionId subscription, Interest interest, Loading loading,
                   Version version);
  // A lazy subscription that was loaded before has come again, with the fields of new indexes.
  void finish_reload(SubscriptionId subscription, Version version);

  // The server tells no more of this subscription: what no other interest covers goes. One that was
  // loading leaves nothing.
  void end_subscription(SubscriptionId subscription, const Interest& interest, Version version);

  // Whether lazy subscriptions are to come again, with the fields of a new index.
  bool has_incomplete_indexes() const { return !incomplete_indexes_.empty(); }

  // Nothing more comes of subscriptions that were loading. Whatever they alone had kept here goes.
  void abandon_loads(const std::vector<Interest>& interests);

  // ---- in place of another, after a new snapshot ----

  // What programs have declared there.
  void declare_as(const Cache& before);
  // Its source, handlers and watches go over to this one, and are told as one change by which the
  // two differ.
  void replace(Cache& before);

  // Objects of this client that are being created: its own to see until release().
  void expect_created(ObjectRef object) { own_.insert(object); }
  void forget_created(ObjectRef object) { own_.erase(object); }
  const boost::unordered_flat_set<ObjectRef>& created() const { return own_; }
  // Requires that the server tells no more of them on this account.
  void release(std::span<const ObjectRef> objects);

  // Completes partial rows of a snapshot that is alive; see ObjectSource.
  void complete(const std::vector<std::pair<ObjectId, const Row*>>& partial,
                std::vector<RowBlock> blocks);

  // The server has nothing older than `version` to tell.
  void see_version(Version version) {
    if (version <= version_) return;
    newest_.reset();
    version_ = version;
  }

  // Collects changes for handlers, from the next one on.
  void watch_changes(bool watch) { watch_ = watch; }
  std::vector<Change> take_changes() { return std::exchange(changes_, {}); }
  bool has_changes() const { return !changes_.empty(); }

  // A watch is told each change at once, from the next one on, and the end of them.
  void add_watch(std::shared_ptr<ReadWatch> watch) { watches_.push_back(std::move(watch)); }
  void remove_watch(const ReadWatch& watch);
  void end_watches(const Error& reason);

 private:
  using StagedTables = boost::unordered_flat_map<TypeId, std::unique_ptr<ObjectTable>>;

  struct LoadedSubscription {
    Interest interest;
    Loading loading = Loading::kEager;
  };

  Result<void> check(const ObjectChange& change, const Changeset& changes) const;
  static Result<void> check_cells(const CatalogType& type, const ObjectChange& change,
                                  std::span<const CellOperation> cells, const Row* row);
  const Row* held_row(TypeId type, ObjectId object) const {
    return state_->find(type, object, state_->version());
  }
  Row* staged_row(TypeId type, ObjectId object) const;
  // Whether the object is to be seen whatever is loading now.
  bool is_covered(const CatalogType& type, ObjectId object, const Row& row) const {
    return coverage_->has_row(type, object, row) || own_.contains({type.id, object});
  }
  static void complete_held(const Row& held, std::span<Value> fields);
  void apply_staged(const ObjectChange& change, const Changeset& changes, Changeset& visible);
  Changeset visible_part(const Changeset& changes);
  void take_in(Version version, const std::string& actor, const Changeset& changes);
  void note_change(const std::string& actor, const Changeset& changes);
  void tell(Change change);
  void note_index_entries(Change& change, const CatalogType& type, ObjectRef object,
                          const Row* before, const Row* after) const;
  static Row::Owner make_row(const CatalogType& type, const ObjectChange& change,
                             const Changeset& changes);
  static Row::Owner updated_row(const CatalogType& type, const Row& old, const ObjectChange& change,
                                const Changeset& changes);
  void abandon_staging();
  void drop_uncovered(const std::vector<ObjectRef>& objects);
  std::vector<ObjectRef> held_objects(const Interest& interest) const;
  void rebuild_catalog(std::shared_ptr<const Catalog> catalog);
  void cover();
  void note_incomplete_indexes(const Catalog& before);
  // To be asked before anything changes.
  Version next_step() {
    newest_.reset();
    return next(state_->version());
  }

  std::shared_ptr<VersionedState> state_;
  Version version_;
  HistoryId history_;
  std::shared_ptr<const ClientCatalog> catalog_;
  std::shared_ptr<const Coverage> coverage_;
  std::map<SubscriptionId, LoadedSubscription> loaded_;
  boost::unordered_flat_set<TypeId> partial_types_;          // of which partial rows have come
  boost::unordered_flat_set<IndexId> incomplete_indexes_;    // see Coverage
  boost::unordered_flat_set<SubscriptionId> to_come_again_;  // lazy ones, before those are complete
  boost::unordered_flat_set<ObjectRef> own_;
  std::weak_ptr<ObjectSource> source_;
  struct Declared {
    std::string schema;
    BindingDeclaration binding;
  };
  std::vector<Declared> declared_;
  StagedTables staged_;     // rows of the subscription that is loading; not visible yet
  SubscriptionId loading_;  // whose rows those are; 0: nobody's
  // For transactions that begin at one version: all of what a handler turn starts. Gone before
  // anything of what it shows changes, so that it holds back nothing.
  std::shared_ptr<const Snapshot> newest_;
  struct OpenedStep {
    Version step;
    Version version;
  };
  std::deque<OpenedStep> opened_;  // of snapshots, oldest first; see oldest_open()
  bool watch_ = false;
  std::vector<Change> changes_;
  std::vector<std::shared_ptr<ReadWatch>> watches_;
};

}  // namespace odb::detail
