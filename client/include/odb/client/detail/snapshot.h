// Snapshot: one version of the cache, pinned. What views and transactions read from.
#pragma once

#include <boost/unordered/unordered_flat_set.hpp>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "odb/client/detail/client_catalog.h"
#include "odb/client/object_ref.h"
#include "odb/core/ids.h"
#include "odb/core/versioned_state.h"

namespace odb::detail {

// What the loaded subscriptions hold completely. Immutable.
struct Coverage {
  boost::unordered_flat_set<TypeId> types;
  boost::unordered_flat_set<std::pair<IndexId, std::string>> index_keys;
  boost::unordered_flat_set<ObjectRef> objects;
};

// Readable from many threads at once. Keeps the cache alive, and its version readable.
class Snapshot {
 public:
  Snapshot(std::shared_ptr<VersionedState> state, VersionedState::Pin pin, Version version,
           std::shared_ptr<const ClientCatalog> catalog, std::shared_ptr<const Coverage> coverage)
      : state_(std::move(state)),
        pin_(std::move(pin)),
        step_(pin_.version()),
        version_(version),
        catalog_(std::move(catalog)),
        coverage_(std::move(coverage)) {}

  Version version() const { return version_; }  // of the server
  const ClientCatalog& catalog() const { return *catalog_; }

  // Null when the cache does not hold the object.
  const Row* find(TypeId type, ObjectId object) const {
    const ObjectTable* objects = catalog_->objects_of(type);
    return objects == nullptr ? nullptr : objects->at(object, step_);
  }
  const Row* find(const ObjectTable& objects, ObjectId object) const {
    return objects.at(object, step_);
  }

  // The value, or the type's default when the object is older than the field.
  static const Value& field(const CatalogType& type, const Row& row, FieldId field) {
    if (field.value < row.fields().size()) [[likely]]
      return row.fields()[field.value];
    return default_field(type, field);
  }

  // The first object at or after `from` that the cache holds.
  std::optional<ObjectId> next_object(TypeId type, ObjectId from) const;
  // Objects with this index key that the cache holds, in the order of their ids.
  std::vector<ObjectId> lookup(IndexId index, std::string_view key) const;

  // Whether "not held" means "does not exist".
  bool covers_type(TypeId type) const { return coverage_->types.contains(type); }
  bool covers_index_key(IndexId index, const std::string& key) const;
  bool covers_object(TypeId type, ObjectId object) const;

 private:
  static const Value& default_field(const CatalogType& type, FieldId field);

  std::shared_ptr<VersionedState> state_;  // before pin_: outlives it
  VersionedState::Pin pin_;
  Version step_;
  Version version_;
  std::shared_ptr<const ClientCatalog> catalog_;
  std::shared_ptr<const Coverage> coverage_;
};

}  // namespace odb::detail
