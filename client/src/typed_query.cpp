#include "odb/client/typed_query.h"

#include <algorithm>
#include <string>

namespace odb::detail {

IndexId find_index(const TypeBinding& binding, std::span<const std::size_t> positions,
                   std::span<const std::string_view> members) {
  const auto matches = [&](FieldId field, std::size_t position) {
    return field == binding.fields[position];
  };
  for (const CatalogIndex& index : binding.type->indexes) {
    if (std::equal(index.fields.begin(), index.fields.end(), positions.begin(), positions.end(),
                   matches)) {
      return index.id;
    }
  }
  std::string list;
  for (const std::string_view member : members) {
    if (!list.empty()) list += ", ";
    list += member;
  }
  throw SchemaError({ErrorCode::kUnknownIndex, to_string(binding.type->name) +
                                                   " has no index over exactly (" + list +
                                                   "): give one to define<...> of the struct"});
}

}  // namespace odb::detail
