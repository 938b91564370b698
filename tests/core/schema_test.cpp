// Catalog: looking things up, and taking over what a server or a store describes.
#include "odb/core/schema.h"

#include <gtest/gtest.h>

namespace odb {
namespace {

CatalogType described(std::uint32_t id, const std::string& name, std::uint32_t index) {
  return {TypeId{id},
          {"todo", name},
          {{"title", Type::text(), std::nullopt}, {"rank", Type::integer(), std::nullopt}},
          {{IndexId{index}, TypeId{id}, "by_rank", {FieldId{1}}, Uniqueness::kMany}}};
}

Catalog with(const Catalog& catalog, const std::vector<CatalogType>& types) {
  Result<Catalog> result = catalog.with(types);
  EXPECT_TRUE(result) << (result ? "" : result.error().message);
  return result ? *std::move(result) : Catalog();
}

void expect_refused(const Catalog& catalog, const CatalogType& type, std::string_view message) {
  const Result<Catalog> result = catalog.with({type});
  ASSERT_FALSE(result) << "expected: " << message;
  EXPECT_EQ(result.error().code, ErrorCode::kInvalidSchema);
  EXPECT_EQ(result.error().message, message);
}

TEST(CatalogType, FindsFieldsAndIndexesByName) {
  const CatalogType type = described(1, "Task", 1);
  EXPECT_EQ(type.find_field("rank"), FieldId{1});
  EXPECT_EQ(type.find_field("missing"), std::nullopt);
  EXPECT_EQ(type.find_index("by_rank"), &type.indexes[0]);
  EXPECT_EQ(type.find_index("missing"), nullptr);
}

TEST(Catalog, FindsTypesAndIndexes) {
  const Catalog catalog = with({}, {described(1, "Task", 1), described(2, "Person", 2)});
  const CatalogType* const person = catalog.find(TypeName{"todo", "Person"});
  ASSERT_NE(person, nullptr);
  EXPECT_EQ(catalog.find(TypeId{2}), person);
  EXPECT_EQ(catalog.find(IndexId{2}), &person->indexes[0]);
  EXPECT_EQ(catalog.types_of("todo"), (std::vector{TypeId{1}, TypeId{2}}));
  EXPECT_TRUE(catalog.has_schema("todo"));
}

TEST(Catalog, FindsNothingUnknown) {
  for (const Catalog& catalog : {Catalog(), with({}, {described(3, "Task", 3)})}) {
    EXPECT_EQ(catalog.find(TypeName{"todo", "Missing"}), nullptr);
    EXPECT_EQ(catalog.find(TypeName{"tod", "oTask"}), nullptr);
    for (const std::uint32_t id : {0u, 2u, 4u, 0xFFFFFFFFu}) {
      EXPECT_EQ(catalog.find(TypeId{id}), nullptr);
      EXPECT_EQ(catalog.find(IndexId{id}), nullptr);
    }
    EXPECT_TRUE(catalog.types_of("missing").empty());
    EXPECT_FALSE(catalog.has_schema("missing"));
  }
}

TEST(Catalog, KeepsNamesWithDotsApart) {
  CatalogType a = described(1, "b.c", 1);
  a.name.schema = "a";
  CatalogType b = described(2, "c", 2);
  b.name.schema = "a.b";
  const Catalog catalog = with({}, {a, b});
  EXPECT_EQ(catalog.find(TypeName{"a", "b.c"})->id, TypeId{1});
  EXPECT_EQ(catalog.find(TypeName{"a.b", "c"})->id, TypeId{2});
}

TEST(CatalogWith, KeepsNumbersAndToleratesGaps) {
  const Catalog first = with({}, {described(7, "Task", 40)});
  const Catalog second = with(first, {described(3, "Person", 9)});
  EXPECT_EQ(second.types().size(), 7u);
  EXPECT_EQ(second.types()[0], nullptr);
  EXPECT_EQ(second.find(TypeId{7})->name.type, "Task");
  EXPECT_EQ(second.find(IndexId{9})->type, TypeId{3});
  EXPECT_EQ(second.types_of("todo"), (std::vector{TypeId{3}, TypeId{7}}));
  EXPECT_EQ(second, with({}, {described(3, "Person", 9), described(7, "Task", 40)}));
}

TEST(CatalogWith, ReplacesAKnownType) {
  const Catalog before = with({}, {described(1, "Task", 1)});
  CatalogType grown = described(1, "Task", 1);
  grown.fields.push_back({"notes", Type::text(), std::nullopt});
  grown.indexes.push_back({IndexId{2}, TypeId{1}, "by_notes", {FieldId{2}}, Uniqueness::kMany});
  const Catalog after = with(before, {grown});
  EXPECT_EQ(after.find(TypeId{1})->fields.size(), 3u);
  EXPECT_EQ(after.find(TypeName{"todo", "Task"}), after.find(TypeId{1}));
  EXPECT_EQ(after.find(IndexId{2})->name, "by_notes");
  EXPECT_EQ(before.find(TypeId{1})->fields.size(), 2u);
  EXPECT_EQ(before.find(TypeName{"todo", "Task"}), before.find(TypeId{1}));
}

TEST(CatalogWith, ComputesTheDefaults) {
  CatalogType type = described(1, "Task", 1);
  type.fields[1].fallback = Value::text("forged");
  type.fields.push_back({"parent", Type::reference({"todo", "Task"}), Value::none()});
  const Catalog catalog = with({}, {type});
  EXPECT_EQ(catalog.find(TypeId{1})->fields[1].fallback, Value::integer(0));
  EXPECT_EQ(catalog.find(TypeId{1})->fields[2].fallback, std::nullopt);
}

TEST(CatalogWith, RebuildsWhatMergedMade) {
  const Type task = Type::reference({"todo", "Task"});
  const Result<Catalog> made = Catalog().merged(
      {"todo", {{"Task", {{"title", Type::text()}, {"next", task}}, {{"title", {"title"}}}}}});
  ASSERT_TRUE(made);
  EXPECT_EQ(with({}, {*made->types()[0]}), *made);
}

TEST(CatalogWith, RefusesNumbersOutOfRange) {
  expect_refused({}, described(0, "Task", 1),
                 "the description of type todo.Task (0): expected a number from 1 to 65536");
  expect_refused({}, described(65537, "Task", 1),
                 "the description of type todo.Task (65537): expected a number from 1 to 65536");
  const std::string index =
      "the description of type todo.Task (1): index by_rank has a wrong name, number, type or "
      "field";
  expect_refused({}, described(1, "Task", 0), index);
  expect_refused({}, described(1, "Task", 0xFFFFFFFF), index);
  CatalogType field = described(1, "Task", 1);
  field.indexes[0].fields = {FieldId{2}};
  expect_refused({}, field, index);
  CatalogType type = described(1, "Task", 1);
  type.indexes[0].type = TypeId{2};
  expect_refused({}, type, index);
}

TEST(CatalogWith, RefusesNumbersAndNamesThatBelongToSomethingElse) {
  const Catalog catalog = with({}, {described(1, "Task", 1)});
  expect_refused(catalog, described(1, "Person", 2),
                 "the description of type todo.Person (1): the number belongs to todo.Task");
  expect_refused(catalog, described(2, "Task", 2),
                 "the description of type todo.Task (2): the type is known as number 1");
  expect_refused(catalog, described(2, "Person", 1),
                 "the description of type todo.Person (2): index by_rank has a wrong name, number, "
                 "type or field");
  CatalogType twice = described(2, "Person", 2);
  twice.indexes.push_back(twice.indexes[0]);
  twice.indexes[1].name = "other";
  expect_refused(catalog, twice,
                 "the description of type todo.Person (2): index other has a wrong name, number, "
                 "type or field");
}

TEST(CatalogWith, RefusesMalformedTypes) {
  CatalogType none = described(1, "Task", 1);
  none.fields.clear();
  expect_refused({}, none,
                 "the description of type todo.Task (1): has 0 fields, expected 1 to 4096");
  CatalogType twice = described(1, "Task", 1);
  twice.fields[1].name = "title";
  expect_refused({}, twice, "the description of type todo.Task (1): has two fields title");
  CatalogType bad = described(1, "Task", 1);
  bad.fields[1].type = Type{Type::Kind::kList};
  expect_refused({}, bad,
                 "the description of type todo.Task (1): field rank: a list cannot have 0 members");
  expect_refused({}, described(1, "", 1), "the name of a type is empty");
}

}  // namespace
}  // namespace odb
