// Schema: the types of one schema as this program defines them.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "odb/client/detail/client_catalog.h"
#include "odb/client/detail/struct_definition.h"
#include "odb/client/typed_fwd.h"
#include "odb/core/schema.h"

namespace odb {

// A value: built once, then given to Database::subscribe or Database::define, on any number of
// databases. typed_schema.h adds define<T>().
class Schema {
 public:
  explicit Schema(std::string name) { definition_.name = std::move(name); }

  const std::string& name() const { return definition_.name; }
  const SchemaDefinition& definition() const { return definition_; }
  const std::vector<detail::BindingDeclaration>& bindings() const { return bindings_; }

  // The dynamic form. References with an empty schema name mean this schema; an index without a
  // name gets that of its fields, joined by "_".
  Schema& define(TypeDefinition type);

  // Defines the described struct T under its unqualified name, or `name`, with index<...> and
  // unique<...> of its members. A Ref<U> in it refers to the type defined from U in this schema,
  // before or after, under whatever name; else to that of a schema in `uses`. Throws SchemaError
  // when T is already defined here.
  template <class T, detail::IndexDeclaration... Indexes>
  Schema& define(Indexes... indexes);
  template <class T, detail::IndexDeclaration... Indexes>
  Schema& define(std::string_view name, Indexes... indexes);

  // Says that this schema is whole. Throws SchemaError when a type refers to one of this schema
  // that has not been defined, naming both; afterwards define() and uses() throw. Not needed: a
  // server refuses such a schema too.
  Schema& freeze();
  bool is_frozen() const { return is_frozen_; }

  // Lets Ref<U> refer to the structs that `other` defines by now and this schema does not; of
  // several schemas the first one counts. A server must know `other` before it gets this schema.
  Schema& uses(const Schema& other);

 private:
  void check_not_frozen() const;
  // typed_schema.cpp
  Schema& define_struct(std::string_view name, detail::StructDefinition definition);
  TypeName resolve(std::size_t slot, std::string_view struct_name) const;
  std::vector<FieldDefinition> fields_of(detail::StructDefinition& definition) const;
  void resolve_references_to(std::size_t slot);

  std::vector<detail::StructDefinition> structs_;       // parallel to bindings_
  std::vector<std::pair<std::size_t, TypeName>> used_;  // by slot: types of other schemas
  SchemaDefinition definition_;
  std::vector<detail::BindingDeclaration> bindings_;
  bool is_frozen_ = false;
};

// What Database::subscribe leaves out of a schema, see excluding<T...>() in typed_query.h.
struct Excluding {
  std::vector<std::size_t> slots;  // of the structs
  std::vector<std::string> names;  // theirs, for messages; or those of types without a struct
};

}  // namespace odb
