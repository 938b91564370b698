#include "odb/client/detail/snapshot.h"

#include <atomic>

#include "odb/client/errors.h"

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

bool Snapshot::covers_index_key(IndexId index, const std::string& key) const {
  const CatalogIndex* described = catalog_->catalog->find(index);
  if (described != nullptr && coverage_->types.contains(described->type)) return true;
  return coverage_->index_keys.contains(std::pair(index, key));
}

bool Snapshot::covers_object(TypeId type, ObjectId object) const {
  return coverage_->types.contains(type) || coverage_->objects.contains(ObjectRef{type, object});
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
