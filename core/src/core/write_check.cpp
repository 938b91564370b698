#include "write_check.h"

#include <algorithm>
#include <boost/unordered/unordered_flat_map.hpp>
#include <boost/unordered/unordered_flat_set.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "odb/core/cell_operation.h"
#include "odb/core/key_codec.h"

namespace odb {

namespace {

Error field_error(ErrorCode code, const CatalogType& type, FieldId field, std::string_view what) {
  return {code,
          to_string(type.name) + "." + type.fields[field.value].name + ": " + std::string(what)};
}

Result<void> check_cells(const Changeset& writes, const ObjectChange& change,
                         const CatalogType& type) {
  for (const CellOperation& cell : writes.cells_of(change)) {
    if (cell.field.value >= type.fields.size()) {
      return Error{ErrorCode::kUnknownField, to_string(type.name) + " has no field number " +
                                                 std::to_string(cell.field.value) + "; it has " +
                                                 std::to_string(type.fields.size()) + " fields"};
    }
    if (change.kind == ObjectChange::Kind::kCreate && cell.kind != CellOperation::Kind::kSet) {
      return field_error(ErrorCode::kMalformedMessage, type, cell.field,
                         "a new object's fields are set, there is nothing to add to yet");
    }
    if (auto fits = check_operation(cell, type.fields[cell.field.value].type); !fits) {
      return field_error(fits.error().code, type, cell.field, fits.error().message);
    }
  }
  return {};
}

Result<void> check_required_fields(const Changeset& writes, const ObjectChange& change,
                                   const CatalogType& type) {
  for (std::uint32_t i = 0; i < type.fields.size(); ++i) {
    if (type.fields[i].fallback) continue;
    bool given = false;
    for (const CellOperation& cell : writes.cells_of(change)) given |= cell.field.value == i;
    if (!given) {
      return field_error(ErrorCode::kMissingField, type, FieldId{i},
                         "must be given when an object is created: its type has no default");
    }
  }
  return {};
}

}  // namespace

Result<void> check_well_formed(const Changeset& writes, const Catalog& catalog) {
  for (const ObjectChange& change : writes.objects) {
    if (change.object == ObjectId{}) {
      return Error{ErrorCode::kMalformedMessage, "an object identity must not be 0"};
    }
    if (std::uint64_t{change.cells_begin} + change.cells_count > writes.cells.size()) {
      return Error{ErrorCode::kMalformedMessage, "a change refers to cells that are not there"};
    }
    const CatalogType* type = catalog.find(change.type);
    if (type == nullptr) {
      return Error{ErrorCode::kUnknownType,
                   "there is no type number " + std::to_string(change.type.value)};
    }
    switch (change.kind) {
      case ObjectChange::Kind::kCreate:
        if (auto given = check_required_fields(writes, change, *type); !given) return given;
        break;
      case ObjectChange::Kind::kUpdate:
        break;
      case ObjectChange::Kind::kDelete:
        if (change.cells_count != 0) {
          return Error{ErrorCode::kMalformedMessage, "a deletion carries no cells"};
        }
        break;
      case ObjectChange::Kind::kEnter:
      case ObjectChange::Kind::kEnterLazily:
      case ObjectChange::Kind::kLeave:
        return Error{ErrorCode::kMalformedMessage, "only a server sends enter and leave"};
    }
    if (auto cells = check_cells(writes, change, *type); !cells) return cells;
  }
  if (writes.objects.size() > 1) {
    boost::unordered_flat_set<ObjectId> seen;
    seen.reserve(writes.objects.size());
    for (const ObjectChange& change : writes.objects) {
      if (!seen.insert(change.object).second) {
        return Error{ErrorCode::kMalformedMessage,
                     "object " + std::to_string(change.object.value) + " is changed twice"};
      }
    }
  }
  return {};
}

Result<void> check_operations(const Changeset& writes, const VersionedState& state) {
  // Setting a field is possible whatever it was: most commits need no look at the rows.
  const auto is_set = [](const CellOperation& cell) {
    return cell.kind == CellOperation::Kind::kSet;
  };
  if (std::all_of(writes.cells.begin(), writes.cells.end(), is_set)) return {};
  for (const ObjectChange& change : writes.objects) {
    if (change.kind != ObjectChange::Kind::kUpdate) continue;
    const CatalogType& type = *state.catalog()->find(change.type);
    const Row* row = state.find(change.type, change.object, state.version());
    auto possible = check_operations(writes.cells_of(change), type, *row);
    if (!possible) return possible;
  }
  return {};
}

namespace {

// What one change means for one unique index.
struct Claim {
  const CatalogType* type = nullptr;
  const CatalogIndex* index = nullptr;
  ObjectId object;
  std::optional<std::string> key;  // nothing: the object is deleted
};

// The value of a field after a change. `before` is null for a creation.
Value value_after(const Changeset& writes, const ObjectChange& change, const CatalogType& type,
                  const Row* before, FieldId field) {
  Value value;
  if (before != nullptr) {
    value = VersionedState::field_of(type, *before, field);
  } else if (const auto& fallback = type.fields[field.value].fallback) {
    value = *fallback;
  }
  for (const CellOperation& cell : writes.cells_of(change)) {
    if (cell.field != field) continue;
    auto after = apply_operation(value, cell);
    ODB_CHECK(after.has_value());  // see check_operations
    value = *std::move(after);
  }
  return value;
}

bool touches(const Changeset& writes, const ObjectChange& change, const CatalogIndex& index) {
  if (change.kind != ObjectChange::Kind::kUpdate) return true;
  for (const CellOperation& cell : writes.cells_of(change)) {
    for (const FieldId field : index.fields) {
      if (cell.field == field) return true;
    }
  }
  return false;
}

std::vector<Claim> claims_of(const Changeset& writes, const VersionedState& state) {
  std::vector<Claim> claims;
  for (const ObjectChange& change : writes.objects) {
    const CatalogType* type = state.catalog()->find(change.type);
    for (const CatalogIndex& index : type->indexes) {
      if (index.uniqueness != Uniqueness::kUnique || !touches(writes, change, index)) continue;
      Claim claim{type, &index, change.object, std::nullopt};
      if (change.kind != ObjectChange::Kind::kDelete) {
        const Row* before = state.find(change.type, change.object, state.version());
        claim.key.emplace();
        for (const FieldId field : index.fields) {
          append_key(*claim.key, value_after(writes, change, *type, before, field));
        }
      }
      claims.push_back(std::move(claim));
    }
  }
  return claims;
}

Error violation(const CatalogType& type, const CatalogIndex& index, ObjectId holder,
                ObjectId object) {
  return {ErrorCode::kUniqueViolation, "unique index " + to_string(type.name) + "." + index.name +
                                           ": objects " + std::to_string(holder.value) + " and " +
                                           std::to_string(object.value) +
                                           " would have the same value"};
}

Error violation(const Claim& claim, ObjectId holder) {
  return violation(*claim.type, *claim.index, holder, claim.object);
}

Result<void> check_new_unique_index(const CatalogType& type, const CatalogIndex& index,
                                    const ObjectTable& objects) {
  boost::unordered_flat_map<std::string, ObjectId> holders;
  for (auto found = objects.find_from(ObjectId{1}); found.newest != nullptr;
       found = objects.find_from(ObjectId{found.id.value + 1})) {
    if (found.newest->deleted()) continue;
    std::string key;
    for (const FieldId field : index.fields) {
      append_key(key, VersionedState::field_of(type, *found.newest, field));
    }
    const auto [at, fresh] = holders.emplace(std::move(key), found.id);
    if (!fresh) return violation(type, index, at->second, found.id);
  }
  return {};
}

}  // namespace

Result<void> check_unique(const Changeset& writes, const VersionedState& state) {
  const std::vector<Claim> claims = claims_of(writes, state);
  if (claims.empty()) return {};

  // By index and object, to see whether a holder gives its key up; by index and key, for two new
  // ones.
  boost::unordered_flat_map<std::pair<IndexId, ObjectId>, const Claim*> by_object;
  boost::unordered_flat_map<std::pair<IndexId, std::string_view>, ObjectId> by_key;
  for (const Claim& claim : claims) {
    by_object.emplace(std::pair(claim.index->id, claim.object), &claim);
    if (!claim.key) continue;
    const auto [at, fresh] =
        by_key.emplace(std::pair(claim.index->id, std::string_view(*claim.key)), claim.object);
    if (!fresh) return violation(claim, at->second);
  }
  for (const Claim& claim : claims) {
    if (!claim.key) continue;
    const IndexTable* entries = state.entries(claim.index->id);
    const Version newest = state.version();
    for (const auto* entry = entries->find(*claim.key, ObjectId{}, newest); entry != nullptr;
         entry = IndexTable::next(entry, newest)) {
      if (entry->object() == claim.object) continue;
      // Two claims never share a key, so a holder that makes a claim itself gives this key up.
      if (!by_object.contains(std::pair(claim.index->id, entry->object()))) {
        return violation(claim, entry->object());
      }
    }
  }
  return {};
}

Result<void> check_new_unique_indexes(const Catalog& after, const VersionedState& state) {
  for (const auto& type : after.types()) {
    if (type == nullptr) continue;
    const ObjectTable* objects = state.objects(type->id);
    if (objects == nullptr) continue;
    for (const CatalogIndex& index : type->indexes) {
      if (index.uniqueness != Uniqueness::kUnique) continue;
      if (state.catalog()->find(index.id) != nullptr) continue;
      if (auto unique = check_new_unique_index(*type, index, *objects); !unique) return unique;
    }
  }
  return {};
}

}  // namespace odb
