#include "odb/core/schema.h"

#include <algorithm>
#include <functional>
#include <utility>

namespace odb {
namespace {

constexpr std::uint32_t kIndexIdMax = kTypesMax * static_cast<std::uint32_t>(kIndexesMax);

Error invalid(const CatalogType& type, const std::string& what) {
  return {ErrorCode::kInvalidSchema, "the description of type " + to_string(type.name) + " (" +
                                         std::to_string(type.id.value) + "): " + what};
}

Result<void> check_described_fields(const CatalogType& type) {
  if (type.fields.empty() || type.fields.size() > kFieldsMax) {
    return invalid(type, "has " + std::to_string(type.fields.size()) + " fields, expected 1 to " +
                             std::to_string(kFieldsMax));
  }
  boost::unordered_flat_set<std::string_view> names;
  for (const CatalogField& field : type.fields) {
    if (auto result = check_name(field.name, "a field"); !result) {
      return invalid(type, result.error().message);
    }
    if (!names.insert(field.name).second) {
      return invalid(type, "has two fields " + field.name);
    }
    if (auto result = check_type(field.type); !result) {
      return invalid(type, "field " + field.name + ": " + result.error().message);
    }
  }
  return {};
}

}  // namespace

std::optional<FieldId> CatalogType::find_field(std::string_view field) const {
  for (std::size_t i = 0; i < fields.size(); ++i) {
    if (fields[i].name == field) return FieldId{static_cast<std::uint32_t>(i)};
  }
  return std::nullopt;
}

const CatalogIndex* CatalogType::find_index(std::string_view index) const {
  const auto found = std::find_if(indexes.begin(), indexes.end(),
                                  [&](const CatalogIndex& each) { return each.name == index; });
  return found == indexes.end() ? nullptr : &*found;
}

std::size_t Catalog::NameHash::operator()(const TypeName& name) const {
  const std::hash<std::string_view> hash;
  return hash(name.schema) * 31 + hash(name.type);
}

const CatalogType* Catalog::find(const TypeName& name) const {
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? nullptr : *found;
}

const CatalogType* Catalog::find(TypeId id) const {
  if (id.value == 0 || id.value > types_.size()) return nullptr;
  return types_[id.value - 1].get();
}

const CatalogIndex* Catalog::find(IndexId id) const {
  if (id.value == 0 || id.value > indexes_.size()) return nullptr;
  const IndexPlace place = indexes_[id.value - 1];
  const CatalogType* const type = find(place.type);
  return type == nullptr ? nullptr : &type->indexes[place.position];
}

std::vector<TypeId> Catalog::types_of(std::string_view schema) const {
  std::vector<TypeId> out;
  for (const auto& type : types_) {
    if (type && type->name.schema == schema) out.push_back(type->id);
  }
  return out;
}

bool Catalog::has_schema(std::string_view schema) const {
  return std::any_of(types_.begin(), types_.end(),
                     [&](const auto& type) { return type && type->name.schema == schema; });
}

bool operator==(const Catalog& a, const Catalog& b) {
  return std::equal(a.types_.begin(), a.types_.end(), b.types_.begin(), b.types_.end(),
                    [](const auto& x, const auto& y) { return x == y || (x && y && *x == *y); });
}

Result<void> Catalog::check_described(const CatalogType& type) const {
  if (type.id.value == 0 || type.id.value > kTypesMax) {
    return invalid(type, "expected a number from 1 to " + std::to_string(kTypesMax));
  }
  if (auto result = check_name(type.name.schema, "a schema"); !result) return result;
  if (auto result = check_name(type.name.type, "a type"); !result) return result;
  const CatalogType* const same_name = find(type.name);
  if (same_name != nullptr && same_name->id != type.id) {
    return invalid(type, "the type is known as number " + std::to_string(same_name->id.value));
  }
  const CatalogType* const same_id = find(type.id);
  if (same_id != nullptr && same_id->name != type.name) {
    return invalid(type, "the number belongs to " + to_string(same_id->name));
  }
  if (auto result = check_described_fields(type); !result) return result;
  return check_described_indexes(type);
}

Result<void> Catalog::check_described_indexes(const CatalogType& type) const {
  if (type.indexes.size() > kIndexesMax) {
    return invalid(type, "has " + std::to_string(type.indexes.size()) +
                             " indexes, expected up to " + std::to_string(kIndexesMax));
  }
  boost::unordered_flat_set<std::string_view> names;
  boost::unordered_flat_set<IndexId> ids;
  for (const CatalogIndex& index : type.indexes) {
    if (auto result = check_name(index.name, "an index"); !result) {
      return invalid(type, result.error().message);
    }
    const CatalogIndex* const known = find(index.id);
    const bool has_number = index.id.value != 0 && index.id.value <= kIndexIdMax &&
                            (known == nullptr || known->type == type.id);
    const bool has_fields = !index.fields.empty() && index.fields.size() <= kFieldsMax &&
                            std::all_of(index.fields.begin(), index.fields.end(),
                                        [&](FieldId id) { return id.value < type.fields.size(); });
    if (!has_number || !has_fields || index.type != type.id || !names.insert(index.name).second ||
        !ids.insert(index.id).second) {
      return invalid(type, "index " + index.name + " has a wrong name, number, type or field");
    }
  }
  return {};
}

Result<Catalog> Catalog::with(const std::vector<CatalogType>& types) const {
  Catalog out = *this;
  for (const CatalogType& described : types) {
    if (auto result = out.check_described(described); !result) return result.error();
    auto type = std::make_shared<CatalogType>(described);
    for (CatalogField& field : type->fields) {
      Result<Value> fallback = default_value(field.type);
      field.fallback = fallback ? std::optional(*std::move(fallback)) : std::nullopt;
    }
    out.put(std::move(type));
  }
  return out;
}

void Catalog::put(std::shared_ptr<const CatalogType> type) {
  if (types_.size() < type->id.value) types_.resize(type->id.value);
  std::shared_ptr<const CatalogType>& place = types_[type->id.value - 1];
  if (place) {
    by_name_.erase(place.get());
    for (const CatalogIndex& index : place->indexes) indexes_[index.id.value - 1] = {};
  }
  by_name_.insert(type.get());
  for (std::size_t i = 0; i < type->indexes.size(); ++i) {
    const std::uint32_t id = type->indexes[i].id.value;
    if (indexes_.size() < id) indexes_.resize(id);
    indexes_[id - 1] = {type->id, static_cast<std::uint32_t>(i)};
  }
  place = std::move(type);
}

}  // namespace odb
