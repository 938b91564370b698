// Catalog::merged.
#include <gtest/gtest.h>

#include "odb/core/schema.h"

namespace odb {
namespace {

const Type kTask = Type::reference({"todo", "Task"});

SchemaDefinition todo(std::vector<TypeDefinition> types) { return {"todo", std::move(types)}; }

TypeDefinition task() {
  return {"Task",
          {{"status", Type::text()}, {"priority", Type::integer()}},
          {{"status", {"status"}}, {"by_both", {"status", "priority"}, Uniqueness::kUnique}}};
}

Catalog merged(const Catalog& catalog, const SchemaDefinition& definition) {
  Result<Catalog> result = catalog.merged(definition);
  EXPECT_TRUE(result) << (result ? "" : result.error().message);
  return result ? *std::move(result) : Catalog();
}

void expect_refused(const Catalog& catalog, const SchemaDefinition& definition, ErrorCode code,
                    std::string_view message) {
  const Result<Catalog> result = catalog.merged(definition);
  ASSERT_FALSE(result) << "expected: " << message;
  EXPECT_EQ(result.error().code, code);
  EXPECT_EQ(result.error().message, message);
}

void expect_invalid(const SchemaDefinition& definition, std::string_view message) {
  expect_refused(Catalog(), definition, ErrorCode::kInvalidSchema, message);
}

TEST(CatalogMerge, NumbersTypesFieldsAndIndexesInOrder) {
  const Catalog catalog = merged({}, todo({task(), {"Person", {{"name", Type::text()}}, {}}}));
  const CatalogType* const type = catalog.find(TypeName{"todo", "Task"});
  ASSERT_NE(type, nullptr);
  EXPECT_EQ(type->id, TypeId{1});
  EXPECT_EQ(catalog.find(TypeName{"todo", "Person"})->id, TypeId{2});
  ASSERT_EQ(type->fields.size(), 2u);
  EXPECT_EQ(type->fields[1].name, "priority");
  EXPECT_EQ(type->fields[1].fallback, Value::integer(0));
  ASSERT_EQ(type->indexes.size(), 2u);
  EXPECT_EQ(type->indexes[1],
            (CatalogIndex{
                IndexId{2}, TypeId{1}, "by_both", {FieldId{0}, FieldId{1}}, Uniqueness::kUnique}));
}

TEST(CatalogMerge, OfAKnownDefinitionGivesAnEqualCatalogAndSharesItsTypes) {
  const Catalog catalog = merged({}, todo({task()}));
  const Catalog again = merged(catalog, todo({task()}));
  EXPECT_EQ(catalog, again);
  EXPECT_EQ(catalog.types()[0], again.types()[0]);
  EXPECT_EQ(merged(catalog, todo({})), catalog);
}

TEST(CatalogMerge, LeavesTheOldCatalogAlone) {
  const Catalog before = merged({}, todo({task()}));
  const Catalog copy = before;
  const Catalog after = merged(before, todo({{"Task", {{"notes", Type::text()}}, {}}}));
  EXPECT_EQ(before, copy);
  EXPECT_NE(after, before);
  EXPECT_EQ(before.find(TypeId{1})->fields.size(), 2u);
}

TEST(CatalogMerge, AppendsFieldsAndIndexesAndKeepsWhatTheDefinitionLeavesOut) {
  const Catalog before = merged({}, todo({task()}));
  const Catalog after =
      merged(before, todo({{"Task",
                            {{"notes", Type::text()}, {"priority", Type::integer()}},
                            {{"by_notes", {"notes", "status"}}}}}));
  const CatalogType* const type = after.find(TypeId{1});
  ASSERT_EQ(type->fields.size(), 3u);
  EXPECT_EQ(type->fields[0].name, "status");
  EXPECT_EQ(type->fields[2].name, "notes");
  EXPECT_EQ(type->fields[2].fallback, Value::text(""));
  ASSERT_EQ(type->indexes.size(), 3u);
  EXPECT_EQ(type->indexes[2].id, IndexId{3});
  EXPECT_EQ(type->indexes[2].fields, (std::vector{FieldId{2}, FieldId{0}}));
  EXPECT_EQ(after.find(TypeName{"todo", "Task"}), type);
}

TEST(CatalogMerge, NumbersNewIndexesOfSeveralTypesApart) {
  const Catalog catalog =
      merged({}, todo({task(), {"Person", {{"name", Type::text()}}, {{"name", {"name"}}}}}));
  EXPECT_EQ(catalog.find(IndexId{3})->name, "name");
  EXPECT_EQ(catalog.find(IndexId{3})->type, TypeId{2});
}

TEST(CatalogMerge, AllowsTwoIndexesOverTheSameFields) {
  TypeDefinition type = task();
  type.indexes.push_back({"again", {"status"}});
  EXPECT_EQ(merged({}, todo({type})).find(TypeId{1})->indexes.size(), 3u);
}

TEST(CatalogMerge, ResolvesReferencesToItselfForwardAndBack) {
  const Type person = Type::one_of({Type::none(), Type::reference({"todo", "Person"})});
  const Catalog catalog = merged({}, todo({{"Task", {{"parent", kTask}, {"owner", person}}, {}},
                                           {"Person", {{"tasks", Type::list(kTask)}}, {}}}));
  const CatalogType* const type = catalog.find(TypeId{1});
  EXPECT_EQ(type->fields[0].type.target_id, TypeId{1});
  EXPECT_EQ(type->fields[0].fallback, std::nullopt);
  EXPECT_EQ(type->fields[1].type.children[1].target_id, TypeId{2});
  EXPECT_EQ(type->fields[1].fallback, Value::none());
  EXPECT_EQ(catalog.find(TypeId{2})->fields[0].type.children[0].target_id, TypeId{1});
}

TEST(CatalogMerge, ResolvesReferencesIntoOtherSchemas) {
  const Catalog first = merged({}, todo({task()}));
  const Catalog second = merged(first, {"notes", {{"Note", {{"about", kTask}}, {}}}});
  EXPECT_EQ(second.find(TypeName{"notes", "Note"})->fields[0].type.target_id, TypeId{1});
}

TEST(CatalogMerge, ResolvesReferencesToTypesThatTheDefinitionLeavesOut) {
  const Catalog first = merged({}, todo({task()}));
  const Catalog second = merged(first, todo({{"Note", {{"about", kTask}}, {}}}));
  EXPECT_EQ(second.find(TypeId{2})->fields[0].type.target_id, TypeId{1});
}

TEST(CatalogMerge, IgnoresTargetNumbersOfTheDefinition) {
  Type forged = kTask;
  forged.target_id = TypeId{77};
  const Catalog catalog = merged({}, todo({{"Task", {{"parent", forged}}, {}}}));
  EXPECT_EQ(catalog.find(TypeId{1})->fields[0].type.target_id, TypeId{1});
}

TEST(CatalogMerge, RefusesReferencesToUnknownTypes) {
  const Type missing = Type::list(Type::reference({"other", "Missing"}));
  expect_refused({}, todo({{"Task", {{"parent", missing}}, {}}}), ErrorCode::kUnknownType,
                 "schema todo, type Task, field parent: refers to the unknown type other.Missing");
}

TEST(CatalogMerge, RefusesAnotherTypeForAKnownField) {
  const Catalog catalog = merged({}, todo({task()}));
  expect_refused(catalog, todo({{"Task", {{"priority", Type::text()}}, {}}}),
                 ErrorCode::kSchemaContradiction,
                 "schema todo, type Task, field priority: expected int, found text");
}

TEST(CatalogMerge, RefusesAnotherIndexUnderAKnownName) {
  const Catalog catalog = merged({}, todo({task()}));
  TypeDefinition other_fields = task();
  other_fields.indexes[0].fields = {"priority"};
  expect_refused(catalog, todo({other_fields}), ErrorCode::kSchemaContradiction,
                 "schema todo, type Task, index status: expected not unique (status), found not "
                 "unique (priority)");
  TypeDefinition other_uniqueness = task();
  other_uniqueness.indexes[1].uniqueness = Uniqueness::kMany;
  expect_refused(catalog, todo({other_uniqueness}), ErrorCode::kSchemaContradiction,
                 "schema todo, type Task, index by_both: expected unique (status, priority), found "
                 "not unique (status, priority)");
}

TEST(CatalogMerge, RefusesANewFieldThatOldObjectsCouldNotHave) {
  const Catalog catalog = merged({}, todo({task()}));
  expect_refused(
      catalog, todo({{"Task", {{"parent", kTask}}, {}}}), ErrorCode::kSchemaContradiction,
      "schema todo, type Task, field parent: expected a type with a default, because the "
      "type is already known and its objects have no value for a new field; found "
      "todo.Task");
}

TEST(CatalogMerge, RefusesDuplicates) {
  expect_invalid(todo({task(), task()}), "schema todo: defines type \"Task\" twice");
  TypeDefinition fields = task();
  fields.fields.push_back({"status", Type::text()});
  expect_invalid(todo({fields}), "schema todo, type Task: defines field \"status\" twice");
  TypeDefinition indexes = task();
  indexes.indexes.push_back({"status", {"priority"}});
  expect_invalid(todo({indexes}), "schema todo, type Task: defines index \"status\" twice");
  TypeDefinition index_fields = task();
  index_fields.indexes.push_back({"twice", {"status", "status"}});
  expect_invalid(todo({index_fields}),
                 "schema todo, type Task, index twice: contains field \"status\" twice");
}

TEST(CatalogMerge, RefusesBadNames) {
  expect_invalid({"", {}}, "the name of a schema is empty");
  expect_invalid(todo({{"", {{"x", Type::text()}}, {}}}),
                 "schema todo: the name of a type is empty");
  expect_invalid(todo({{"T", {{"\xFF", Type::text()}}, {}}}),
                 "schema todo, type T: the name of a field is not valid UTF-8");
  expect_invalid(todo({{"T", {{"x", Type::text()}}, {{"", {"x"}}}}}),
                 "schema todo, type T: the name of an index is empty");
}

TEST(CatalogMerge, RefusesTypesWithoutFieldsAndIndexesWithoutFields) {
  expect_invalid(todo({{"T", {}, {}}}), "schema todo, type T: expected at least one field");
  expect_invalid(todo({{"T", {{"x", Type::text()}}, {{"i", {}}}}}),
                 "schema todo, type T, index i: expected at least one field");
  expect_invalid(todo({{"T", {{"x", Type::text()}}, {{"i", {"x", "y\n"}}}}}),
                 "schema todo, type T, index i: the type has no field \"y\\x0a\"");
}

TEST(CatalogMerge, RefusesMalformedFieldTypes) {
  Type deep = Type::integer();
  for (int i = 0; i < kDepthMax; ++i) deep = Type::list(std::move(deep));
  expect_invalid(todo({{"T", {{"x", deep}}, {}}}),
                 "schema todo, type T, field x: a type nests deeper than 64 levels");
}

TEST(CatalogMerge, LimitsFieldsAndIndexes) {
  TypeDefinition type{"T", {}, {}};
  for (std::size_t i = 0; i < kFieldsMax; ++i)
    type.fields.push_back({"f" + std::to_string(i), Type::none()});
  for (std::size_t i = 0; i < kIndexesMax; ++i)
    type.indexes.push_back({"i" + std::to_string(i), {"f0"}});
  const Catalog catalog = merged({}, todo({type}));
  EXPECT_EQ(catalog.find(TypeId{1})->fields.size(), kFieldsMax);
  expect_refused(catalog, todo({{"T", {{"more", Type::none()}}, {}}}), ErrorCode::kInvalidSchema,
                 "schema todo, type T, field more: a type has at most 4096 fields");
  expect_refused(catalog, todo({{"T", {{"f0", Type::none()}}, {{"more", {"f0"}}}}}),
                 ErrorCode::kInvalidSchema,
                 "schema todo, type T, index more: a type has at most 64 indexes");
}

TEST(CatalogMerge, LimitsTypesAndTakesManyInLinearTime) {
  SchemaDefinition many{"many", {}};
  for (std::uint32_t i = 0; i < kTypesMax; ++i) {
    many.types.push_back({"T" + std::to_string(i), {{"x", Type::integer()}}, {{"x", {"x"}}}});
  }
  const Catalog catalog = merged({}, many);
  EXPECT_EQ(catalog.types().size(), kTypesMax);
  EXPECT_EQ(catalog.find(TypeName{"many", "T65535"})->id, TypeId{kTypesMax});
  EXPECT_EQ(merged(catalog, many), catalog);
  expect_refused(catalog, todo({task()}), ErrorCode::kTooManyTypes,
                 "schema todo, type Task: a server holds at most 65536 types");
}

TEST(CatalogMerge, GrowsTypeByTypeToTheSameCatalog) {
  SchemaDefinition whole{"many", {}};
  Catalog grown;
  for (int i = 0; i < 500; ++i) {
    whole.types.push_back({"T" + std::to_string(i), {{"x", Type::integer()}}, {{"x", {"x"}}}});
    grown = merged(grown, {"many", {whole.types.back()}});
  }
  EXPECT_EQ(grown, merged({}, whole));
}

}  // namespace
}  // namespace odb
