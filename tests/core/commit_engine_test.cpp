// What conflicts with what, entry by entry of the read set.
#include "odb/core/commit_engine.h"

#include <gtest/gtest.h>

#include <functional>
#include <limits>
#include <string>
#include <variant>

#include "support/changes.h"
#include "support/todo_schema.h"

namespace odb {
namespace {

using test::Changes;
using test::kByStatus;
using test::key;
using test::kPerson;
using test::kPoints;
using test::kStatus;
using test::kTask;
using test::kTitle;
using test::number;
using test::task;

CellRead cell(std::uint64_t object, std::uint32_t field) {
  return {kTask, FieldId{field}, ObjectId{object}};
}
ExistenceRead existence(std::uint64_t object) { return {kTask, ObjectId{object}}; }
IndexRead status(std::int64_t value) { return {kByStatus, key({number(value)})}; }

// Entries of the index by status with from <= status < to.
IndexRangeRead statuses(std::int64_t from, std::int64_t to) {
  return {kByStatus, key({number(from)}), key({number(to)})};
}

// Task 1 ("one", status 1) and task 2 ("two", status 2) exist from version 2 on.
struct CommitEngineTest : ::testing::Test {
  void SetUp() override {
    state.apply_catalog(Version{1}, test::merged({}, test::todo_schema()));
    apply(Changes().create(kTask, 1, task("one", 1)).create(kTask, 2, task("two", 2)));
  }
  Version apply(const Changeset& changes) {
    state.apply(next(state.version()), changes);
    return state.version();
  }
  Judgement judge(const CommitRequest& request) const { return engine.judge(request, state); }
  Judgement judge_read(ConflictKey read, Version snapshot = Version{2}) const {
    CommitRequest request{.snapshot = snapshot, .writes = Changes().create(kPerson, 100)};
    if (auto* c = std::get_if<CellRead>(&read)) request.reads.cells = {*c};
    if (auto* e = std::get_if<ExistenceRead>(&read)) request.reads.existences = {*e};
    if (auto* i = std::get_if<IndexRead>(&read)) request.reads.indexes = {*i};
    if (auto* r = std::get_if<IndexRangeRead>(&read)) request.reads.ranges = {*r};
    if (auto* m = std::get_if<MembershipRead>(&read)) request.reads.memberships = {*m};
    return judge(request);
  }
  Judgement judge_write(const Changeset& writes, Version snapshot = Version{2}) const {
    return judge({snapshot, {}, writes});
  }

  VersionedState state;
  CommitEngine engine;
};

const Judgement kAcceptable{Acceptable{}};

Judgement conflict(ConflictKey key, std::uint64_t won, std::uint64_t read = 2) {
  return Conflict{std::move(key), Version{read}, Version{won}, "", {}, {}};
}
ErrorCode code_of(const Judgement& judgement) {
  const auto* error = std::get_if<Error>(&judgement);
  return error == nullptr ? ErrorCode::kNone : error->code;
}

// ---- reads ----

// One concurrent change, and what it does to each kind of read.
struct ReadClaim {
  const char* name;
  std::function<Changeset()> change;  // becomes version 3
  ConflictKey read;
  bool conflicts;
};
struct ReadClaims : CommitEngineTest, ::testing::WithParamInterface<ReadClaim> {};

TEST_P(ReadClaims, Holds) {
  apply(GetParam().change());
  const Judgement expected = GetParam().conflicts ? conflict(GetParam().read, 3) : kAcceptable;
  EXPECT_EQ(judge_read(GetParam().read), expected);
  EXPECT_EQ(judge_read(GetParam().read, Version{3}), kAcceptable) << "a snapshot that includes it";
  apply(Changes().create(kPerson, 50));
  EXPECT_EQ(judge_read(GetParam().read), expected) << "also with later, unrelated versions";
}

Changeset set_status() { return Changes().update(kTask, 1, {{kStatus, number(7)}}); }
Changeset set_points() { return Changes().update(kTask, 1, {{kPoints, number(7)}}); }
Changeset set_same_status() { return Changes().update(kTask, 1, {{kStatus, number(1)}}); }
Changeset create_task() { return Changes().create(kTask, 3, task("three", 1)); }
Changeset erase_task() { return Changes().erase(kTask, 1); }
Changeset create_person() { return Changes().create(kPerson, 3); }

INSTANTIATE_TEST_SUITE_P(
    CommitEngine, ReadClaims,
    ::testing::Values(
        ReadClaim{"CellWritten", set_status, cell(1, kStatus), true},
        ReadClaim{"CellWrittenWithAnEqualValue", set_same_status, cell(1, kStatus), true},
        ReadClaim{"OtherFieldWritten", set_points, cell(1, kStatus), false},
        ReadClaim{"SameFieldOfAnotherObject", set_status, cell(2, kStatus), false},
        ReadClaim{"CellOfADeletedObject", erase_task, cell(1, kStatus), true},
        ReadClaim{"CellOfACreatedObject", create_task, cell(3, kStatus), true},
        ReadClaim{"ExistenceAndDeletion", erase_task, existence(1), true},
        ReadClaim{"ExistenceAndCreation", create_task, existence(3), true},
        ReadClaim{"ExistenceAndUpdate", set_status, existence(1), false},
        ReadClaim{"ExistenceOfAnother", erase_task, existence(2), false},
        ReadClaim{"AbsenceThatStays", create_task, existence(4), false},
        ReadClaim{"IndexKeyLeft", set_status, status(1), true},
        ReadClaim{"IndexKeyEntered", set_status, status(7), true},
        ReadClaim{"IndexKeyOfOthers", set_status, status(2), false},
        ReadClaim{"IndexAndOtherField", set_points, status(1), false},
        ReadClaim{"IndexAndEqualValue", set_same_status, status(1), false},
        ReadClaim{"IndexAndCreation", create_task, status(1), true},
        ReadClaim{"IndexAndDeletion", erase_task, status(1), true},
        ReadClaim{"RangeLeft", set_status, statuses(1, 2), true},
        ReadClaim{"RangeEntered", set_status, statuses(5, 10), true},
        ReadClaim{"RangeMovedWithin", set_status, statuses(0, 100), true},
        ReadClaim{"RangeThatEndsBefore", set_status, statuses(3, 7), false},
        ReadClaim{"RangeThatBeginsAfter", set_status, statuses(8, 100), false},
        ReadClaim{"RangeBetween", set_status, statuses(2, 7), false},
        ReadClaim{"RangeAndOtherField", set_points, statuses(0, 100), false},
        ReadClaim{"RangeAndEqualValue", set_same_status, statuses(0, 100), false},
        ReadClaim{"RangeAndCreation", create_task, statuses(0, 2), true},
        ReadClaim{"RangeAndDeletion", erase_task, statuses(0, 2), true},
        ReadClaim{"EmptyRange", create_task, statuses(1, 1), false},
        ReadClaim{"MembershipAndCreation", create_task, MembershipRead{kTask}, true},
        ReadClaim{"MembershipAndDeletion", erase_task, MembershipRead{kTask}, true},
        ReadClaim{"MembershipAndUpdate", set_status, MembershipRead{kTask}, false},
        ReadClaim{"MembershipOfAnotherType", create_person, MembershipRead{kTask}, false}),
    [](const auto& claim) { return std::string(claim.param.name); });

TEST_F(CommitEngineTest, NamesTheNewestVersionThatChangedTheRead) {
  apply(set_status());                                        // 3
  apply(Changes().update(kTask, 1, {{kStatus, number(9)}}));  // 4
  apply(set_points());                                        // 5
  EXPECT_EQ(judge_read(cell(1, kStatus)), conflict(cell(1, kStatus), 4));
  EXPECT_EQ(judge_read(cell(1, kStatus), Version{3}), conflict(cell(1, kStatus), 4, 3));
}

TEST_F(CommitEngineTest, ReadsOfAnObjectDeletedAndReadAgainConflictWithTheDeletion) {
  apply(set_status());
  apply(erase_task());
  EXPECT_EQ(judge_read(cell(1, kStatus)), conflict(cell(1, kStatus), 4));
}

// ---- writes ----

TEST_F(CommitEngineTest, WritesToDifferentFieldsOfOneObjectDoNotConflict) {
  apply(set_status());
  CommitRequest request{Version{2}, {.cells = {cell(1, kPoints)}}, set_points()};
  EXPECT_EQ(judge(request), kAcceptable);
}

TEST_F(CommitEngineTest, ABlindWriteWinsOverAnOlderOne) {
  apply(set_status());
  EXPECT_EQ(judge_write(set_status()), kAcceptable);
}

TEST_F(CommitEngineTest, AWriteToADeletedObjectConflicts) {
  apply(erase_task());
  EXPECT_EQ(judge_write(set_status()), conflict(existence(1), 3));
  EXPECT_EQ(judge_write(erase_task()), conflict(existence(1), 3));
  state.trim_to(Version{3});
  EXPECT_EQ(judge_write(set_status()), conflict(existence(1), 0)) << "nobody knows who won";
}

TEST_F(CommitEngineTest, CreatingWhatExistsIsRefused) {
  EXPECT_EQ(code_of(judge_write(Changes().create(kTask, 1))), ErrorCode::kObjectExists);
  apply(erase_task());
  EXPECT_EQ(code_of(judge_write(Changes().create(kTask, 1))), ErrorCode::kObjectExists)
      << "an identity is never used again";
}

TEST_F(CommitEngineTest, NeverChangesTheState) {
  apply(set_status());
  const Version version = state.version();
  (void)judge_read(cell(1, kStatus));
  (void)judge_write(Changes().create(kTask, 5, task("five", 5)));
  EXPECT_EQ(state.version(), version);
  EXPECT_EQ(state.find(kTask, ObjectId{5}, version), nullptr);
}

TEST_F(CommitEngineTest, ASnapshotFromTheFutureIsRefused) {
  EXPECT_EQ(code_of(judge_write(set_status(), Version{3})), ErrorCode::kMalformedMessage);
}

// ---- unique indexes ----

TEST_F(CommitEngineTest, AKeyThatAnotherObjectHoldsIsRefused) {
  const Judgement judgement = judge_write(Changes().create(kTask, 3, task("one", 0)));
  ASSERT_EQ(code_of(judgement), ErrorCode::kUniqueViolation);
  EXPECT_EQ(std::get<Error>(judgement).message,
            "unique index todo.Task.title: objects 1 and 3 would have the same value");
  EXPECT_EQ(code_of(judge_write(Changes().update(kTask, 2, {{kTitle, Value::text("one")}}))),
            ErrorCode::kUniqueViolation);
}

TEST_F(CommitEngineTest, AnObjectMayKeepItsKey) {
  EXPECT_EQ(judge_write(Changes().update(kTask, 1, {{kTitle, Value::text("one")}})), kAcceptable);
}

TEST_F(CommitEngineTest, TwoObjectsMaySwapTheirKeys) {
  EXPECT_EQ(judge_write(Changes()
                            .update(kTask, 1, {{kTitle, Value::text("two")}})
                            .update(kTask, 2, {{kTitle, Value::text("one")}})),
            kAcceptable);
}

TEST_F(CommitEngineTest, AKeyMayBeTakenFromWhoGivesItUp) {
  EXPECT_EQ(judge_write(Changes().erase(kTask, 1).create(kTask, 3, task("one", 0))), kAcceptable);
  EXPECT_EQ(judge_write(Changes()
                            .create(kTask, 3, task("one", 0))
                            .update(kTask, 1, {{kTitle, Value::text("free")}})),
            kAcceptable);
  EXPECT_EQ(
      code_of(judge_write(
          Changes().create(kTask, 3, task("one", 0)).update(kTask, 1, {{kStatus, number(5)}}))),
      ErrorCode::kUniqueViolation)
      << "an update of another field gives nothing up";
}

TEST_F(CommitEngineTest, OneTransactionMayNotGiveAKeyTwice) {
  EXPECT_EQ(code_of(judge_write(
                Changes().create(kTask, 3, task("new", 0)).create(kTask, 4, task("new", 0)))),
            ErrorCode::kUniqueViolation);
  EXPECT_EQ(code_of(judge_write(Changes().create(kTask, 3).create(kTask, 4))),
            ErrorCode::kUniqueViolation)
      << "defaults count too";
}

TEST_F(CommitEngineTest, AKeyFreedEarlierMayBeTaken) {
  apply(Changes().update(kTask, 1, {{kTitle, Value::text("renamed")}}));
  EXPECT_EQ(judge_write(Changes().create(kTask, 3, task("one", 0))), kAcceptable);
}

TEST_F(CommitEngineTest, AConflictIsJudgedBeforeAUniqueViolation) {
  apply(set_status());
  CommitRequest request{
      Version{2}, {.cells = {cell(1, kStatus)}}, Changes().create(kTask, 3, task("two", 0))};
  EXPECT_EQ(judge(request), conflict(cell(1, kStatus), 3));
  EXPECT_EQ(judge_write(Changes().create(kTask, 3, task("one", 0)).erase(kTask, 77)),
            conflict(existence(77), 0));
}

TEST_F(CommitEngineTest, AUniqueIndexOverValuesThatRepeatIsRefused) {
  apply(Changes().update(kTask, 2, {{kPoints, number(1)}}));
  const auto unique_points = test::merged(
      *state.catalog(),
      {"todo",
       {{"Task", {{"points", Type::integer()}}, {{"p", {"points"}, Uniqueness::kUnique}}}}});
  EXPECT_TRUE(engine.judge_catalog(*unique_points, state)) << "0 and 1";
  apply(Changes().create(kTask, 3, task("three", 3, 1)));
  const Result<void> refused = engine.judge_catalog(*unique_points, state);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error(),
            (Error{ErrorCode::kUniqueViolation,
                   "unique index todo.Task.p: objects 2 and 3 would have the same value"}));
  apply(Changes().erase(kTask, 2));
  EXPECT_TRUE(engine.judge_catalog(*unique_points, state)) << "what is deleted does not count";
}

TEST_F(CommitEngineTest, AUniqueIndexOverANewFieldIsRefusedWhenSeveralObjectsHaveItsDefault) {
  const auto with_code = test::merged(
      *state.catalog(),
      {"todo", {{"Task", {{"code", Type::integer()}}, {{"code", {"code"}, Uniqueness::kUnique}}}}});
  EXPECT_FALSE(engine.judge_catalog(*with_code, state));
  apply(Changes().erase(kTask, 2));
  EXPECT_TRUE(engine.judge_catalog(*with_code, state));
}

// ---- the horizon ----

TEST_F(CommitEngineTest, AnUnmodifiedObjectNeedsNoHistory) {
  for (int i = 0; i < 3; ++i) apply(Changes().update(kTask, 2, {{kPoints, number(i)}}));
  state.trim_to(Version{5});
  EXPECT_EQ(judge_read(cell(1, kStatus)), kAcceptable);
  EXPECT_EQ(judge_read(existence(1)), kAcceptable);
  EXPECT_EQ(judge_read(MembershipRead{kTask}), kAcceptable);
  EXPECT_EQ(judge_write(set_status()), kAcceptable);
}

TEST_F(CommitEngineTest, WhatNeedsHistoryThatIsGoneIsTooOld) {
  apply(set_points());                   // 3
  apply(Changes().create(kPerson, 9));   // 4
  apply(Changes().create(kPerson, 10));  // 5
  EXPECT_EQ(judge_read(cell(1, kStatus)), kAcceptable);
  state.trim_to(Version{2});
  EXPECT_EQ(judge_read(cell(1, kStatus)), kAcceptable) << "the horizon itself is readable";
  state.trim_to(Version{3});
  EXPECT_EQ(judge_read(cell(1, kStatus), Version{3}), kAcceptable);
  EXPECT_EQ(code_of(judge_read(cell(1, kStatus))), ErrorCode::kTooOld);
  EXPECT_EQ(code_of(judge_read(existence(1))), ErrorCode::kTooOld);
  EXPECT_EQ(judge_read(cell(1, kPoints)), conflict(cell(1, kPoints), 3)) << "still known";
  EXPECT_EQ(code_of(judge_read(existence(77))), ErrorCode::kTooOld) << "may have been deleted";
  EXPECT_EQ(code_of(judge_read(status(1))), ErrorCode::kTooOld);
  EXPECT_EQ(judge_read(MembershipRead{kPerson}), conflict(MembershipRead{kPerson}, 5));
}

TEST_F(CommitEngineTest, ADeletionBehindTheHorizonIsTooOld) {
  apply(erase_task());
  state.trim_to(Version{3});
  EXPECT_EQ(code_of(judge_read(cell(1, kStatus))), ErrorCode::kTooOld);
  EXPECT_EQ(judge_read(existence(1), Version{3}), kAcceptable) << "known to be absent";
}

TEST_F(CommitEngineTest, AModificationAfterTheHorizonConflictsHoweverOldTheSnapshot) {
  apply(set_points());
  state.trim_to(Version{3});
  apply(set_status());
  EXPECT_EQ(judge_read(cell(1, kStatus), Version{1}), conflict(cell(1, kStatus), 4, 1));
  EXPECT_EQ(judge_read(status(7), Version{1}), conflict(status(7), 4, 1));
}

// ---- operations that need no read ----

Changeset add_points(std::int64_t amount) {
  Changeset changes = Changes().update(kTask, 1, {{kPoints, number(amount)}});
  changes.cells[0].kind = CellOperation::Kind::kAdd;
  return changes;
}

TEST_F(CommitEngineTest, AdditionsNeverConflictWithEachOther) {
  apply(add_points(5));
  apply(add_points(6));
  EXPECT_EQ(judge_write(add_points(7)), kAcceptable);
  apply(add_points(7));
  const Row* row = state.find(kTask, ObjectId{1}, state.version());
  EXPECT_EQ(row->fields()[kPoints], number(18));
  EXPECT_EQ(judge_read(cell(1, kPoints)), conflict(cell(1, kPoints), 5)) << "who read it conflicts";
}

TEST_F(CommitEngineTest, AnAdditionThatOverflowsIsRefusedAsSuch) {
  apply(add_points(std::numeric_limits<std::int64_t>::max()));
  EXPECT_EQ(code_of(judge_write(add_points(1))), ErrorCode::kNumberOverflow);
  EXPECT_EQ(judge_write(add_points(-1)), kAcceptable);
  CommitRequest request{
      .snapshot = Version{2}, .reads = {.cells = {cell(1, kPoints)}}, .writes = add_points(1)};
  EXPECT_EQ(judge(request), conflict(cell(1, kPoints), 3)) << "a conflict is judged first";
}

TEST_F(CommitEngineTest, ARangeOlderThanTheHorizonIsUnchangedOnlyWhenTheWholeIndexIs) {
  apply(Changes().create(kPerson, 50));
  apply(Changes().create(kPerson, 51));
  state.trim_to(Version{4});
  EXPECT_EQ(judge_read(statuses(0, 100), Version{3}), kAcceptable)
      << "the index has not changed since version 2";
  apply(set_status());
  EXPECT_EQ(code_of(judge_read(statuses(50, 60), Version{3})), ErrorCode::kTooOld);
  EXPECT_EQ(judge_read(statuses(0, 100), Version{3}), conflict(statuses(0, 100), 5, 3));
}

}  // namespace
}  // namespace odb
