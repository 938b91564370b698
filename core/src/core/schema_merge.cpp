// Catalog::merged: what a definition adds to what is known.
#include <algorithm>
#include <boost/unordered/unordered_flat_map.hpp>
#include <boost/unordered/unordered_flat_set.hpp>
#include <utility>

#include "odb/core/core_schema.h"
#include "odb/core/schema.h"

namespace odb {
namespace {

Error invalid(std::string message) { return {ErrorCode::kInvalidSchema, std::move(message)}; }

// The name of something that does not exist, so nobody has checked it.
std::string printable(const std::string& name) { return to_string(Value::text(name), 80); }

std::string quoted(std::string_view name) { return "\"" + std::string(name) + "\""; }

}  // namespace

class CatalogMerge {
 public:
  CatalogMerge(const Catalog& known, const SchemaDefinition& definition)
      : known_(known), definition_(definition) {}

  Result<Catalog> run() {
    if (auto result = number_types(); !result) return result.error();
    for (const TypeDefinition& type : definition_.types) {
      if (auto result = merge_type(type); !result) return result.error();
    }
    if (changed_.empty()) return known_;
    Catalog out = known_;
    for (auto& type : changed_) out.put(std::move(type));
    return out;
  }

 private:
  // Every name gets its number first, so that references may point forward and at each other.
  Result<void> number_types() {
    if (auto result = check_name(definition_.name, "a schema"); !result) return result;
    auto next_id = static_cast<std::uint32_t>(known_.types_.size());
    for (const TypeDefinition& type : definition_.types) {
      if (auto result = check_name(type.name, "a type"); !result) {
        return invalid("schema " + definition_.name + ": " + result.error().message);
      }
      const CatalogType* const known = known_.find(TypeName{definition_.name, type.name});
      const TypeId id = known != nullptr ? known->id : TypeId{++next_id};
      if (!ids_.emplace(type.name, id).second) {
        return invalid("schema " + definition_.name + ": defines type " + quoted(type.name) +
                       " twice");
      }
      if (next_id > kTypesMax) {
        return Error{ErrorCode::kTooManyTypes, "schema " + definition_.name + ", type " +
                                                   type.name + ": a server holds at most " +
                                                   std::to_string(kTypesMax) + " types"};
      }
    }
    return {};
  }

  Result<void> merge_type(const TypeDefinition& definition) {
    place_ = "schema " + definition_.name + ", type " + definition.name;
    if (definition.fields.empty()) return invalid(place_ + ": expected at least one field");
    const TypeId id = ids_.at(definition.name);
    const CatalogType* const known = known_.find(id);
    auto type = known != nullptr ? std::make_shared<CatalogType>(*known)
                                 : std::make_shared<CatalogType>(CatalogType{
                                       id, {definition_.name, definition.name}, {}, {}});
    if (auto result = merge_fields(definition, *type); !result) return result;
    if (auto result = merge_indexes(definition, *type); !result) return result;
    const bool grew = known == nullptr || known->fields.size() != type->fields.size() ||
                      known->indexes.size() != type->indexes.size();
    if (grew) changed_.push_back(std::move(type));
    return {};
  }

  Result<void> merge_fields(const TypeDefinition& definition, CatalogType& type) {
    fields_.clear();
    for (std::size_t i = 0; i < type.fields.size(); ++i) {
      fields_.emplace(type.fields[i].name, FieldId{static_cast<std::uint32_t>(i)});
    }
    const bool is_known = !type.fields.empty();
    boost::unordered_flat_set<std::string_view> given;
    for (const FieldDefinition& field : definition.fields) {
      if (auto result = check_name(field.name, "a field"); !result) {
        return invalid(place_ + ": " + result.error().message);
      }
      if (!given.insert(field.name).second) {
        return invalid(place_ + ": defines field " + quoted(field.name) + " twice");
      }
      const std::string place = place_ + ", field " + field.name;
      if (auto result = check_type(field.type); !result) {
        return invalid(place + ": " + result.error().message);
      }
      if (const auto found = fields_.find(field.name); found != fields_.end()) {
        const Type& expected = type.fields[found->second.value].type;
        if (expected == field.type) continue;
        return Error{ErrorCode::kSchemaContradiction, place + ": expected " + to_string(expected) +
                                                          ", found " + to_string(field.type)};
      }
      if (auto result = append_field(field, place, is_known, type); !result) return result;
    }
    return {};
  }

  Result<void> append_field(const FieldDefinition& definition, const std::string& place,
                            bool is_known_type, CatalogType& type) {
    if (type.fields.size() == kFieldsMax) {
      return invalid(place + ": a type has at most " + std::to_string(kFieldsMax) + " fields");
    }
    CatalogField field{definition.name, definition.type, std::nullopt};
    if (auto result = resolve(field.type, place); !result) return result;
    if (Result<Value> fallback = default_value(field.type); fallback) {
      field.fallback = *std::move(fallback);
    } else if (is_known_type) {
      return Error{ErrorCode::kSchemaContradiction,
                   place + ": expected a type with a default, because the type is already known" +
                       " and its objects have no value for a new field; found " +
                       to_string(field.type)};
    }
    fields_.emplace(definition.name, FieldId{static_cast<std::uint32_t>(type.fields.size())});
    type.fields.push_back(std::move(field));
    return {};
  }

  Result<void> resolve(Type& type, const std::string& place) const {
    for (Type& child : type.children) {
      if (auto result = resolve(child, place); !result) return result;
    }
    if (type.kind != Type::Kind::kReference) return {};
    if (type.target.schema == definition_.name) {
      if (const auto found = ids_.find(type.target.type); found != ids_.end()) {
        type.target_id = found->second;
        return {};
      }
    }
    const CatalogType* const target = known_.find(type.target);
    if (target == nullptr) {
      return Error{ErrorCode::kUnknownType,
                   place + ": refers to the unknown type " + to_string(type.target)};
    }
    type.target_id = target->id;
    return {};
  }

  Result<void> merge_indexes(const TypeDefinition& definition, CatalogType& type) {
    boost::unordered_flat_set<std::string_view> given;
    for (const IndexDefinition& index : definition.indexes) {
      if (auto result = check_name(index.name, "an index"); !result) {
        return invalid(place_ + ": " + result.error().message);
      }
      if (!given.insert(index.name).second) {
        return invalid(place_ + ": defines index " + quoted(index.name) + " twice");
      }
      const std::string place = place_ + ", index " + index.name;
      CatalogIndex merged{{}, type.id, index.name, {}, index.uniqueness, index.role};
      if (auto result = resolve(index, place, merged); !result) return result;
      if (auto result = check_owner(merged, place, type); !result) return result;
      if (const CatalogIndex* const known = type.find_index(index.name)) {
        if (known->fields == merged.fields && known->uniqueness == merged.uniqueness &&
            known->role == merged.role) {
          continue;
        }
        return Error{
            ErrorCode::kSchemaContradiction,
            place + ": expected " + describe(*known, type) + ", found " + describe(merged, type)};
      }
      if (type.indexes.size() == kIndexesMax) {
        return invalid(place + ": a type has at most " + std::to_string(kIndexesMax) + " indexes");
      }
      merged.id = IndexId{static_cast<std::uint32_t>(known_.indexes_.size()) + ++new_indexes_};
      type.indexes.push_back(std::move(merged));
    }
    return {};
  }

  Result<void> resolve(const IndexDefinition& index, const std::string& place,
                       CatalogIndex& out) const {
    if (index.fields.empty()) return invalid(place + ": expected at least one field");
    boost::unordered_flat_set<FieldId> seen;
    for (const std::string& name : index.fields) {
      const auto found = fields_.find(name);
      if (found == fields_.end()) {
        return invalid(place + ": the type has no field " + printable(name));
      }
      if (!seen.insert(found->second).second) {
        return invalid(place + ": contains field " + quoted(name) + " twice");
      }
      out.fields.push_back(found->second);
    }
    return {};
  }

  static Result<void> check_owner(const CatalogIndex& index, const std::string& place,
                                  const CatalogType& type) {
    if (index.role != IndexRole::kOwner) return {};
    if (index.fields.size() == 1 && refers_to_connection(type.fields[index.fields[0].value].type)) {
      return {};
    }
    return invalid(place + ": expected an owner to be one field that refers to " +
                   to_string(connection_type_name()) + " or may be none, found " +
                   describe(index, type));
  }

  // "unique (status, priority)"
  static std::string describe(const CatalogIndex& index, const CatalogType& type) {
    std::string out = index.role == IndexRole::kOwner ? "owner, " : "";
    out += index.uniqueness == Uniqueness::kUnique ? "unique (" : "not unique (";
    for (std::size_t i = 0; i < index.fields.size(); ++i) {
      if (i != 0) out += ", ";
      out += type.fields[index.fields[i].value].name;
    }
    return out + ")";
  }

  const Catalog& known_;
  const SchemaDefinition& definition_;
  boost::unordered_flat_map<std::string_view, TypeId> ids_;  // the definition's types
  boost::unordered_flat_map<std::string, FieldId> fields_;   // those of the type at hand
  std::string place_;                                        // the type at hand, for messages
  std::uint32_t new_indexes_ = 0;
  std::vector<std::shared_ptr<const CatalogType>> changed_;
};

Result<Catalog> Catalog::merged(const SchemaDefinition& definition) const {
  return CatalogMerge(*this, definition).run();
}

}  // namespace odb
