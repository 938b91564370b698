// Schema definitions, as clients write them, and the catalog, as the server keeps them.
#pragma once

#include <boost/unordered/unordered_flat_set.hpp>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "odb/core/error.h"
#include "odb/core/ids.h"
#include "odb/core/type.h"

namespace odb {

inline constexpr std::uint32_t kTypesMax = 65536;  // of all schemas together
inline constexpr std::size_t kFieldsMax = 4096;    // of one type
inline constexpr std::size_t kIndexesMax = 64;     // of one type

enum class Uniqueness : std::uint8_t { kMany, kUnique };

// What else an index is for, beside look-ups.
enum class IndexRole : std::uint8_t {
  kLookup,
  kOwner,  // over one reference to core.Connection: when that connection ends, the object is
           // deleted
};

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
  IndexRole role = IndexRole::kLookup;
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
  IndexRole role = IndexRole::kLookup;
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
  // ones must agree, and what the definition leaves out stays. References find their targets in the
  // definition and among all known types. A definition that adds nothing gives an equal catalog.
  //
  // kSchemaContradiction names schema, type, field or index, expected and found; a new field of a
  // known type must have a default, or its older objects could not be read. kUnknownType names a
  // reference's missing target, kTooManyTypes the limit; kInvalidSchema is a definition that is
  // wrong in itself.
  Result<Catalog> merged(const SchemaDefinition& definition) const;

  // The catalog that also holds these types, as a server or a store described them: their numbers
  // are kept, and may leave gaps. A known type is replaced. Defaults are computed here, whatever
  // the description says. kInvalidSchema when it cannot be: malformed, numbers out of range, or
  // already given to something else.
  Result<Catalog> with(const std::vector<CatalogType>& types) const;

  const CatalogType* find(const TypeName& name) const;  // null when unknown
  const CatalogType* find(TypeId id) const;
  const CatalogIndex* find(IndexId id) const;
  std::vector<TypeId> types_of(std::string_view schema) const;  // in the order of their ids
  bool has_schema(std::string_view schema) const;               // whether it has a type
  // Position = TypeId - 1; null when unknown.
  const std::vector<std::shared_ptr<const CatalogType>>& types() const { return types_; }

  friend bool operator==(const Catalog& a, const Catalog& b);

 private:
  friend class CatalogMerge;

  struct IndexPlace {
    TypeId type;
    std::uint32_t position = 0;
  };
  struct NameHash {
    using is_transparent = void;
    std::size_t operator()(const TypeName& name) const;
    std::size_t operator()(const CatalogType* type) const { return (*this)(type->name); }
  };
  struct NameEqual {
    using is_transparent = void;
    bool operator()(const CatalogType* a, const CatalogType* b) const { return a->name == b->name; }
    bool operator()(const TypeName& a, const CatalogType* b) const { return a == b->name; }
    bool operator()(const CatalogType* a, const TypeName& b) const { return a->name == b; }
  };

  Result<void> check_described(const CatalogType& type) const;
  Result<void> check_described_indexes(const CatalogType& type) const;
  void put(std::shared_ptr<const CatalogType> type);

  std::vector<std::shared_ptr<const CatalogType>> types_;
  std::vector<IndexPlace> indexes_;  // position = IndexId - 1; type 0 when unknown
  boost::unordered_flat_set<const CatalogType*, NameHash, NameEqual> by_name_;  // those in types_
};

}  // namespace odb
