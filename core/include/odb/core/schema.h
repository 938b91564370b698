// Schema definitions, as clients write them, and the catalog, as the server keeps them.
#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "odb/core/error.h"
#include "odb/core/ids.h"
#include "odb/core/type.h"

namespace odb {

enum class Uniqueness : std::uint8_t { kMany, kUnique };

struct FieldDefinition {
  std::string name;
  Type type;
  friend bool operator==(const FieldDefinition&, const FieldDefinition&) = default;
};

// An index over one or more fields of a type. Its name defaults to the fields' names joined by "_".
struct IndexDefinition {
  std::string name;
  std::vector<std::string> fields;
  Uniqueness uniqueness = Uniqueness::kMany;
  friend bool operator==(const IndexDefinition&, const IndexDefinition&) = default;
};

struct TypeDefinition {
  std::string name;
  std::vector<FieldDefinition> fields;
  std::vector<IndexDefinition> indexes;
  friend bool operator==(const TypeDefinition&, const TypeDefinition&) = default;
};

struct SchemaDefinition {
  std::string name;
  std::vector<TypeDefinition> types;
  friend bool operator==(const SchemaDefinition&, const SchemaDefinition&) = default;
};

struct CatalogField {
  std::string name;
  Type type;                      // references resolved to ids
  std::optional<Value> fallback;  // the type's default; nothing when it has none
  friend bool operator==(const CatalogField&, const CatalogField&) = default;
};

struct CatalogIndex {
  IndexId id;
  TypeId type;
  std::string name;
  std::vector<FieldId> fields;
  Uniqueness uniqueness = Uniqueness::kMany;
  friend bool operator==(const CatalogIndex&, const CatalogIndex&) = default;
};

// A type with the numbers that the server gave. Fields are only ever appended.
struct CatalogType {
  TypeId id;
  TypeName name;
  std::vector<CatalogField> fields;  // position = FieldId
  std::vector<CatalogIndex> indexes;

  std::optional<FieldId> find_field(std::string_view field) const;
  const CatalogIndex* find_index(std::string_view index) const;  // by name; null when unknown
  friend bool operator==(const CatalogType&, const CatalogType&) = default;
};

// All types that a server (or a client) knows. A value type: changes make a new catalog, so that
// readers and rollback keep theirs; types are shared between copies.
class Catalog {
 public:
  // The catalog that also holds `definition`: new types, fields and indexes are appended, known
  // ones must agree. kSchemaContradiction names schema, type, field, expected and found;
  // kInvalidSchema, kUnknownType (a reference's target). A definition that adds nothing gives an
  // equal catalog.
  Result<Catalog> merged(const SchemaDefinition& definition) const;

  // The catalog that also holds these types, as a server described them (client side).
  Catalog with(const std::vector<CatalogType>& types) const;

  const CatalogType* find(const TypeName& name) const;  // null when unknown
  const CatalogType* find(TypeId id) const;
  const CatalogIndex* find(IndexId id) const;
  std::vector<TypeId> types_of(std::string_view schema) const;  // in the order of their ids
  bool has_schema(std::string_view schema) const;
  const std::vector<std::shared_ptr<const CatalogType>>& types() const { return types_; }

  friend bool operator==(const Catalog& a, const Catalog& b);

 private:
  std::vector<std::shared_ptr<const CatalogType>>
      types_;  // position = TypeId - 1; null when unknown
  struct IndexPlace {
    TypeId type;
    std::uint32_t position = 0;
  };
  std::vector<IndexPlace> indexes_;                         // position = IndexId - 1
  boost::unordered_flat_map<std::string, TypeId> by_name_;  // "schema.Type"
};

}  // namespace odb
