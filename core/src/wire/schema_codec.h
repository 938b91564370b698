// Schema definitions and catalog types.
#pragma once

#include "odb/core/schema.h"
#include "schemas/types.capnp.h"
#include "wire/read_context.h"

namespace odb::wire {

void write_schema(schema::SchemaDefinition::Builder out, const SchemaDefinition& definition);
void write_catalog_type(schema::CatalogType::Builder out, const CatalogType& type);

SchemaDefinition read_schema(schema::SchemaDefinition::Reader in, ReadContext& context);
CatalogType read_catalog_type(schema::CatalogType::Reader in, ReadContext& context);

}  // namespace odb::wire
