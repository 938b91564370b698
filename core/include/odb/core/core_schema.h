// The schema "core", which the server itself keeps: who is connected.
#pragma once

#include <string_view>

#include "odb/core/schema.h"

namespace odb {

// One type, core.Connection(name: text, actor: text, address: text, since: timestamp), with indexes
// over name and actor. Its objects are the open sessions: made and deleted by the server alone, in
// ordinary commits, from the moment on that somebody knows the schema. Clients define it as this or
// as a subset, and refer to its objects; see IndexRole::kOwner.
SchemaDefinition core_schema_definition();

inline constexpr std::string_view kCoreSchema = "core";
const TypeName& connection_type_name();

// Whether a field of this type may hold nothing but a connection, or none.
bool refers_to_connection(const Type& type);
// Whether a definition refers to the schema, so that the server must know it first.
bool needs_core_schema(const SchemaDefinition& definition);

}  // namespace odb
