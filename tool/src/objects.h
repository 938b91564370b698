// Objects of a server as a person names and sees them.
#pragma once

#include <string>
#include <vector>

#include "odb/client/database.h"
#include "odb/tool/dump_lines.h"

namespace odb::tool {

// "SCHEMA.TYPE" among what the connection knows; "TYPE" alone when one schema has it. Throws
// SchemaError that says which types there are.
const CatalogType& find_type(const Catalog& catalog, const std::string& name);

// All of a type, or those whose indexed fields have the given values: `conditions` are
// "FIELD=VALUE", VALUE in JSON or, for a text, as it is; an index over exactly these fields must
// exist. Throws SchemaError, ValueError.
Interest parse_interest(const CatalogType& type, const std::vector<std::string>& conditions);

// {"type":"todo.Task","id":17,"fields":{"title":"write"}}
std::string object_json(const CatalogType& type, const ObjectLines& lines, ObjectId object,
                        std::span<const Value> fields);
// A cell for each field, shortened.
std::vector<std::string> object_cells(const CatalogType& type, const ObjectLines& lines,
                                      ObjectId object, std::span<const Value> fields);
std::vector<std::string> head_cells(const CatalogType& type);

}  // namespace odb::tool
