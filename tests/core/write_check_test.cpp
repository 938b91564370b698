// Writes that can never commit as they are.
#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <variant>

#include "odb/core/commit_engine.h"
#include "support/changes.h"
#include "support/todo_schema.h"

namespace odb {
namespace {

using test::Changes;
using test::kPoints;
using test::kStatus;
using test::kTask;
using test::number;
using test::task;

struct WriteCheck : ::testing::Test {
  void SetUp() override {
    SchemaDefinition schema = test::todo_schema();
    schema.types.push_back(
        {"Note", {{"of", Type::reference({"todo", "Task"})}, {"text", Type::text()}}, {}});
    state.apply_catalog(Version{1}, test::merged({}, schema));
    state.apply(Version{2}, Changes().create(kTask, 1, task("one", 1)));
  }
  void expect_refused(const Changeset& writes, const Error& expected) const {
    const Judgement judgement = CommitEngine().judge({Version{2}, {}, writes}, state);
    ASSERT_TRUE(std::holds_alternative<Error>(judgement)) << expected.message;
    EXPECT_EQ(std::get<Error>(judgement).code, expected.code);
    EXPECT_EQ(std::get<Error>(judgement).message, expected.message);
  }
  void expect_acceptable(const Changeset& writes) const {
    const Judgement judgement = CommitEngine().judge({Version{2}, {}, writes}, state);
    EXPECT_EQ(judgement, Judgement(Acceptable{}));
  }

  const TypeId note{3};
  VersionedState state;
};

TEST_F(WriteCheck, UnknownType) {
  expect_refused(Changes().create(TypeId{9}, 5),
                 {ErrorCode::kUnknownType, "there is no type number 9"});
  expect_refused(Changes().create(TypeId{0}, 5),
                 {ErrorCode::kUnknownType, "there is no type number 0"});
}

TEST_F(WriteCheck, UnknownField) {
  expect_refused(Changes().update(kTask, 1, {{3, number(1)}}),
                 {ErrorCode::kUnknownField, "todo.Task has no field number 3; it has 3 fields"});
  expect_refused(
      Changes().update(kTask, 1, {{~0u, number(1)}}),
      {ErrorCode::kUnknownField, "todo.Task has no field number 4294967295; it has 3 fields"});
}

TEST_F(WriteCheck, AValueOfAnotherKindNamesTheField) {
  expect_refused(Changes().update(kTask, 1, {{kStatus, Value::text("high")}}),
                 {ErrorCode::kWrongType, "todo.Task.status: expected int, found text"});
}

TEST_F(WriteCheck, TextThatIsNotUtf8) {
  const Judgement judgement = CommitEngine().judge(
      {Version{2}, {}, Changes().update(kTask, 1, {{test::kTitle, Value::text("\xFF")}})}, state);
  ASSERT_TRUE(std::holds_alternative<Error>(judgement));
  EXPECT_EQ(std::get<Error>(judgement).code, ErrorCode::kInvalidUtf8);
  EXPECT_TRUE(std::get<Error>(judgement).message.starts_with("todo.Task.title: "));
}

TEST_F(WriteCheck, ARequiredFieldMustBeGivenAtCreation) {
  expect_refused(
      Changes().create(note, 5, {{1, Value::text("hello")}}),
      {ErrorCode::kMissingField,
       "todo.Note.of: must be given when an object is created: its type has no default"});
  expect_acceptable(Changes().create(note, 5, {{0, Value::reference(kTask, ObjectId{1})}}));
}

TEST_F(WriteCheck, AReferenceMustBeOfItsTargetsType) {
  const Judgement judgement = CommitEngine().judge(
      {Version{2}, {}, Changes().create(note, 5, {{0, Value::reference(note, ObjectId{1})}})},
      state);
  ASSERT_TRUE(std::holds_alternative<Error>(judgement));
  EXPECT_EQ(std::get<Error>(judgement).code, ErrorCode::kWrongType);
}

TEST_F(WriteCheck, OneObjectMayChangeOnlyOnce) {
  expect_refused(
      Changes().update(kTask, 1, {{kStatus, number(1)}}).update(kTask, 1, {{kPoints, number(1)}}),
      {ErrorCode::kMalformedMessage, "object 1 is changed twice"});
  expect_refused(Changes().create(kTask, 5, task("five", 5)).erase(kTask, 5),
                 {ErrorCode::kMalformedMessage, "object 5 is changed twice"});
}

TEST_F(WriteCheck, OnlyAServerSendsEnterAndLeave) {
  for (const auto kind : {ObjectChange::Kind::kEnter, ObjectChange::Kind::kLeave}) {
    expect_refused(Changes().add(kind, kTask, 1, {}),
                   {ErrorCode::kMalformedMessage, "only a server sends enter and leave"});
  }
}

TEST_F(WriteCheck, ADeletionCarriesNoCells) {
  expect_refused(Changes().add(ObjectChange::Kind::kDelete, kTask, 1, {{kStatus, number(1)}}),
                 {ErrorCode::kMalformedMessage, "a deletion carries no cells"});
}

TEST_F(WriteCheck, AnIdentityIsNotZero) {
  expect_refused(Changes().create(kTask, 0, task("zero", 0)),
                 {ErrorCode::kMalformedMessage, "an object identity must not be 0"});
}

TEST_F(WriteCheck, CellsMustBeThere) {
  for (const auto& [begin, count] : {std::pair(0u, 2u), {2u, 0u}, {~0u, 1u}, {1u, ~0u}}) {
    Changeset writes = Changes().update(kTask, 1, {{kStatus, number(1)}});
    writes.objects[0].cells_begin = begin;
    writes.objects[0].cells_count = count;
    expect_refused(writes,
                   {ErrorCode::kMalformedMessage, "a change refers to cells that are not there"});
  }
}

TEST_F(WriteCheck, AnOperationMustFitItsField) {
  const std::pair<CellOperation::Kind, const char*> wrong[] = {
      {CellOperation::Kind::kAppend, "todo.Task.status: cannot append to a field of type int"},
      {CellOperation::Kind::kInsert, "todo.Task.status: cannot insert into a field of type int"},
      {CellOperation::Kind::kErase, "todo.Task.status: cannot erase from a field of type int"}};
  for (const auto& [kind, message] : wrong) {
    Changeset writes = Changes().update(kTask, 1, {{kStatus, number(1)}});
    writes.cells[0].kind = kind;
    expect_refused(writes, {ErrorCode::kWrongType, message});
  }
  Changeset adds = Changes().update(kTask, 1, {{kStatus, number(1)}});
  adds.cells[0].kind = CellOperation::Kind::kAdd;
  expect_acceptable(adds);
  adds.cells[0].value = Value::text("one");
  expect_refused(adds, {ErrorCode::kWrongType, "todo.Task.status: expected int, found text"});
}

TEST_F(WriteCheck, AnOperationMustFindSomethingToChange) {
  Changeset creates = Changes().create(kTask, 5, task("five", 1));
  creates.cells[1].kind = CellOperation::Kind::kAdd;
  expect_refused(creates, {ErrorCode::kMalformedMessage,
                           "todo.Task.status: a new object's fields are set, there is nothing to "
                           "add to yet"});
}

TEST_F(WriteCheck, ASumMustFit) {
  constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
  Changeset writes = Changes().update(kTask, 1, {{kStatus, number(kMost)}, {kStatus, number(0)}});
  writes.cells[1].kind = CellOperation::Kind::kAdd;
  expect_acceptable(writes);  // set first, then nothing added
  writes.cells[1].value = number(1);
  expect_refused(writes, {ErrorCode::kNumberOverflow,
                          "todo.Task.status: adding 1 gives a number that 64 bits cannot hold"});
}

TEST_F(WriteCheck, OfOneFieldSetTwiceTheLastCounts) {
  const Changeset writes = Changes().update(kTask, 1, {{kStatus, number(5)}, {kStatus, number(6)}});
  expect_acceptable(writes);
  state.apply(Version{3}, writes);
  EXPECT_EQ(state.find(kTask, ObjectId{1}, Version{3})->fields()[kStatus], number(6));
  expect_refused(Changes().create(kTask, 5, {{0, Value::text("x")}, {0, Value::text("one")}}),
                 {ErrorCode::kUniqueViolation,
                  "unique index todo.Task.title: objects 1 and 5 would have the same value"});
}

TEST_F(WriteCheck, NothingAtAllIsAcceptable) { expect_acceptable(Changeset()); }

}  // namespace
}  // namespace odb
