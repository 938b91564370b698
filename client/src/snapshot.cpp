#include "odb/client/detail/snapshot.h"

#include <algorithm>
#include <atomic>

#include "odb/client/errors.h"
#include "odb/core/key_codec.h"

namespace odb::detail {

std::size_t next_type_slot() {
  static std::atomic<std::size_t> next = 0;
  return next.fetch_add(1);
}

void ClientCatalog::throw_unbound(std::size_t slot, std::string_view struct_name) const {
  const std::string name(struct_name);
  if (slot < bindings.size() && bindings[slot].size() > 1) {
    throw SchemaError({ErrorCode::kUnknownType,
                       name + " is used in several schemas: name the schema in the look-up"});
  }
  if (slot < bindings.size() && bindings[slot].size() == 1) {
    throw SchemaError({ErrorCode::kUnknownType,
                       "the reference is not to a " + to_string(bindings[slot][0].type->name)});
  }
  throw SchemaError({ErrorCode::kUnknownType,
                     name + " is not defined on this connection: subscribe to its schema first"});
}

const TypeBinding& ClientCatalog::binding(std::size_t slot, std::string_view schema,
                                          std::string_view struct_name) const {
  if (slot < bindings.size()) {
    for (const TypeBinding& candidate : bindings[slot]) {
      if (candidate.type->name.schema == schema) return candidate;
    }
  }
  throw SchemaError({ErrorCode::kUnknownType,
                     std::string(struct_name) + " is not defined on this connection in schema \"" +
                         std::string(schema) + "\""});
}

std::optional<ObjectId> Snapshot::next_object(TypeId type, ObjectId from) const {
  const ObjectTable* objects = catalog_->objects_of(type);
  if (objects == nullptr) return std::nullopt;
  for (auto found = objects->find_from(from); found.newest != nullptr;
       found = objects->find_from(ObjectId{found.id.value + 1})) {
    if (ObjectTable::visible(found.newest, step_) != nullptr) return found.id;
  }
  return std::nullopt;
}

std::vector<ObjectId> Snapshot::lookup(IndexId index, std::string_view key) const {
  std::vector<ObjectId> found;
  const IndexTable* entries = state_->entries(index);
  if (entries == nullptr) return found;
  for (const auto* entry = entries->find(key, ObjectId{}, step_); entry != nullptr;
       entry = IndexTable::next(entry, step_)) {
    found.push_back(entry->object());
  }
  return found;
}

// ---- fields that are fetched when first read ----

const Value& Snapshot::loaded_field(const CatalogType& type, ObjectId object, const Row& row,
                                    FieldId field) const {
  if (row.loaded() == nullptr) load_fields(type.id, {&object, 1});
  const Row* whole = row.loaded();
  if (whole == nullptr) {
    throw Exception({ErrorCode::kInternal, "the server did not send an object that it has"});
  }
  if (field.value < whole->fields().size()) return whole->fields()[field.value];
  return default_field(type, field);
}

void Snapshot::load_fields(TypeId type, std::span<const ObjectId> objects) const {
  std::vector<std::pair<ObjectId, const Row*>> partial;
  ObjectsInterest what{type, {}};
  for (const ObjectId object : objects) {
    const Row* row = find(type, object);
    if (row == nullptr || row->extent() == Row::Extent::kWhole || row->loaded() != nullptr) {
      continue;
    }
    partial.emplace_back(object, row);
    what.objects.push_back(object);
  }
  if (partial.empty()) return;
  const std::shared_ptr<ObjectSource> from = source();
  if (from == nullptr) {
    throw DisconnectedError(
        {ErrorCode::kDisconnected, "a lazily loaded object cannot be read: the connection ended"});
  }
  from->complete(partial, from->load(origin_, std::move(what)));
}

// ---- coverage ----

void Coverage::add(const Interest& interest, const Catalog& catalog) {
  if (const auto* schema = std::get_if<SchemaInterest>(&interest)) {
    for (const TypeId type : catalog.types_of(schema->schema)) types.insert(type);
  } else if (const auto* type = std::get_if<TypeInterest>(&interest)) {
    types.insert(type->type);
  } else if (const auto* index = std::get_if<IndexInterest>(&interest)) {
    index_keys.insert(std::pair(index->index, encode_key(index->key)));
  } else if (const auto* range = std::get_if<IndexRangeInterest>(&interest)) {
    ranges[range->range.index].push_back(encode_index_range(catalog, range->range).value());
  } else {
    const auto& chosen = std::get<ObjectsInterest>(interest);
    for (const ObjectId object : chosen.objects) objects.insert(ObjectRef{chosen.type, object});
  }
}

bool Coverage::has_key(const CatalogIndex& index, const std::string& key) const {
  return !incomplete_indexes.contains(index.id) && has_entry(index, key);
}

bool Coverage::has_entry(const CatalogIndex& index, const std::string& key) const {
  if (has_type(index.type) || index_keys.contains(std::pair(index.id, key))) return true;
  const auto found = ranges.find(index.id);
  return found != ranges.end() &&
         std::any_of(found->second.begin(), found->second.end(),
                     [&](const KeySpan& span) { return span.contains(key); });
}

bool Coverage::has_range(const CatalogIndex& index, const KeySpan& span) const {
  if (incomplete_indexes.contains(index.id)) return false;
  if (has_type(index.type)) return true;
  // One key is the range up to what comes after it.
  if (span.to == key_after(span.from) && index_keys.contains(std::pair(index.id, span.from))) {
    return true;
  }
  const auto found = ranges.find(index.id);
  return found != ranges.end() &&
         std::any_of(found->second.begin(), found->second.end(),
                     [&](const KeySpan& covered) { return covered.contains(span); });
}

bool Coverage::has(const Interest& interest, const Catalog& catalog) const {
  const auto has_each = [](const auto& parts, const auto& is_held) {
    return !parts.empty() && std::all_of(parts.begin(), parts.end(), is_held);
  };
  if (const auto* schema = std::get_if<SchemaInterest>(&interest)) {
    return has_each(catalog.types_of(schema->schema), [&](TypeId type) { return has_type(type); });
  }
  if (const auto* type = std::get_if<TypeInterest>(&interest)) return has_type(type->type);
  if (const auto* index = std::get_if<IndexInterest>(&interest)) {
    return has_key(*catalog.find(index->index), encode_key(index->key));
  }
  if (const auto* range = std::get_if<IndexRangeInterest>(&interest)) {
    return has_range(*catalog.find(range->range.index),
                     encode_index_range(catalog, range->range).value());
  }
  const auto& chosen = std::get<ObjectsInterest>(interest);
  return has_each(chosen.objects, [&](ObjectId object) {
    return has_object(ObjectRef{chosen.type, object});
  });
}

bool Coverage::has_row(const CatalogType& type, ObjectId object, const Row& row) const {
  if (has_object({type.id, object})) return true;
  if (index_keys.empty() && ranges.empty()) return false;
  for (const CatalogIndex& index : type.indexes) {
    if (!VersionedState::is_listed(index, row)) continue;
    std::string key;
    for (const FieldId field : index.fields) {
      append_key(key, VersionedState::field_of(type, row, field));
    }
    if (has_entry(index, key)) return true;
  }
  return false;
}

const Value& Snapshot::default_field(const CatalogType& type, FieldId field) {
  static const Value none;
  if (field.value >= type.fields.size()) {
    throw SchemaError({ErrorCode::kUnknownField, to_string(type.name) + " has no field number " +
                                                     std::to_string(field.value)});
  }
  const auto& fallback = type.fields[field.value].fallback;
  return fallback ? *fallback : none;
}

}  // namespace odb::detail
