// How a described struct becomes a type definition: what Schema needs to know of it, without
// templates.
#pragma once

#include <cstddef>
#include <functional>
#include <string_view>
#include <vector>

#include "odb/core/schema.h"
#include "odb/core/type.h"

namespace odb::detail {

// Tells under which name a struct that references point to is defined, by its slot.
using ResolveReference = std::function<TypeName(std::size_t slot, std::string_view struct_name)>;

struct StructDefinition {
  std::size_t slot = 0;
  std::string_view struct_name;  // unqualified; of static storage
  std::vector<FieldDefinition> (*fields)(const ResolveReference& resolve) = nullptr;
  std::vector<IndexDefinition> indexes;
  std::vector<std::size_t> references;  // slots that its references point to; filled by Schema
};

}  // namespace odb::detail
