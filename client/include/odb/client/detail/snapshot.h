// Snapshot: one version of the cache, pinned. What views and transactions read from.
#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <boost/unordered/unordered_flat_set.hpp>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "odb/client/detail/client_catalog.h"
#include "odb/client/detail/object_source.h"
#include "odb/client/object_ref.h"
#include "odb/core/ids.h"
#include "odb/core/index_scan.h"
#include "odb/core/interest.h"
#include "odb/core/versioned_state.h"

namespace odb::detail {

// What the loaded subscriptions hold completely. Immutable once published.
struct Coverage {
  boost::unordered_flat_set<TypeId> types;
  boost::unordered_flat_set<std::pair<IndexId, std::string>> index_keys;
  boost::unordered_flat_map<IndexId, std::vector<KeySpan>> ranges;
  boost::unordered_flat_set<ObjectRef> objects;
  // In which some held objects do not stand: they came lazily, before the index was defined.
  boost::unordered_flat_set<IndexId> incomplete_indexes;

  // Requires that the interest passed check_interest for the catalog.
  void add(const Interest& interest, const Catalog& catalog);

  bool has_type(TypeId type) const { return types.contains(type); }
  bool has_object(ObjectRef object) const {
    return types.contains(object.type) || objects.contains(object);
  }
  bool has_key(const CatalogIndex& index, const std::string& key) const;
  bool has_range(const CatalogIndex& index, const KeySpan& span) const;
  // All of an interest that passed check_interest for the catalog.
  bool has(const Interest& interest, const Catalog& catalog) const;
  // Whether an object with this row falls under it.
  bool has_row(const CatalogType& type, ObjectId object, const Row& row) const;

 private:
  // Of an object that stands there, which says nothing of others.
  bool has_entry(const CatalogIndex& index, const std::string& key) const;
};

// Which version of which history of the server.
struct SnapshotOrigin {
  HistoryId history;
  Version version;
};

// Readable from many threads at once. Keeps the cache alive, and its version readable.
class Snapshot {
 public:
  Snapshot(std::shared_ptr<VersionedState> state, VersionedState::Pin pin, SnapshotOrigin origin,
           std::shared_ptr<const ClientCatalog> catalog, std::shared_ptr<const Coverage> coverage,
           std::weak_ptr<ObjectSource> source)
      : state_(std::move(state)),
        pin_(std::move(pin)),
        step_(pin_.version()),
        origin_(origin),
        catalog_(std::move(catalog)),
        coverage_(std::move(coverage)),
        source_(std::move(source)) {}

  Version version() const { return origin_.version; }  // of the server
  HistoryId history() const { return origin_.history; }
  const SnapshotOrigin& origin() const { return origin_; }
  Version step() const { return step_; }  // of the cache
  const ClientCatalog& catalog() const { return *catalog_; }

  // Null when the cache does not hold the object.
  const Row* find(TypeId type, ObjectId object) const {
    const ObjectTable* objects = catalog_->objects_of(type);
    return objects == nullptr ? nullptr : objects->at(object, step_);
  }
  const Row* find(const ObjectTable& objects, ObjectId object) const {
    return objects.at(object, step_);
  }

  // The value, or the type's default when the object is older than the field. Of a lazily loaded
  // object it may have to be fetched first, as of version(): then this waits, and throws as
  // ObjectSource::load does.
  const Value& field(const CatalogType& type, ObjectId object, const Row& row,
                     FieldId field) const {
    if (field.value < row.fields().size()) [[likely]] {
      const Value& value = row.fields()[field.value];
      if (value.is_loaded()) [[likely]]
        return value;
      return loaded_field(type, object, row, field);
    }
    return default_field(type, field);
  }

  // Fetches all fields of these objects of one type that are not loaded, in one round trip.
  void load_fields(TypeId type, std::span<const ObjectId> objects) const;

  // The first object at or after `from` that the cache holds.
  std::optional<ObjectId> next_object(TypeId type, ObjectId from) const;
  // Objects with this index key that the cache holds, in the order of their ids.
  std::vector<ObjectId> lookup(IndexId index, std::string_view key) const;

  // Entries of a part of an index, as far as the cache holds them.
  IndexScan scan(IndexId index, KeySpan span, ScanOrder order) const {
    return {state_->entries(index), std::move(span), order, step_};
  }

  // Whether "not held" means "does not exist".
  const Coverage& coverage() const { return *coverage_; }
  // Null when the connection is gone.
  std::shared_ptr<ObjectSource> source() const { return source_.lock(); }

 private:
  static const Value& default_field(const CatalogType& type, FieldId field);
  const Value& loaded_field(const CatalogType& type, ObjectId object, const Row& row,
                            FieldId field) const;

  std::shared_ptr<VersionedState> state_;  // before pin_: outlives it
  VersionedState::Pin pin_;
  Version step_;
  SnapshotOrigin origin_;
  std::shared_ptr<const ClientCatalog> catalog_;
  std::shared_ptr<const Coverage> coverage_;
  std::weak_ptr<ObjectSource> source_;
};

}  // namespace odb::detail
