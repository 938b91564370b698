// Schema: the types of one schema as this program defines them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "odb/client/detail/client_catalog.h"
#include "odb/core/schema.h"

namespace odb {

// A value: built once, then given to Database::subscribe or Database::define, on any number of databases.
// typed_schema.h adds define<T>().
class Schema {
 public:
  explicit Schema(std::string name) { definition_.name = std::move(name); }

  const std::string& name() const { return definition_.name; }
  const SchemaDefinition& definition() const { return definition_; }
  const std::vector<detail::BindingDeclaration>& bindings() const { return bindings_; }

  // The dynamic form. References with an empty schema name mean this schema; an index without a name
  // gets that of its fields, joined by "_".
  Schema& define(TypeDefinition type);

  // Defines the described struct T under its unqualified name, or `name`.
  template <class T, class... Indexes>
  Schema& define(Indexes... indexes);
  template <class T, class... Indexes>
  Schema& define(std::string_view name, Indexes... indexes);

 private:
  SchemaDefinition definition_;
  std::vector<detail::BindingDeclaration> bindings_;
};

}  // namespace odb
