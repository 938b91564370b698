// Filling a VersionedState from what a store had.
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "odb/core/versioned_state.h"

namespace odb {

void VersionedState::load_catalog(std::shared_ptr<const Catalog> catalog) {
  ODB_CHECK(version_ == Version{} && journal_.empty());
  catalog_ = std::move(catalog);
}

void VersionedState::load(TypeId type, ObjectId object, Row::Owner row) {
  ODB_CHECK(version_ == Version{} && catalog_->find(type) != nullptr && !row->deleted());
  ObjectTable& objects = table(type);
  ODB_CHECK(objects.newest(object) == nullptr);
  count_row(*row);
  ++size_.objects;
  objects.put(object, row.release());
}

Result<void> VersionedState::finish_load(Version version) {
  ODB_CHECK(version_ == Version{} && journal_.empty());
  version_ = version;
  horizon_ = version;
  for (const auto& type : catalog_->types()) {
    if (type == nullptr) continue;
    // When the set of objects last changed is not known: not after this.
    table(type->id).set_membership_modified(version);
    for (const CatalogIndex& index : type->indexes) {
      if (auto filled = fill_index(version, index); !filled) return filled;
    }
  }
  return {};
}

Result<void> VersionedState::fill_index(Version version, const CatalogIndex& index) {
  struct Pair {
    std::string key;
    ObjectId object;
  };
  std::vector<Pair> pairs;
  const ObjectTable& objects = table(index.type);
  for (auto found = objects.find_from(ObjectId{1}); found.newest != nullptr;
       found = objects.find_from(ObjectId{found.id.value + 1})) {
    pairs.push_back({key_of(index, *found.newest), found.id});
  }
  std::sort(pairs.begin(), pairs.end(), [](const Pair& a, const Pair& b) {
    const int order = a.key.compare(b.key);
    return order < 0 || (order == 0 && a.object < b.object);
  });
  IndexTable& entries = entries_for_writer(index.id);
  entries.set_built(version);
  entries.set_last_modified(version);
  IndexTable::Filler filler(entries);
  const Pair* last = nullptr;
  for (const Pair& pair : pairs) {
    if (index.uniqueness == Uniqueness::kUnique && last != nullptr && last->key == pair.key) {
      return Error{ErrorCode::kUniqueViolation, "objects " + std::to_string(last->object.value) +
                                                    " and " + std::to_string(pair.object.value) +
                                                    " have the same value of the unique index " +
                                                    index.name};
    }
    filler.add(pair.key, pair.object, version);
    count_entry(pair.key);
    last = &pair;
  }
  return {};
}

}  // namespace odb
