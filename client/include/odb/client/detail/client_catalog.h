// What a client knows of the server's types, resolved for fast reads. Immutable; views share it.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "odb/core/schema.h"
#include "odb/core/versioned_state.h"

namespace odb::detail {

// One C++ struct bound to one type of one schema.
struct TypeBinding {
  const CatalogType* type = nullptr;
  const ObjectTable* objects = nullptr;
  std::vector<FieldId> fields;   // by position among the struct's described members
  std::vector<IndexId> indexes;  // by position among the indexes given to define<T>
};

// How a struct is declared, before the server has given numbers. `slot` numbers C++ types in this
// process.
struct BindingDeclaration {
  std::size_t slot = 0;
  std::string type_name;
  std::vector<std::string> fields;
  std::vector<std::string> indexes;
};

struct ClientCatalog {
  std::shared_ptr<const Catalog> catalog;
  std::vector<const ObjectTable*> objects;         // by TypeId
  std::vector<std::vector<TypeBinding>> bindings;  // by slot; several when used in several schemas

  const ObjectTable* objects_of(TypeId type) const {
    return type.value < objects.size() ? objects[type.value] : nullptr;
  }

  // The binding of a struct. `type` 0: the only one, else the one of this type. Throws SchemaError
  // when there is none ("Task is not defined on this connection: subscribe to its schema first") or
  // when it is used in several schemas and neither tells which.
  const TypeBinding& binding(std::size_t slot, TypeId type, std::string_view struct_name) const {
    if (slot < bindings.size()) [[likely]] {
      const auto& candidates = bindings[slot];
      if (candidates.size() == 1 && (type == TypeId{} || candidates[0].type->id == type))
          [[likely]] {
        return candidates[0];
      }
      if (type != TypeId{}) {
        for (const TypeBinding& candidate : candidates) {
          if (candidate.type->id == type) return candidate;
        }
      }
    }
    throw_unbound(slot, struct_name);
  }
  const TypeBinding& binding(std::size_t slot, std::string_view schema,
                             std::string_view struct_name) const;

 private:
  [[noreturn]] void throw_unbound(std::size_t slot, std::string_view struct_name) const;
};

// A new number each call.
std::size_t next_type_slot();

// The number of T in this process.
template <class T>
std::size_t type_slot() {
  static const std::size_t slot = next_type_slot();
  return slot;
}

}  // namespace odb::detail
