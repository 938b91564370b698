// Model: the database as it should be, at every version. Plain maps, nothing clever.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "odb/client/object_ref.h"
#include "odb/core/changeset.h"
#include "odb/core/interest.h"
#include "odb/core/schema.h"
#include "odb/server/store.h"

namespace odb::sim {

using KeyedObjects = std::set<std::pair<std::string, ObjectId>>;  // in the order of an index
using Fields = std::vector<Value>;  // by FieldId, all fields of the type

class Model {
 public:
  Model();

  // Replays the next version; a sentence when it cannot be: a version left out, an object created
  // twice or changed while it does not exist, a unique index with two objects of one value.
  std::optional<std::string> apply(const server::CommitRecord& record);

  // The first versions of this one.
  Model up_to(Version version) const;

  Version version() const { return Version{log_.size()}; }
  const server::CommitRecord& record(Version version) const { return log_[version.value - 1]; }
  const Catalog& catalog() const { return *catalog_; }

  // ---- the state at a version ----
  const Fields* find(ObjectRef object, Version version) const;  // null when it does not exist then
  std::vector<ObjectId> all(TypeId type, Version version) const;
  std::vector<ObjectId> lookup(const CatalogIndex& index, std::span<const Value> key,
                               Version version) const;
  KeyedObjects range(const CatalogIndex& index, const KeySpan& span, Version version) const;
  const std::set<ObjectId>& living(TypeId type) const;  // at the newest version
  bool was_created(ObjectRef object) const;

  static bool has_key(const Fields& fields, const CatalogIndex& index, std::span<const Value> key);
  static std::vector<Value> key_of(const Fields& fields, const CatalogIndex& index);

  // ---- whether a version changed something ----
  bool changed_at(const ConflictKey& key, Version version) const;

 private:
  bool changed_entries(IndexId id, const KeySpan& span, Version version) const;
  struct Step {  // one object from this version on
    Version version;
    ObjectChange::Kind kind;
    std::set<FieldId> written;
    std::optional<Fields> fields;  // nothing: deleted
  };
  using Steps = std::vector<Step>;

  std::optional<std::string> apply_change(const server::CommitRecord& record,
                                          const ObjectChange& change);
  std::optional<std::string> check_unique(const ObjectChange& change) const;
  void widen(const Catalog& before);
  const Steps* steps(ObjectRef object) const;
  const Step* step_at(ObjectRef object, Version version) const;

  std::shared_ptr<const Catalog> catalog_;
  std::vector<server::CommitRecord> log_;
  std::map<TypeId, std::map<ObjectId, Steps>> objects_;
  std::map<TypeId, std::set<ObjectId>> living_;
};

std::string describe(const ConflictKey& key);
std::string describe(ObjectRef object);

}  // namespace odb::sim
