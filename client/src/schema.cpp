#include "odb/client/schema.h"

#include <utility>

namespace odb {

namespace {

// References that name no schema mean this one.
void resolve_schema(Type& type, const std::string& schema) {
  if (type.kind == Type::Kind::kReference && type.target.schema.empty())
    type.target.schema = schema;
  for (Type& child : type.children) resolve_schema(child, schema);
}

}  // namespace

Schema& Schema::define(TypeDefinition type) {
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
