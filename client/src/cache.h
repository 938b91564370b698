// Cache: what this client holds of the database, and at which version.
#pragma once

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "odb/client/database.h"
#include "odb/client/detail/snapshot.h"
#include "odb/core/messages.h"
#include "odb/core/versioned_state.h"

namespace odb::detail {

// Takes in what the server sends, in the order of the stream. Its versions are steps of its own:
// one for each delta and each subscription that finishes loading, so that a snapshot stays as it is
// when older objects arrive later. One thread at a time; the snapshots it gives may be read by any.
class Cache {
 public:
  Cache();

  std::shared_ptr<const Snapshot> snapshot();
  Version version() const { return version_; }
  const std::shared_ptr<const ClientCatalog>& catalog() const { return catalog_; }
  const Coverage& coverage() const { return *coverage_; }

  // The struct bindings of a schema, which count once its types are known.
  void declare(const std::string& schema, const std::vector<BindingDeclaration>& bindings);

  // Each refuses what cannot be true (kMalformedMessage): the stream is lost then.
  Result<void> learn(const std::vector<CatalogType>& types);
  Result<void> apply(Delta delta);
  Result<void> stage(RowBlock rows);

  // The rows staged since the last call belong to the database now, and `interest` is covered.
  void finish_load(const Interest& interest, Version version);

  // The server has nothing older than `version` to tell.
  void see_version(Version version) { version_ = std::max(version_, version); }

  // Collects changes for handlers, from the next one on.
  void watch_changes(bool watch) { watch_ = watch; }
  std::vector<Change> take_changes() { return std::exchange(changes_, {}); }
  bool has_changes() const { return !changes_.empty(); }

 private:
  using StagedTables = boost::unordered_flat_map<TypeId, std::unique_ptr<ObjectTable>>;

  Result<void> check(const ObjectChange& change, const Changeset& changes) const;
  bool is_held(const ObjectChange& change) const;
  Row* staged_row(TypeId type, ObjectId object) const;
  // Whether what is loaded already covers an object with these fields.
  bool is_covered(const CatalogType& type, ObjectId object, const Row& row) const;
  void apply_staged(const ObjectChange& change, const Changeset& changes, Changeset& visible);
  void note_change(const Delta& delta, const Changeset& changes);
  void note_index_entries(Change& change, const CatalogType& type, ObjectRef object,
                          const Row* before, const Row* after) const;
  Row::Owner make_row(const CatalogType& type, const ObjectChange& change,
                      const Changeset& changes) const;
  Row::Owner updated_row(const CatalogType& type, const Row& old, const ObjectChange& change,
                         const Changeset& changes) const;
  void rebuild_catalog(std::shared_ptr<const Catalog> catalog);
  void cover_types();
  Version next_step() { return next(state_->version()); }

  std::shared_ptr<VersionedState> state_;
  Version version_;
  std::shared_ptr<const ClientCatalog> catalog_;
  std::shared_ptr<const Coverage> coverage_;
  std::set<std::string> covered_schemas_;
  struct Declared {
    std::string schema;
    BindingDeclaration binding;
  };
  std::vector<Declared> declared_;
  StagedTables staged_;  // rows of the subscription that is loading; not visible yet
  bool loading_ = false;
  bool watch_ = false;
  std::vector<Change> changes_;
};

}  // namespace odb::detail
