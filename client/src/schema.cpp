#include "odb/client/schema.h"

#include <algorithm>
#include <utility>

#include "odb/client/errors.h"

namespace odb {

namespace {

// References that name no schema mean this one.
void resolve_schema(Type& type, const std::string& schema) {
  if (type.kind == Type::Kind::kReference && type.target.schema.empty())
    type.target.schema = schema;
  for (Type& child : type.children) resolve_schema(child, schema);
}

// The first type of this schema that `type` refers to and `schema` does not define.
const TypeName* find_undefined(const Type& type, const SchemaDefinition& schema) {
  if (type.kind == Type::Kind::kReference && type.target.schema == schema.name &&
      std::none_of(schema.types.begin(), schema.types.end(),
                   [&](const TypeDefinition& known) { return known.name == type.target.type; })) {
    return &type.target;
  }
  for (const Type& child : type.children) {
    if (const TypeName* found = find_undefined(child, schema)) return found;
  }
  return nullptr;
}

}  // namespace

void Schema::check_not_frozen() const {
  if (!is_frozen_) return;
  throw SchemaError({ErrorCode::kInvalidSchema,
                     "schema " + definition_.name + " is frozen: nothing can be defined any more"});
}

Schema& Schema::freeze() {
  for (const TypeDefinition& type : definition_.types) {
    for (const FieldDefinition& field : type.fields) {
      const TypeName* const undefined = find_undefined(field.type, definition_);
      if (undefined == nullptr) continue;
      throw SchemaError({ErrorCode::kInvalidSchema,
                         definition_.name + "." + type.name + "." + field.name + " refers to " +
                             to_string(*undefined) + ", which is not defined"});
    }
  }
  is_frozen_ = true;
  return *this;
}

Schema& Schema::define(TypeDefinition type) {
  check_not_frozen();
  for (FieldDefinition& field : type.fields) resolve_schema(field.type, definition_.name);
  for (IndexDefinition& index : type.indexes) {
    if (!index.name.empty()) continue;
    for (const std::string& field : index.fields) {
      if (!index.name.empty()) index.name += "_";
      index.name += field;
    }
  }
  definition_.types.push_back(std::move(type));
  return *this;
}

}  // namespace odb
