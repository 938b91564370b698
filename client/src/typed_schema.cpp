// Schema: structs, and the names that references between them get.
#include <algorithm>
#include <string>
#include <utility>

#include "odb/client/core_schema.h"
#include "odb/client/errors.h"
#include "odb/client/schema.h"
#include "odb/core/core_schema.h"

namespace odb {

const Schema& core_schema() {
  static const Schema kSchema = [] {
    Schema schema{std::string(kCoreSchema)};
    schema.define<Connection>(index<&Connection::name>(), index<&Connection::actor>());
    return schema;
  }();
  return kSchema;
}

Schema& Schema::define_struct(std::string_view name, detail::StructDefinition definition) {
  check_not_frozen();
  const std::size_t slot = definition.slot;
  const std::string_view struct_name = definition.struct_name;
  for (const detail::BindingDeclaration& known : bindings_) {
    if (known.slot != slot) continue;
    throw SchemaError({ErrorCode::kInvalidSchema,
                       "schema " + definition_.name + ": the struct " + std::string(struct_name) +
                           " is already defined, as type " + known.type_name});
  }
  const TypeName assumed = resolve(slot, struct_name);
  bindings_.push_back({slot, std::string(name), {}, {}});  // first: a struct may refer to itself
  structs_.push_back(std::move(definition));
  try {
    define(TypeDefinition{std::string(name), fields_of(structs_.back()), structs_.back().indexes});
  } catch (...) {
    bindings_.pop_back();
    structs_.pop_back();
    throw;
  }
  const TypeDefinition& type = definition_.types.back();
  for (const FieldDefinition& field : type.fields) bindings_.back().fields.push_back(field.name);
  for (const IndexDefinition& index : type.indexes) bindings_.back().indexes.push_back(index.name);
  if (resolve(slot, struct_name) != assumed) resolve_references_to(slot);
  return *this;
}

Schema& Schema::uses(const Schema& other) {
  check_not_frozen();
  std::vector<std::size_t> added;
  for (const detail::BindingDeclaration& type : other.bindings_) {
    const bool is_known = std::any_of(used_.begin(), used_.end(),
                                      [&](const auto& known) { return known.first == type.slot; });
    if (is_known) continue;
    used_.emplace_back(type.slot, TypeName{other.name(), type.type_name});
    added.push_back(type.slot);
  }
  for (const std::size_t slot : added) resolve_references_to(slot);
  return *this;
}

TypeName Schema::resolve(std::size_t slot, std::string_view struct_name) const {
  for (const detail::BindingDeclaration& own : bindings_) {
    if (own.slot == slot) return {definition_.name, own.type_name};
  }
  for (const auto& [used_slot, type_name] : used_) {
    if (used_slot == slot) return type_name;
  }
  if (slot == detail::type_slot<Connection>()) return connection_type_name();
  return {definition_.name, std::string(struct_name)};  // until it is defined
}

std::vector<FieldDefinition> Schema::fields_of(detail::StructDefinition& definition) const {
  definition.references.clear();
  return definition.fields([&](std::size_t slot, std::string_view struct_name) {
    definition.references.push_back(slot);
    return resolve(slot, struct_name);
  });
}

void Schema::resolve_references_to(std::size_t slot) {
  for (std::size_t i = 0; i < structs_.size(); ++i) {
    const auto& references = structs_[i].references;
    if (std::find(references.begin(), references.end(), slot) == references.end()) continue;
    const auto type = std::find_if(
        definition_.types.begin(), definition_.types.end(),
        [&](const TypeDefinition& known) { return known.name == bindings_[i].type_name; });
    type->fields = fields_of(structs_[i]);
  }
}

}  // namespace odb
