#include "wire/schema_codec.h"

#include <string>
#include <utility>

#include "wire/value_codec.h"
#include "wire/write_helpers.h"

namespace odb::wire {
namespace {

static_assert(static_cast<int>(Uniqueness::kUnique) ==
              static_cast<int>(schema::Uniqueness::UNIQUE));

schema::Uniqueness to_wire(Uniqueness uniqueness) {
  return static_cast<schema::Uniqueness>(uniqueness);
}

Uniqueness from_wire(schema::Uniqueness uniqueness) {
  return read_enum(uniqueness, Uniqueness::kUnique, "uniqueness of an index");
}

static_assert(static_cast<int>(IndexRole::kOwner) == static_cast<int>(schema::IndexRole::OWNER));

schema::IndexRole to_wire(IndexRole role) { return static_cast<schema::IndexRole>(role); }

IndexRole from_wire(schema::IndexRole role) {
  return read_enum(role, IndexRole::kOwner, "role of an index");
}

void write_type_definition(schema::TypeDefinition::Builder out, const TypeDefinition& type) {
  out.setName(as_text(type.name));
  write_list(out.initFields(count_of(type.fields)), type.fields,
             [](schema::FieldDefinition::Builder field, const FieldDefinition& definition) {
               field.setName(as_text(definition.name));
               write_type(field.initType(), definition.type);
             });
  write_list(out.initIndexes(count_of(type.indexes)), type.indexes,
             [](schema::IndexDefinition::Builder index, const IndexDefinition& definition) {
               index.setName(as_text(definition.name));
               set_list(index.initFields(count_of(definition.fields)), definition.fields, as_text);
               index.setUniqueness(to_wire(definition.uniqueness));
               index.setRole(to_wire(definition.role));
             });
}

TypeDefinition read_type_definition(schema::TypeDefinition::Reader in, ReadContext& context) {
  TypeDefinition type;
  type.name = read_text(in.getName());
  type.fields = context.read_list<FieldDefinition>(
      in.getFields(), [&](schema::FieldDefinition::Reader field) {
        return FieldDefinition{read_text(field.getName()), read_type(field.getType(), context)};
      });
  type.indexes = context.read_list<IndexDefinition>(
      in.getIndexes(), [&](schema::IndexDefinition::Reader index) {
        auto fields = context.read_list<std::string>(
            index.getFields(), [](capnp::Text::Reader name) { return read_text(name); });
        return IndexDefinition{read_text(index.getName()), std::move(fields),
                               from_wire(index.getUniqueness()), from_wire(index.getRole())};
      });
  return type;
}

}  // namespace

void write_schema(schema::SchemaDefinition::Builder out, const SchemaDefinition& definition) {
  out.setName(as_text(definition.name));
  write_list(out.initTypes(count_of(definition.types)), definition.types, write_type_definition);
}

SchemaDefinition read_schema(schema::SchemaDefinition::Reader in, ReadContext& context) {
  SchemaDefinition definition;
  definition.name = read_text(in.getName());
  definition.types = context.read_list<TypeDefinition>(
      in.getTypes(),
      [&](schema::TypeDefinition::Reader type) { return read_type_definition(type, context); });
  return definition;
}

void write_catalog_type(schema::CatalogType::Builder out, const CatalogType& type) {
  out.setId(type.id.value);
  out.setSchema(as_text(type.name.schema));
  out.setName(as_text(type.name.type));
  write_list(out.initFields(count_of(type.fields)), type.fields,
             [](schema::CatalogField::Builder to, const CatalogField& field) {
               to.setName(as_text(field.name));
               write_type(to.initType(), field.type);
               if (field.fallback) write_value(to.initFallback(), *field.fallback);
             });
  write_list(out.initIndexes(count_of(type.indexes)), type.indexes,
             [](schema::CatalogIndex::Builder to, const CatalogIndex& index) {
               to.setId(index.id.value);
               to.setType(index.type.value);
               to.setName(as_text(index.name));
               set_list(to.initFields(count_of(index.fields)), index.fields,
                        [](FieldId field) { return field.value; });
               to.setUniqueness(to_wire(index.uniqueness));
               to.setRole(to_wire(index.role));
             });
}

CatalogType read_catalog_type(schema::CatalogType::Reader in, ReadContext& context) {
  CatalogType type;
  type.id = TypeId{in.getId()};
  type.name = {read_text(in.getSchema()), read_text(in.getName())};
  type.fields =
      context.read_list<CatalogField>(in.getFields(), [&](schema::CatalogField::Reader from) {
        CatalogField field{read_text(from.getName()), read_type(from.getType(), context), {}};
        if (from.hasFallback()) field.fallback = read_value(from.getFallback(), context);
        return field;
      });
  const std::size_t field_count = type.fields.size();
  type.indexes =
      context.read_list<CatalogIndex>(in.getIndexes(), [&](schema::CatalogIndex::Reader from) {
        auto fields = context.read_list<FieldId>(from.getFields(), [&](std::uint32_t field) {
          if (field >= field_count) {
            malformed("an index over field " + std::to_string(field) + " of a type with " +
                      std::to_string(field_count) + " fields");
          }
          return FieldId{field};
        });
        return CatalogIndex{IndexId{from.getId()},           TypeId{from.getType()},
                            read_text(from.getName()),       std::move(fields),
                            from_wire(from.getUniqueness()), from_wire(from.getRole())};
      });
  return type;
}

}  // namespace odb::wire
