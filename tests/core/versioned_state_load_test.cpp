// A state filled from what a store had.
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "odb/core/commit_engine.h"
#include "odb/core/versioned_state.h"
#include "support/changes.h"
#include "support/todo_schema.h"

namespace odb {
namespace {

using test::Changes;
using test::kByStatus;
using test::kByTitle;
using test::key;
using test::kStatus;
using test::kTask;
using test::merged;
using test::number;
using test::todo_schema;

struct LoadedState : ::testing::Test {
  void SetUp() override { state.load_catalog(merged(Catalog(), todo_schema())); }
  void load(std::uint64_t object, std::uint64_t version, const std::string& title,
            std::int64_t status) {
    Row::Owner row = Row::create(Row::Kind::kUpdated, Version{version}, 3);
    row->mutable_fields()[0] = Value::text(title);
    row->mutable_fields()[1] = number(status);
    row->mutable_fields()[2] = number(0);
    state.load(kTask, ObjectId{object}, std::move(row));
  }
  std::vector<std::uint64_t> with_status(std::int64_t status) const {
    std::vector<std::uint64_t> found;
    const IndexTable* entries = state.entries(kByStatus);
    const std::string wanted = key({number(status)});
    for (const auto* entry = entries->find(wanted, ObjectId{}, state.version()); entry != nullptr;
         entry = IndexTable::next(entry, state.version())) {
      found.push_back(entry->object().value);
    }
    return found;
  }
  Judgement judge(ReadSet reads, std::uint64_t snapshot) const {
    CommitRequest request;
    request.snapshot = Version{snapshot};
    request.reads = std::move(reads);
    request.writes = Changes().update(kTask, 1, {{kStatus, number(9)}});
    return CommitEngine().judge(request, state);
  }
  static ErrorCode code_of(const Judgement& judgement) {
    const auto* error = std::get_if<Error>(&judgement);
    return error == nullptr ? ErrorCode::kNone : error->code;
  }

  VersionedState state;
};

TEST_F(LoadedState, HasObjectsAtTheirVersionsAndIndexes) {
  load(70'000, 5, "c", 1);
  load(1, 3, "a", 1);
  load(2, 9, "b", 2);
  ASSERT_TRUE(state.finish_load(Version{9}));
  EXPECT_EQ(state.version(), Version{9});
  EXPECT_EQ(state.horizon(), Version{9});
  EXPECT_EQ(state.find(kTask, ObjectId{1}, Version{9})->version(), Version{3});
  EXPECT_EQ(with_status(1), (std::vector<std::uint64_t>{1, 70'000}));
  EXPECT_EQ(with_status(2), (std::vector<std::uint64_t>{2}));
  EXPECT_NE(state.entries(kByTitle)->find(key({Value::text("b")}), ObjectId{}, Version{9}),
            nullptr);
  EXPECT_EQ(state.journal_size(), 0u);
}

TEST_F(LoadedState, GoesOnLikeAnyOther) {
  load(1, 3, "a", 1);
  load(2, 4, "b", 1);
  ASSERT_TRUE(state.finish_load(Version{4}));
  state.apply(Version{5}, Changes().update(kTask, 1, {{kStatus, number(7)}}).erase(kTask, 2));
  EXPECT_EQ(with_status(1), std::vector<std::uint64_t>{});
  EXPECT_EQ(with_status(7), std::vector<std::uint64_t>{1});
  state.rollback_to(Version{4});
  EXPECT_EQ(with_status(1), (std::vector<std::uint64_t>{1, 2}));
  EXPECT_EQ(state.find(kTask, ObjectId{1}, Version{4})->version(), Version{3});
  state.apply(Version{5}, Changes().erase(kTask, 2));
  state.trim_to(Version{5});
  EXPECT_EQ(with_status(1), (std::vector<std::uint64_t>{1}));
}

TEST_F(LoadedState, IsCarefulWithWhatWasReadBefore) {
  load(1, 3, "a", 1);
  load(2, 8, "b", 1);
  ASSERT_TRUE(state.finish_load(Version{9}));
  const CellRead untouched{kTask, FieldId{kStatus}, ObjectId{1}};
  const CellRead touched{kTask, FieldId{kStatus}, ObjectId{2}};
  EXPECT_TRUE(std::holds_alternative<Acceptable>(judge({.cells = {untouched}}, 5)))
      << "not modified since: needs no history";
  EXPECT_EQ(code_of(judge({.cells = {touched}}, 5)), ErrorCode::kTooOld);
  EXPECT_EQ(code_of(judge({.existences = {{kTask, ObjectId{77}}}}, 5)), ErrorCode::kTooOld);
  EXPECT_EQ(code_of(judge({.indexes = {{kByStatus, key({number(1)})}}}, 5)), ErrorCode::kTooOld);
  EXPECT_FALSE(std::holds_alternative<Acceptable>(
      judge({.ranges = {{kByStatus, key({number(0)}), key({number(5)})}}}, 5)));
  EXPECT_TRUE(std::holds_alternative<Conflict>(judge({.memberships = {{kTask}}}, 5)));
  EXPECT_TRUE(std::holds_alternative<Acceptable>(judge(
      {.cells = {touched}, .indexes = {{kByStatus, key({number(1)})}}, .memberships = {{kTask}}},
      9)));
}

TEST_F(LoadedState, NoticesTwoObjectsWithOneUniqueValue) {
  load(1, 3, "a", 1);
  load(2, 4, "a", 1);
  const auto finished = state.finish_load(Version{4});
  ASSERT_FALSE(finished);
  EXPECT_EQ(finished.error().code, ErrorCode::kUniqueViolation);
}

}  // namespace
}  // namespace odb
