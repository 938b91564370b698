// Typed reads of a view, over a cache made by hand.
#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <ranges>
#include <string>
#include <vector>

#include "client/typed_support.h"
#include "client/typed_todo.h"

namespace odb {
namespace {

using test::Item;
using test::message_of;
using test::Person;
using test::Status;
using test::Task;
using test::task;
using test::todo_schema;
using test::TypedCache;

struct Stranger {
  int number = 0;
};
BOOST_DESCRIBE_STRUCT(Stranger, (), (number))

class TypedView : public ::testing::Test {
 protected:
  TypedCache cache_{todo_schema()};
  Ref<Person> ada_ = cache_.add(Person{"Ada"});
  Ref<Task> read_ = cache_.add(task("read", 1));
  Ref<Task> write_ = add_write();

  Ref<Task> add_write() {
    Task out = task("write", 3, Status::done);
    out.parent = read_;
    out.owner = ada_;
    out.tags = {"a", "b"};
    return cache_.add(out);
  }
};

TEST_F(TypedView, ReadsMembers) {
  const View view = cache_.view();
  EXPECT_EQ(view.get<&Task::title>(write_), "write");
  EXPECT_EQ(view.get<&Item::priority>(write_), 3);
  EXPECT_EQ(view.get<&Task::status>(write_), Status::done);
  EXPECT_EQ(view.get<&Task::parent>(write_), read_);
  EXPECT_EQ(view.get<&Task::owner>(read_), std::nullopt);
  EXPECT_EQ(view.get<&Person::name>(*view.get<&Task::owner>(write_)), "Ada");
  EXPECT_EQ(view.value<&Task::title>(write_).as_text(), "write");
}

TEST_F(TypedView, ReadsWholeStructs) {
  const Task whole = cache_.view().get(write_);
  EXPECT_EQ(whole.title, "write");
  EXPECT_EQ(whole.priority, 3);
  EXPECT_EQ(whole.status, Status::done);
  EXPECT_EQ(whole.parent, read_);
  EXPECT_EQ(whole.owner, ada_);
  EXPECT_EQ(whole.tags, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(cache_.view().get<Person>(ada_).name, "Ada");
}

TEST_F(TypedView, StaysAsItWas) {
  const View before = cache_.view();
  cache_.set<&Task::title>(read_, Value::text("read more"));
  cache_.remove(write_);
  EXPECT_EQ(before.get<&Task::title>(read_), "read");
  EXPECT_TRUE(before.exists(write_));
  EXPECT_EQ(cache_.view().get<&Task::title>(read_), "read more");
  EXPECT_FALSE(cache_.view().exists(write_));
}

TEST_F(TypedView, ThrowsForWhatIsNotThere) {
  cache_.remove(write_);
  const View view = cache_.view();
  EXPECT_THROW(view.get<&Task::title>(write_), NotFoundError);
  EXPECT_THROW(view.get(write_), NotFoundError);
  EXPECT_THROW(view.get<&Task::title>(Ref<Task>()), NotFoundError);
}

TEST_F(TypedView, NamesTheMemberThatCannotHoldTheStoredNumber) {
  cache_.set<&Task::priority>(write_, Value::integer(256));
  const std::string refusal = "Task.priority: expected an integer between 0 and 255";
  const View view = cache_.view();
  EXPECT_EQ(message_of<ValueError>([&] { view.get<&Task::priority>(write_); }), refusal);
  EXPECT_EQ(message_of<ValueError>([&] { view.get(write_); }), refusal);
  EXPECT_EQ(view.value<&Task::priority>(write_).as_int(), 256);
}

TEST_F(TypedView, WalksAllObjectsInTheOrderOfTheirIds) {
  cache_.remove(cache_.add(task("gone")));
  std::vector<Ref<Task>> refs;
  std::vector<std::string> titles;
  for (auto [ref, t] : cache_.view().all<Task>()) {  // the view ends before the loop
    refs.push_back(ref);
    titles.push_back(t.title);
  }
  EXPECT_EQ(refs, (std::vector{read_, write_}));
  EXPECT_EQ(titles, (std::vector<std::string>{"read", "write"}));
  EXPECT_EQ(cache_.view().refs<Task>(), refs);
  static_assert(std::ranges::input_range<Objects<Task>>);
}

TEST_F(TypedView, WalksATypeWithoutObjects) {
  cache_.remove(ada_);
  const Objects<Person> none = cache_.view().all<Person>();
  EXPECT_TRUE(none.begin() == none.end());
}

TEST_F(TypedView, LooksUpByAnIndexOverExactlyTheseMembers) {
  const View view = cache_.view();
  EXPECT_EQ(view.lookup<&Task::status>(Status::open), std::vector{read_});
  EXPECT_EQ((view.lookup<Task, &Item::title>("write")), std::vector{write_});
  EXPECT_EQ((view.lookup<&Task::status, &Item::priority>(Status::done, 3)), std::vector{write_});
  EXPECT_TRUE((view.lookup<&Task::status, &Item::priority>(Status::done, 4).empty()));
  EXPECT_EQ(view.lookup<&Task::owner>(ada_), std::vector{write_});
  EXPECT_EQ(view.lookup<&Task::owner>(std::nullopt), std::vector{read_});
  EXPECT_EQ(view.lookup(where<&Task::status>(Status::open)), std::vector{read_});
}

TEST_F(TypedView, LooksUpOneOrCounts) {
  const View view = cache_.view();
  EXPECT_EQ(view.lookup_any<&Person::name>("Ada"), ada_);
  EXPECT_EQ(view.lookup_any<&Person::name>("Bob"), std::nullopt);
  EXPECT_EQ(view.lookup_unique<&Person::name>("Ada"), ada_);
  EXPECT_EQ((view.lookup_unique<Task, &Item::title>("read")), read_);
  EXPECT_THROW(view.lookup_unique<&Person::name>("Bob"), NotFoundError);
  EXPECT_EQ(view.count<&Task::status>(Status::done), 1u);
  EXPECT_EQ((view.count<Task, &Item::title>("none such")), 0u);
  const auto done = where<&Task::status>(Status::done);
  EXPECT_EQ(view.lookup_any(done), write_);
  EXPECT_EQ(view.lookup_unique(done), write_);
  EXPECT_EQ(view.count(done), 1u);
}

TEST_F(TypedView, RefusesALookUpWithoutItsIndex) {
  const View view = cache_.view();
  EXPECT_EQ(message_of<SchemaError>([&] { view.lookup<&Task::tags>(std::vector<std::string>()); }),
            "todo.Task has no index over exactly (tags): give one to define<...> of the struct");
  EXPECT_EQ(
      message_of<SchemaError>(
          [&] { view.count<Task, &Item::priority, &Task::status>(3, Status::done); }),
      "todo.Task has no index over exactly (priority, status): give one to define<...> of the "
      "struct");
}

TEST_F(TypedView, RefusesToLookUpNumbersOutOfTheMembersRange) {
  EXPECT_EQ(message_of<ValueError>(
                [&] { cache_.view().count<&Task::status, &Item::priority>(Status::done, 256); }),
            "Task.priority: expected an integer between 0 and 255");
}

TEST_F(TypedView, RefusesStructsThatAreNotDefined) {
  EXPECT_THROW(cache_.view().all<Stranger>(), SchemaError);
  EXPECT_THROW(cache_.view().get<&Stranger::number>(Ref<Stranger>(read_)), SchemaError);
}

TEST(TypedViewOfTwoSchemas, NamesTheSchemaWhereNothingElseTells) {
  const Schema home = todo_schema("home");
  const Schema work = todo_schema("work");
  TypedCache cache{home, work};
  const Ref<Task> cook = cache.add(task("cook"), "home");
  const Ref<Task> plan = cache.add(task("plan"), "work");
  const View view = cache.view();

  EXPECT_EQ(view.get<&Task::title>(cook), "cook");  // a reference knows its type
  EXPECT_EQ(view.get(plan).title, "plan");
  EXPECT_EQ(view.lookup<&Task::status>(home, Status::open), std::vector{cook});
  EXPECT_EQ((view.lookup<Task, &Item::title>(work, "plan")), std::vector{plan});
  EXPECT_EQ(view.lookup_any(where<&Task::status>(work, Status::open)), plan);
  EXPECT_EQ(view.refs<Task>(work), std::vector{plan});
  std::vector<std::string> titles;
  for (auto [ref, t] : view.all<Task>(home)) titles.push_back(t.title);
  EXPECT_EQ(titles, std::vector<std::string>{"cook"});

  EXPECT_THROW(view.lookup<&Task::status>(Status::open), SchemaError);
  EXPECT_THROW(view.all<Task>(), SchemaError);
  EXPECT_THROW(view.all<Task>(Schema("elsewhere")), SchemaError);
}

TEST_F(TypedView, TellsWhatToSubscribeTo) {
  const auto& catalog = cache_.catalog();
  const auto& binding = detail::binding_of<Task>(catalog);
  EXPECT_EQ(where<&Task::status>(Status::open).interest(catalog),
            Interest(IndexInterest{binding.indexes[0], {Value::text("open")}}));
  EXPECT_EQ(type<Task>().interest(catalog), Interest(TypeInterest{binding.type->id}));
  EXPECT_EQ(objects({read_, write_}).interest(catalog),
            Interest(ObjectsInterest{binding.type->id, {read_.object, write_.object}}));
  EXPECT_EQ(objects(read_, write_).interest(catalog), objects({read_, write_}).interest(catalog));
  EXPECT_EQ(objects(std::vector<Ref<Task>>()).interest(catalog),
            Interest(ObjectsInterest{binding.type->id, {}}));
  EXPECT_THROW(objects(Ref<Task>(), read_).interest(catalog), UsageError);
  EXPECT_THROW(type<Stranger>().interest(catalog), SchemaError);
}

TEST_F(TypedView, PicksTheObjectsOfATypeFromAChange) {
  const auto& title = detail::binding_of<Task>(cache_.catalog()).fields[0];
  Change change{.view = cache_.view()};
  change.created = {{ada_, {}}, {write_, {}}};
  change.changed = {{read_, {title}}};
  EXPECT_EQ(change.created_of<Task>(), std::vector{write_});
  EXPECT_EQ(change.created_of<Person>(), std::vector{ada_});
  EXPECT_EQ(change.changed_of<Task>(), std::vector{read_});
  EXPECT_TRUE(change.deleted_of<Task>().empty());
  EXPECT_TRUE(change.created_of<Stranger>().empty());
  EXPECT_TRUE(change.wrote<&Task::title>(read_));
  EXPECT_FALSE(change.wrote<&Task::status>(read_));
  EXPECT_FALSE(change.wrote<&Task::title>(write_));
}

}  // namespace
}  // namespace odb
