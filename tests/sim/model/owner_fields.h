// The fields of a type that name the connection which owns the object.
#pragma once

#include <vector>

#include "odb/core/schema.h"

namespace odb::sim {

inline std::vector<FieldId> owner_fields(const Catalog& catalog, TypeId type) {
  std::vector<FieldId> fields;
  for (const CatalogIndex& index : catalog.find(type)->indexes) {
    if (index.role == IndexRole::kOwner) fields.push_back(index.fields.front());
  }
  return fields;
}

}  // namespace odb::sim
