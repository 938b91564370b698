// Schemas that change while programs run, indexes over every type, and what views and lost objects
// leave behind.
#include <atomic>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <thread>
#include <tuple>
#include <variant>
#include <vector>

#include "support/live_allocations.h"
#include "todo_server.h"

namespace odb::test {
namespace {

struct Point {
  double x = 0;
  double y = 0;
  friend bool operator==(const Point&, const Point&) = default;
};
BOOST_DESCRIBE_STRUCT(Point, (), (x, y))
struct Empty {};
BOOST_DESCRIBE_STRUCT(Empty, (), ())

// A member of every kind of type.
struct Sample {
  bool boolean = false;
  std::int64_t number = 0;
  double real = 0;
  std::string text{};
  Bytes data{};
  std::chrono::sys_time<std::chrono::nanoseconds> time{};
  std::optional<std::int64_t> optional{};
  std::variant<std::int64_t, std::string> either{};
  std::optional<Ref<Sample>> reference{};
  std::vector<std::int64_t> list{};
  std::tuple<std::int64_t, std::string> pair{};
  std::map<std::string, std::int64_t> dictionary{};
  Point point{};
  std::variant<Point, Empty> shape{};
};
BOOST_DESCRIBE_STRUCT(Sample, (),
                      (boolean, number, real, text, data, time, optional, either, reference, list,
                       pair, dictionary, point, shape))

using SchemaLife = TodoServer;

TEST_F(SchemaLife, EveryTypeCanBeIndexed) {
  Schema schema("samples");
  schema.define<Sample>(index<&Sample::boolean>(), index<&Sample::number>(), index<&Sample::real>(),
                        index<&Sample::text>(), index<&Sample::data>(), index<&Sample::time>(),
                        index<&Sample::optional>(), index<&Sample::either>(),
                        index<&Sample::reference>(), index<&Sample::list>(), index<&Sample::pair>(),
                        index<&Sample::dictionary>(), index<&Sample::point>(),
                        index<&Sample::shape>(),
                        index<&Sample::optional, &Sample::reference, &Sample::shape>("several"));
  start();
  Database ada = connect_only(kAda);
  Database bob = connect_only(kBob);
  ada.subscribe(schema);
  bob.subscribe(schema);
  Transaction tx = ada.transaction();
  const Ref<Sample> plain = tx.create(Sample{});
  Sample other;
  other.boolean = true;
  other.number = std::numeric_limits<std::int64_t>::min();
  other.real = std::numeric_limits<double>::infinity();
  other.text = std::string(100, 'x');
  other.data = Bytes(100);
  other.time += std::chrono::hours(1);
  other.optional = 7;
  other.either = "seven";
  other.reference = plain;
  other.list = {1, 2};
  other.pair = {1, "b"};
  other.dictionary = {{"a", 1}};
  other.point = {1, 2};
  other.shape = Empty();
  const Ref<Sample> made = tx.create(other);
  tx.commit();
  bob.flush();
  for (const Database* db : {&ada, &bob}) {
    const View view = db->view();
    const Sample defaults;
#define ODB_EXPECT_FOUND(member)                                                             \
  EXPECT_EQ(view.lookup<&Sample::member>(defaults.member), std::vector<Ref<Sample>>{plain}); \
  EXPECT_EQ(view.lookup<&Sample::member>(other.member), std::vector<Ref<Sample>>{made})
    ODB_EXPECT_FOUND(boolean);
    ODB_EXPECT_FOUND(number);
    ODB_EXPECT_FOUND(real);
    ODB_EXPECT_FOUND(text);
    ODB_EXPECT_FOUND(data);
    ODB_EXPECT_FOUND(time);
    ODB_EXPECT_FOUND(optional);
    ODB_EXPECT_FOUND(either);
    ODB_EXPECT_FOUND(reference);
    ODB_EXPECT_FOUND(list);
    ODB_EXPECT_FOUND(pair);
    ODB_EXPECT_FOUND(dictionary);
    ODB_EXPECT_FOUND(point);
    ODB_EXPECT_FOUND(shape);
#undef ODB_EXPECT_FOUND
    EXPECT_EQ((view.lookup<&Sample::optional, &Sample::reference, &Sample::shape>(
                  other.optional, other.reference, other.shape)),
              std::vector<Ref<Sample>>{made});
  }
}

// The same type, known to an older program without its index and to a newer one with it.
Schema plain_schema() {
  Schema schema("growing");
  schema.define(TypeDefinition{.name = "Thing", .fields = {{"number", Type::integer()}}});
  return schema;
}
Schema indexed_schema(Uniqueness uniqueness) {
  Schema schema("growing");
  schema.define(TypeDefinition{.name = "Thing",
                               .fields = {{"number", Type::integer()}},
                               .indexes = {{"number", {"number"}, uniqueness}}});
  return schema;
}

TEST_F(SchemaLife, AnIndexThatComesLaterHoldsWhatExistsWhileCommitsGoOn) {
  constexpr std::int64_t kObjects = 5000;
  start();
  Database ada = connect_only(kAda);
  ada.subscribe(plain_schema());
  const TypeId thing = ada.catalog()->find(TypeName{"growing", "Thing"})->id;
  const auto create = [&](std::int64_t first, std::int64_t last) {
    Transaction tx = ada.transaction();
    for (std::int64_t i = first; i < last; ++i) {
      tx.create(thing, {{FieldId{0}, Value::integer(i % 10)}});
    }
    tx.commit();
  };
  create(0, kObjects);
  std::atomic<bool> stop = false;
  std::int64_t written = kObjects;
  std::thread writer([&] {
    while (!stop) {
      create(written, written + 1);
      ++written;
    }
  });
  Database bob = connect_only(kBob);
  bob.subscribe(indexed_schema(Uniqueness::kMany));
  const auto count_by_index = [&] {
    const IndexId index = bob.catalog()->find(thing)->indexes.front().id;
    const View view = bob.view();
    std::size_t found = 0;
    for (std::int64_t i = 0; i < 10; ++i) {
      const Value value[] = {Value::integer(i)};
      found += view.lookup(index, value).size();
    }
    EXPECT_EQ(found, view.all(thing).size());
    return static_cast<std::int64_t>(found);
  };
  EXPECT_GE(count_by_index(), kObjects);
  stop = true;
  writer.join();
  bob.flush();
  EXPECT_EQ(count_by_index(), written);
}

TEST_F(SchemaLife, AnIndexOverValuesThatRepeatCannotBecomeUnique) {
  start();
  Database ada = connect_only(kAda);
  ada.subscribe(plain_schema());
  const TypeId thing = ada.catalog()->find(TypeName{"growing", "Thing"})->id;
  Transaction tx = ada.transaction();
  const ObjectRef first = tx.create(thing, {{FieldId{0}, Value::integer(1)}});
  tx.create(thing, {{FieldId{0}, Value::integer(1)}});
  tx.commit();
  Database bob = connect_only(kBob);
  EXPECT_EQ(code_of([&] { bob.define(indexed_schema(Uniqueness::kUnique)); }),
            ErrorCode::kUniqueViolation);
  ada.transact([&](Transaction& t) { t.set(first, FieldId{0}, Value::integer(2)); });
  EXPECT_NO_THROW(bob.define(indexed_schema(Uniqueness::kUnique)));
}

TEST_F(SchemaLife, ADanglingReferenceIsAnObjectThatDoesNotExist) {
  start();
  Database ada = client(kAda);
  const Ref<Task> parent = create(ada, {.title = "parent"});
  const Ref<Task> child = create(ada, {.title = "child", .parent = parent});
  ada.transact([&](Transaction& tx) { tx.remove(parent); });
  const View view = ada.view();
  EXPECT_EQ(view.get<&Task::parent>(child), parent);
  EXPECT_FALSE(view.exists(parent));
  EXPECT_EQ(code_of([&] { view.get<&Task::title>(parent); }), ErrorCode::kUnknownObject);
  Transaction tx = ada.transaction();
  EXPECT_FALSE(tx.exists(parent));
  EXPECT_EQ(code_of([&] { tx.set<&Task::title>(parent, "x"); }), ErrorCode::kUnknownObject);
}

TEST_F(SchemaLife, WhatIsSubscribedToCanBeAsked) {
  start();
  Database ada = client(kAda);
  const Ref<Task> task = create(ada, {.title = "a"});
  EXPECT_TRUE(ada.is_subscribed(todo_schema()));
  Database bob = connect_only(kBob);
  EXPECT_FALSE(bob.is_subscribed(todo_schema()));
  EXPECT_EQ(code_of([&] { static_cast<void>(bob.is_subscribed(type<Task>())); }),
            ErrorCode::kUnknownType);
  bob.define(todo_schema());
  EXPECT_FALSE(bob.is_subscribed(todo_schema()));
  const auto open_ones = where<&Task::status>("open");
  const auto from_b = in_range<&Task::title>(at_least("b"));
  const auto from_c = in_range<&Task::title>(at_least("c"));
  const auto single = objects(std::vector{task});
  EXPECT_FALSE(bob.is_subscribed(open_ones));
  Subscription by_value = bob.subscribe(open_ones);
  bob.subscribe(from_b);
  bob.subscribe(single);
  EXPECT_TRUE(bob.is_subscribed(open_ones));
  EXPECT_FALSE(bob.is_subscribed(where<&Task::status>("done")));
  EXPECT_TRUE(bob.is_subscribed(from_c));
  EXPECT_FALSE(bob.is_subscribed(in_range<&Task::title>(at_least("a"))));
  EXPECT_TRUE(bob.is_subscribed(single));
  EXPECT_FALSE(bob.is_subscribed(type<Task>()));
  by_value.unsubscribe();
  EXPECT_FALSE(bob.is_subscribed(open_ones));
  bob.subscribe(type<Task>());
  EXPECT_TRUE(bob.is_subscribed(type<Task>()));
  EXPECT_TRUE(bob.is_subscribed(open_ones));
  EXPECT_TRUE(bob.is_subscribed(todo_schema()));
}

TEST_F(SchemaLife, CountingLoadsNothing) {
  start();
  Database ada = client(kAda);
  for (const char* title : {"a", "b", "c"}) create(ada, {.title = title});
  Database bob = connect_only(kBob);
  bob.subscribe(todo_schema(), Loading::kLazy);
  const View view = bob.view();
  const Ref<Task> task = view.lookup_unique<&Task::title>("a");
  bob.disconnect();
  EXPECT_EQ(view.count<&Task::status>("open"), 3u);
  EXPECT_EQ(view.count(in_range<&Task::title>(at_least("b"))), 2u);
  EXPECT_EQ(code_of([&] { view.get<&Task::priority>(task); }), ErrorCode::kDisconnected);
}

// Client and server together: the client's rows, and those of the server that it holds by reading
// lazily.
TEST_F(SchemaLife, ViewsThatAreDroppedGiveTheirMemoryBackOnBothSides) {
  constexpr std::int64_t kCommits = 500;
  server::Limits limits;
  limits.retained_versions_max = 10;
  limits.heartbeat_interval = std::chrono::milliseconds(20);
  start(limits);
  Database ada = client(kAda);
  const Ref<Task> task = create(ada, {.title = "a"});
  Database bob = connect_only(kBob);
  bob.subscribe(todo_schema(), Loading::kLazy);
  const auto commit_all = [&] {
    for (std::int64_t i = 0; i < kCommits; ++i) {
      ada.transact([&](Transaction& tx) { tx.set<&Task::priority>(task, i); });
    }
    bob.flush();
  };
  commit_all();
  const std::int64_t before = live_allocations();
  {
    const View mine = ada.view();
    const View lazy = bob.view();
    EXPECT_EQ(lazy.get<&Task::priority>(task), kCommits - 1);  // from now on it holds the server's
    commit_all();
    EXPECT_EQ(mine.get<&Task::priority>(task), kCommits - 1);
    EXPECT_EQ(lazy.get<&Task::priority>(task), kCommits - 1);
    EXPECT_GE(live_allocations() - before, 2 * kCommits);
  }
  // The server is told with the next heartbeat.
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (live_allocations() - before > kCommits / 4) {
    ASSERT_LT(std::chrono::steady_clock::now(), deadline) << live_allocations() - before;
    ada.transact([&](Transaction& tx) { tx.set<&Task::priority>(task, 0); });
    bob.flush();
  }
}

struct Entry {
  std::int64_t number = 0;
};
BOOST_DESCRIBE_STRUCT(Entry, (), (number))

template <class T>
std::size_t count(const Database& db) {
  std::size_t objects = 0;
  for ([[maybe_unused]] const auto& object : db.view().all<T>()) ++objects;
  return objects;
}

TEST_F(SchemaLife, APartOfASchemaIsSubscribedTo) {
  Schema schema = todo_schema();
  schema.define<Entry>("LogEntry");
  start();
  Database ada = connect_only(kAda);
  ada.subscribe(schema);
  const auto write = [&](std::int64_t number) {
    Transaction tx = ada.transaction();
    tx.create(Task{.title = std::to_string(number)});
    tx.create(Entry{number});
    tx.commit();
  };
  write(1);

  Database bob = connect_only(kBob);
  Subscription tasks = bob.subscribe(schema, excluding<Entry>());
  EXPECT_TRUE(tasks.is_loaded());
  EXPECT_EQ(tasks.objects_loaded(), 1u);
  EXPECT_TRUE(bob.is_subscribed(type<Task>()));
  EXPECT_FALSE(bob.is_subscribed(type<Entry>()));
  write(2);
  bob.flush();
  EXPECT_EQ(count<Task>(bob), 2u);
  EXPECT_EQ(count<Entry>(bob), 0u);

  tasks.unsubscribe();
  EXPECT_FALSE(bob.is_subscribed(type<Task>()));
  EXPECT_EQ(count<Task>(bob), 0u);

  // By name, lazily; and nothing at all.
  bob.subscribe(schema, Excluding{{}, {"Task"}}, Loading::kLazy);
  EXPECT_EQ(count<Entry>(bob), 2u);
  EXPECT_TRUE(bob.subscribe(schema, excluding<Task, Entry>()).is_loaded());

  try {
    bob.subscribe(schema, excluding<Sample>());
    FAIL() << "it excludes what the schema does not have";
  } catch (const SchemaError& error) {
    EXPECT_STREQ(error.what(), "excluding: schema todo does not define Sample");
  }
}

}  // namespace
}  // namespace odb::test
