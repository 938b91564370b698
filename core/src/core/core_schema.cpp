#include "odb/core/core_schema.h"

#include <algorithm>

namespace odb {

SchemaDefinition core_schema_definition() {
  TypeDefinition connection;
  connection.name = connection_type_name().type;
  connection.fields = {{"name", Type::text()},
                       {"actor", Type::text()},
                       {"address", Type::text()},
                       {"since", Type::timestamp()}};
  connection.indexes = {{"name", {"name"}}, {"actor", {"actor"}}};
  return {std::string(kCoreSchema), {std::move(connection)}};
}

const TypeName& connection_type_name() {
  static const TypeName kName{std::string(kCoreSchema), "Connection"};
  return kName;
}

bool refers_to_connection(const Type& type) {
  if (type.kind == Type::Kind::kReference) return type.target == connection_type_name();
  return type.kind == Type::Kind::kOneOf && type.children.size() == 2 &&
         type.children[0].kind == Type::Kind::kNone && refers_to_connection(type.children[1]);
}

namespace {

bool mentions_core(const Type& type) {
  if (type.kind == Type::Kind::kReference) return type.target.schema == kCoreSchema;
  return std::any_of(type.children.begin(), type.children.end(), mentions_core);
}

}  // namespace

bool needs_core_schema(const SchemaDefinition& definition) {
  if (definition.name == kCoreSchema) return true;
  for (const TypeDefinition& type : definition.types) {
    for (const FieldDefinition& field : type.fields) {
      if (mentions_core(field.type)) return true;
    }
  }
  return false;
}

}  // namespace odb
