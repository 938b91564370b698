// Schema::define<T>: what a struct becomes, and what its references refer to.
#include <gtest/gtest.h>

#include <string>

#include "client/typed_support.h"
#include "client/typed_todo.h"

namespace odb {
namespace {

using test::Item;
using test::message_of;
using test::Person;
using test::Task;
using test::todo_schema;

// "field: type, ..." of a type of the schema.
std::string fields_of(const Schema& schema, std::size_t type) {
  std::string out;
  for (const FieldDefinition& field : schema.definition().types.at(type).fields) {
    if (!out.empty()) out += ", ";
    out += field.name + ": " + to_string(field.type);
  }
  return out;
}

TEST(TypedSchema, DefinesAStructWithMembersOfItsBasesFirst) {
  const Schema schema = todo_schema();
  EXPECT_EQ(schema.definition().name, "todo");
  ASSERT_EQ(schema.definition().types.size(), 2u);
  EXPECT_EQ(schema.definition().types[0].name, "Task");
  EXPECT_EQ(fields_of(schema, 0),
            "title: text, priority: int, status: one_of(\"open\", \"done\"), "
            "parent: one_of(none, todo.Task), owner: one_of(none, todo.Person), tags: list(text)");
  EXPECT_EQ(fields_of(schema, 1), "name: text");
  EXPECT_TRUE(Catalog().merged(schema.definition()));
}

TEST(TypedSchema, DefinesIndexes) {
  const Schema schema = todo_schema();
  EXPECT_EQ(schema.definition().types[0].indexes,
            (std::vector<IndexDefinition>{
                {"status", {"status"}, Uniqueness::kMany},
                {"title", {"title"}, Uniqueness::kMany},
                {"by_status_and_priority", {"status", "priority"}, Uniqueness::kMany},
                {"owner", {"owner"}, Uniqueness::kMany}}));
  EXPECT_EQ(schema.definition().types[1].indexes,
            (std::vector<IndexDefinition>{{"name", {"name"}, Uniqueness::kUnique}}));
}

TEST(TypedSchema, FreezesWhatIsWhole) {
  Schema schema("todo");
  schema.define<Task>();
  EXPECT_EQ(message_of<SchemaError>([&] { schema.freeze(); }),
            "todo.Task.owner refers to todo.Person, which is not defined");
  EXPECT_FALSE(schema.is_frozen());
  schema.define<Person>();
  schema.freeze();
  EXPECT_TRUE(schema.is_frozen());
  const std::string refusal = "schema todo is frozen: nothing can be defined any more";
  EXPECT_EQ(message_of<SchemaError>([&] { schema.define<Item>(); }), refusal);
  EXPECT_EQ(message_of<SchemaError>([&] {
              schema.define(TypeDefinition{"Other", {}, {}});
            }),
            refusal);
  EXPECT_EQ(message_of<SchemaError>([&] { schema.uses(Schema("people")); }), refusal);
  EXPECT_EQ(schema.definition().types.size(), 2u);
}

TEST(TypedSchema, FreezesWithTypesOfOtherSchemas) {
  Schema people("people");
  people.define<Person>();
  Schema schema("todo");
  schema.uses(people).define<Task>().freeze();
  EXPECT_TRUE(schema.is_frozen());

  Schema dynamic("things");
  dynamic.define(TypeDefinition{
      "Shelf", {{"things", Type::list(Type::reference(TypeName{"", "Thing"}))}}, {}});
  EXPECT_EQ(message_of<SchemaError>([&] { dynamic.freeze(); }),
            "things.Shelf.things refers to things.Thing, which is not defined");
}

TEST(TypedSchema, DeclaresBindings) {
  const Schema schema = todo_schema();
  ASSERT_EQ(schema.bindings().size(), 2u);
  const detail::BindingDeclaration& binding = schema.bindings()[0];
  EXPECT_EQ(binding.slot, detail::type_slot<Task>());
  EXPECT_EQ(binding.type_name, "Task");
  EXPECT_EQ(binding.fields,
            (std::vector<std::string>{"title", "priority", "status", "parent", "owner", "tags"}));
  EXPECT_EQ(binding.indexes,
            (std::vector<std::string>{"status", "title", "by_status_and_priority", "owner"}));
}

TEST(TypedSchema, NamesATypeAsTold) {
  Schema schema("todo");
  schema.define<Person>("Human", unique<&Person::name>("by_name"));
  EXPECT_EQ(schema.definition().types[0].name, "Human");
  EXPECT_EQ(schema.definition().types[0].indexes[0].name, "by_name");
  EXPECT_EQ(schema.bindings()[0].type_name, "Human");
}

TEST(TypedSchema, ReferencesFindStructsDefinedLaterUnderAnotherName) {
  Schema schema("todo");
  schema.define<Task>("Job");
  schema.define<Person>("Human");
  EXPECT_EQ(fields_of(schema, 0),
            "title: text, priority: int, status: one_of(\"open\", \"done\"), "
            "parent: one_of(none, todo.Job), owner: one_of(none, todo.Human), tags: list(text)");
}

TEST(TypedSchema, ReferencesFindStructsOfUsedSchemas) {
  Schema people("people");
  people.define<Person>("Human");
  for (const bool used_first : {true, false}) {
    Schema schema("todo");
    if (used_first) schema.uses(people);
    schema.define<Task>();
    if (!used_first) schema.uses(people);
    EXPECT_EQ(to_string(schema.definition().types[0].fields[4].type), "one_of(none, people.Human)");
    // A definition of its own goes first.
    schema.define<Person>();
    EXPECT_EQ(to_string(schema.definition().types[0].fields[4].type), "one_of(none, todo.Person)");
  }
}

TEST(TypedSchema, OfSeveralUsedSchemasTheFirstCounts) {
  Schema people("people");
  people.define<Person>();
  Schema staff("staff");
  staff.define<Person>();
  Schema schema("todo");
  schema.define<Task>().uses(staff).uses(people);
  EXPECT_EQ(to_string(schema.definition().types[0].fields[4].type), "one_of(none, staff.Person)");
}

TEST(TypedSchema, MixesWithTheDynamicForm) {
  Schema schema("todo");
  schema.define(TypeDefinition{"Note", {{"about", Type::reference({"", "Human"})}}, {}});
  schema.define<Task>().define<Person>("Human");
  EXPECT_EQ(fields_of(schema, 0), "about: todo.Human");
  EXPECT_EQ(to_string(schema.definition().types[1].fields[4].type), "one_of(none, todo.Human)");
}

TEST(TypedSchema, RefusesAStructTwice) {
  Schema schema = todo_schema();
  EXPECT_EQ(message_of<SchemaError>([&] { schema.define<Person>("Human"); }),
            "schema todo: the struct Person is already defined, as type Person");
  EXPECT_EQ(schema.definition(), todo_schema().definition());
  EXPECT_EQ(schema.bindings().size(), 2u);
}

}  // namespace
}  // namespace odb
