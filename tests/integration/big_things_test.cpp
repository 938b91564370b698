// Programs at the size of the large ones: many objects, fields, types and subscriptions. Under
// sanitizers the sizes are smaller, where everything takes ten to twenty times as long.
#include <cstdint>
#include <numeric>
#include <string>
#include <vector>

#include "todo_server.h"

namespace odb::test {
namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kIsSanitized = true;
#else
constexpr bool kIsSanitized = false;
#endif

constexpr std::size_t sized(std::size_t full, std::size_t sanitized) {
  return kIsSanitized ? sanitized : full;
}

// A described struct has at most 52 members of its own; this one has 200, of four bases.
#define ODB_TEN(name) \
  name##0, name##1, name##2, name##3, name##4, name##5, name##6, name##7, name##8, name##9
#define ODB_FIFTY(name) \
  ODB_TEN(name##0), ODB_TEN(name##1), ODB_TEN(name##2), ODB_TEN(name##3), ODB_TEN(name##4)
struct PartA {
  std::int64_t ODB_FIFTY(a);
};
BOOST_DESCRIBE_STRUCT(PartA, (), (ODB_FIFTY(a)))
struct PartB {
  std::int64_t ODB_FIFTY(b);
};
BOOST_DESCRIBE_STRUCT(PartB, (), (ODB_FIFTY(b)))
struct PartC {
  std::int64_t ODB_FIFTY(c);
};
BOOST_DESCRIBE_STRUCT(PartC, (), (ODB_FIFTY(c)))
struct PartD {
  std::int64_t ODB_FIFTY(d);
};
BOOST_DESCRIBE_STRUCT(PartD, (), (ODB_FIFTY(d)))
struct Wide : PartA, PartB, PartC, PartD {};
BOOST_DESCRIBE_STRUCT(Wide, (PartA, PartB, PartC, PartD), ())
#undef ODB_FIFTY
#undef ODB_TEN

Schema wide_schema() {
  Schema schema("wide");
  schema.define<Wide>(index<Wide, &PartD::d49>());
  return schema;
}

struct Reading {
  std::int64_t number = 0;
  std::string sensor{};
};
BOOST_DESCRIBE_STRUCT(Reading, (), (number, sensor))

Schema reading_schema() {
  Schema schema("readings");
  schema.define<Reading>(index<&Reading::number>());
  return schema;
}

class BigThings : public TodoServer {
 protected:
  static ObjectRef create_one(Database& db, const CatalogType& type, std::int64_t value) {
    Transaction tx = db.transaction();
    const ObjectRef made = tx.create(type.id, {{FieldId{0}, Value::integer(value)}});
    tx.commit();
    return made;
  }
};

// Within the default limits: some 100 bytes an object travel.
TEST_F(BigThings, OneTransactionCreatesHalfAMillionObjects) {
  constexpr std::int64_t kObjects = sized(500'000, 50'000);
  start();
  Database ada = connect_only(kAda);
  Database bob = connect_only(kBob);
  ada.subscribe(reading_schema());
  bob.subscribe(reading_schema());
  Transaction tx = ada.transaction();
  for (std::int64_t i = 0; i < kObjects; ++i) tx.create(Reading{i, "a sensor"});
  const Version version = tx.commit();
  for (Database* db : {&ada, &bob}) {
    db->flush();
    const View view = db->view();
    EXPECT_EQ(view.version(), version);
    std::int64_t objects = 0;
    std::int64_t sum = 0;
    for (const auto& [ref, reading] : view.all<Reading>()) {
      ++objects;
      sum += reading.number;
    }
    EXPECT_EQ(objects, kObjects);
    EXPECT_EQ(sum, kObjects * (kObjects - 1) / 2);
    EXPECT_EQ(view.lookup<&Reading::number>(kObjects / 2).size(), 1u);
  }
}

TEST_F(BigThings, ATypeHasTwoHundredFieldsThroughDescribedBases) {
  start();
  Database ada = connect_only(kAda);
  Database bob = connect_only(kBob);
  ada.subscribe(wide_schema());
  bob.subscribe(wide_schema());
  EXPECT_EQ(ada.catalog()->find(TypeName{"wide", "Wide"})->fields.size(), 200u);
  Transaction tx = ada.transaction();
  Wide wide{};
  wide.a00 = 1;
  wide.c25 = 2;
  wide.d49 = 3;
  const Ref<Wide> made = tx.create(wide);
  tx.commit();
  bob.flush();
  for (std::int64_t i = 0; i < 100; ++i) {
    bob.transact([&](Transaction& t) { t.set<&PartB::b17>(made, t.get<&PartB::b17>(made) + 1); });
  }
  ada.flush();
  const Wide read = ada.view().get(made);
  EXPECT_EQ(read.a00 + read.c25 + read.d49, 6);
  EXPECT_EQ(read.b17, 100);
  EXPECT_EQ((ada.view().lookup<Wide, &PartD::d49>(3).size()), 1u);
}

TEST_F(BigThings, ATypeHasTwoHundredFieldsInTheDynamicForm) {
  start();
  TypeDefinition type{.name = "Wide", .fields = {}, .indexes = {{"last", {"field_199"}}}};
  for (int i = 0; i < 200; ++i) type.fields.push_back({"field_" + std::to_string(i), Type::text()});
  Schema schema("dynamic");
  schema.define(std::move(type));
  Database ada = connect_only(kAda);
  Database bob = connect_only(kBob);
  ada.subscribe(schema);
  bob.subscribe(schema);
  const CatalogType& known = *ada.catalog()->find(TypeName{"dynamic", "Wide"});
  std::vector<std::pair<FieldId, Value>> values;
  for (std::uint32_t i = 0; i < 200; ++i) {
    values.emplace_back(FieldId{i}, Value::text("value number " + std::to_string(i)));
  }
  Transaction tx = ada.transaction();
  const ObjectRef made = tx.create(known.id, std::move(values));
  tx.commit();
  bob.flush();
  const View view = bob.view();
  for (std::uint32_t i = 0; i < 200; ++i) {
    ASSERT_EQ(view.get(made, FieldId{i}), Value::text("value number " + std::to_string(i)));
  }
  const Value last[] = {Value::text("value number 199")};
  EXPECT_EQ(view.lookup(known.indexes.front().id, last).size(), 1u);
}

TEST_F(BigThings, ASchemaHasTenThousandTypes) {
  constexpr std::size_t kTypes = sized(10'000, 2'000);
  start();
  Schema schema("many");
  for (std::size_t i = 0; i < kTypes; ++i) {
    schema.define(TypeDefinition{.name = "Type" + std::to_string(i),
                                 .fields = {{"number", Type::integer()}, {"text", Type::text()}},
                                 .indexes = {{"number", {"number"}}}});
  }
  Database ada = connect_only(kAda);
  ada.subscribe(schema);
  const std::shared_ptr<const Catalog> catalog = ada.catalog();
  Transaction tx = ada.transaction();
  for (std::size_t i = 0; i < kTypes; ++i) {
    const CatalogType* type = catalog->find(TypeName{"many", "Type" + std::to_string(i)});
    ASSERT_NE(type, nullptr);
    tx.create(type->id, {{FieldId{0}, Value::integer(static_cast<std::int64_t>(i))}});
  }
  tx.commit();

  Database bob = connect_only(kBob);
  bob.subscribe(schema);
  const View view = bob.view();
  for (std::size_t i = 0; i < kTypes; ++i) {
    const CatalogType* type = bob.catalog()->find(TypeName{"many", "Type" + std::to_string(i)});
    ASSERT_NE(type, nullptr);
    const Value number[] = {Value::integer(static_cast<std::int64_t>(i))};
    ASSERT_EQ(view.lookup(type->indexes.front().id, number).size(), 1u);
  }
  // One type more for who knows so many.
  schema.define(TypeDefinition{.name = "OneMore", .fields = {{"number", Type::integer()}}});
  ada.define(schema);
  const ObjectRef more = create_one(ada, *ada.catalog()->find(TypeName{"many", "OneMore"}), 7);
  bob.flush();
  EXPECT_EQ(bob.view().get(more, FieldId{0}).as_int(), 7);
}

// Types, values of indexes and single objects on one connection; each brings its own and no more.
TEST_F(BigThings, OneConnectionHasAThousandSubscriptions) {
  constexpr std::size_t kEach = sized(500, 200);
  start();
  Database ada = client(kAda);
  std::vector<Ref<Task>> tasks;
  Transaction tx = ada.transaction();
  for (std::size_t i = 0; i < 3 * kEach; ++i) {
    const std::string name = std::to_string(i);
    tasks.push_back(tx.create(Task{.title = name, .status = "status " + name}));
  }
  tx.commit();

  Database bob = connect_only(kBob);
  bob.define(todo_schema());
  std::vector<Subscription> subscriptions;
  for (std::size_t i = 0; i < kEach; ++i) {
    subscriptions.push_back(
        bob.subscribe_async(where<&Task::status>("status " + std::to_string(i))));
    subscriptions.push_back(bob.subscribe_async(objects(std::vector{tasks[kEach + i]})));
  }
  for (const Subscription& subscription : subscriptions) subscription.wait();
  const auto sees = [&](std::size_t i) {
    return code_of([&] { bob.view().get<&Task::title>(tasks[i]); }) == ErrorCode::kNone;
  };
  for (std::size_t i = 0; i < 2 * kEach; ++i) ASSERT_TRUE(sees(i)) << i;
  EXPECT_FALSE(sees(2 * kEach));

  // Every change of what is subscribed to arrives, and nothing else.
  std::size_t changes = 0;
  const HandlerId handler = bob.on_commit([&](const Change&) { ++changes; });
  for (std::size_t i = 0; i < 3 * kEach; ++i) {
    ada.transact([&](Transaction& t) { t.set<&Task::priority>(tasks[i], 1); });
  }
  bob.flush();
  bob.remove_handler(handler);
  EXPECT_EQ(changes, 2 * kEach);

  for (Subscription& subscription : subscriptions) subscription.unsubscribe();
  for (std::size_t i = 0; i < 2 * kEach; ++i) ASSERT_FALSE(sees(i)) << i;
}

TEST_F(BigThings, TwoThousandValuesOfAnIndexAreSubscribedTo) {
  constexpr std::size_t kValues = sized(2'000, 400);
  start();
  Database ada = client(kAda);
  const auto status = [](std::size_t i) { return "status " + std::to_string(i); };
  std::vector<Ref<Task>> tasks;
  Transaction tx = ada.transaction();
  for (std::size_t i = 0; i < 2 * kValues; ++i) {
    tasks.push_back(tx.create(Task{.title = std::to_string(i), .status = status(i)}));
  }
  tx.commit();

  Database bob = connect_only(kBob);
  bob.define(todo_schema());
  std::vector<Subscription> subscriptions;
  for (std::size_t i = 0; i < kValues; ++i) {
    subscriptions.push_back(bob.subscribe_async(where<&Task::status>(status(i))));
  }
  for (const Subscription& subscription : subscriptions) subscription.wait();
  // Half of the objects outside move in, and as many of those inside move out.
  Transaction moves = ada.transaction();
  for (std::size_t i = 0; i < kValues; i += 2) {
    moves.set<&Task::status>(tasks[kValues + i], status(i));
    moves.set<&Task::status>(tasks[i], "elsewhere");
  }
  moves.commit();
  bob.flush();
  const View view = bob.view();
  for (std::size_t i = 0; i < kValues; ++i) {
    const std::vector<Ref<Task>> found = view.lookup<&Task::status>(status(i));
    ASSERT_EQ(found.size(), 1u);
    ASSERT_EQ(found.front(), i % 2 == 0 ? tasks[kValues + i] : tasks[i]);
    ASSERT_EQ(view.get<&Task::title>(found.front()), std::to_string(i % 2 == 0 ? kValues + i : i));
  }
}

}  // namespace
}  // namespace odb::test
