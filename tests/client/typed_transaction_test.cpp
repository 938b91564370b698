// Typed reads and writes of a transaction, over a cache made by hand.
#include <gtest/gtest.h>

#include <boost/asio/bind_executor.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "client/typed_support.h"
#include "client/typed_todo.h"
#include "odb/client/asio.h"

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

class TypedTransaction : public ::testing::Test {
 protected:
  TypedCache cache_{todo_schema()};
  Ref<Person> ada_ = cache_.add(Person{"Ada"});
  Ref<Task> read_ = cache_.add(task("read", 1));
  Ref<Task> write_ = cache_.add(task("write", 3, Status::done));
  Transaction tx_ = cache_.transaction();
};

TEST_F(TypedTransaction, SeesItsOwnWrites) {
  tx_.set<&Task::title>(read_, "read more");
  tx_.set<&Item::priority>(read_, 9);
  tx_.set<&Task::status>(read_, Status::done);
  tx_.set<&Task::tags>(read_, {"a", "b"});
  tx_.set<&Task::owner>(read_, ada_);
  tx_.set<&Task::parent>(read_, std::nullopt);
  EXPECT_EQ(tx_.get<&Task::title>(read_), "read more");
  EXPECT_EQ(tx_.value<&Task::title>(read_).as_text(), "read more");
  const Task whole = tx_.get(read_);
  EXPECT_EQ(whole.priority, 9);
  EXPECT_EQ(whole.status, Status::done);
  EXPECT_EQ(whole.owner, ada_);
  EXPECT_EQ(whole.tags, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(tx_.lookup<&Task::status>(Status::done), (std::vector{read_, write_}));
  EXPECT_EQ((tx_.lookup<Task, &Item::title>("read more")), std::vector{read_});
  EXPECT_EQ((tx_.count<&Task::status, &Item::priority>(Status::done, 9)), 1u);
  EXPECT_EQ(tx_.lookup_any<&Task::status>(Status::open), std::nullopt);
  EXPECT_EQ(tx_.lookup_unique<&Person::name>("Ada"), ada_);
  EXPECT_EQ(tx_.count(where<&Task::status>(Status::done)), 2u);
}

TEST_F(TypedTransaction, RecordsWhatItReadsByMember) {
  tx_.set<&Task::priority>(read_, tx_.get<&Task::priority>(read_) + 1);
  const FieldId priority = detail::binding_of<Task>(cache_.catalog()).fields[1];
  ReadSet expected;
  expected.cells = {{read_.type, priority, read_.object}};
  EXPECT_EQ(tx_.reads(), expected);
  Changeset writes;
  writes.begin(ObjectChange::Kind::kUpdate, read_.type, read_.object);
  writes.add_cell({CellOperation::Kind::kSet, priority, Value::integer(2), {}});
  EXPECT_EQ(tx_.writes(), writes);
}

TEST_F(TypedTransaction, ReadsEveryMemberOfAWholeStruct) {
  tx_.get(read_);
  EXPECT_EQ(tx_.reads().cells.size(), detail::kMemberCount<Task>);
}

TEST_F(TypedTransaction, UpdatesEveryMember) {
  tx_.update(read_, task("new", 7));
  EXPECT_TRUE(tx_.reads().empty());
  EXPECT_EQ(tx_.writes().cells.size(), detail::kMemberCount<Task>);
  EXPECT_EQ(tx_.get(read_).title, "new");
}

TEST_F(TypedTransaction, GivesEveryMemberOfACreatedObject) {
  // create() asks the connection for an id and passes these on.
  const auto& binding = detail::binding_of<Task>(cache_.catalog());
  const Ref<Task> made(ObjectRef{binding.type->id, ObjectId{1000}});
  auto fields = detail::field_values(binding, task("made", 5));
  tx_.state().create(made, fields);
  EXPECT_EQ(tx_.get(made).title, "made");
  EXPECT_EQ(tx_.refs<Task>(), (std::vector{read_, write_, made}));
  EXPECT_EQ((tx_.lookup<Task, &Item::title>("made")), std::vector{made});
}

TEST_F(TypedTransaction, WalksAllObjectsWhileItWrites) {
  std::vector<std::string> titles;
  for (auto [ref, t] : tx_.all<Task>()) {
    titles.push_back(t.title);
    tx_.set<&Task::priority>(ref, t.priority + 1);
    if (tx_.exists(write_)) tx_.remove(write_);  // is left out, for the loop was not there yet
  }
  EXPECT_EQ(titles, std::vector<std::string>{"read"});
  EXPECT_EQ(tx_.refs<Task>(), std::vector{read_});
}

TEST_F(TypedTransaction, RefusesValuesThatDoNotFit) {
  EXPECT_EQ(message_of<ValueError>([&] { tx_.set<&Task::priority>(read_, -1); }),
            "Task.priority: expected an integer between 0 and 255");
  EXPECT_THROW(tx_.set<&Task::status>(read_, static_cast<Status>(9)), ValueError);
  EXPECT_THROW(tx_.set<&Task::title>(read_, "\xFF"), ValueError);
  EXPECT_THROW(tx_.set<&Task::parent>(read_, Ref<Task>()), ValueError);
  EXPECT_TRUE(tx_.writes().empty());
}

TEST_F(TypedTransaction, RefusesWhatIsNotThere) {
  tx_.remove(read_);
  EXPECT_THROW(tx_.get<&Task::title>(read_), NotFoundError);
  EXPECT_THROW(tx_.set<&Task::title>(read_, "x"), NotFoundError);
  EXPECT_FALSE(tx_.exists(read_));
}

TEST(TypedTransactionOfTwoSchemas, NamesTheSchemaWhereNothingElseTells) {
  const Schema home = todo_schema("home");
  const Schema work = todo_schema("work");
  TypedCache cache{home, work};
  const Ref<Task> plan = cache.add(task("plan"), "work");
  Transaction tx = cache.transaction();
  tx.set<&Task::priority>(plan, 4);
  EXPECT_EQ(tx.refs<Task>(work), std::vector{plan});
  EXPECT_EQ((tx.lookup<&Task::status, &Item::priority>(work, Status::open, 4)), std::vector{plan});
  EXPECT_EQ(tx.count<&Task::status>(home, Status::open), 0u);
  for (auto [ref, t] : tx.all<Task>(work)) EXPECT_EQ(t.priority, 4);
  EXPECT_THROW(tx.all<Task>(), SchemaError);
  EXPECT_THROW(tx.create(task("unplaced")), SchemaError);
}

TEST_F(TypedTransaction, EndsThroughAFuture) {
  EXPECT_EQ(tx_.commit_future().get(), CommitOutcome(Accepted{tx_.version()}));
}

TEST_F(TypedTransaction, EndsThroughACompletionToken) {
  boost::asio::io_context context;
  std::optional<CommitOutcome> outcome;
  auto handler = [&, only_moved = std::make_unique<int>()](CommitOutcome ended) {
    outcome = std::move(ended);
  };
  commit_async(tx_, boost::asio::bind_executor(context, std::move(handler)));
  EXPECT_FALSE(outcome);  // it waits for its executor
  context.run();
  EXPECT_EQ(outcome, CommitOutcome(Accepted{tx_.version()}));

  Transaction other = cache_.transaction();
  EXPECT_EQ(commit_async(other, boost::asio::use_future).get(),
            CommitOutcome(Accepted{other.version()}));
}

}  // namespace
}  // namespace odb
