#include <gtest/gtest.h>

#include <array>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "embedded/log_tail.h"
#include "embedded/log_value.h"
#include "support/changes.h"

namespace odb::server::embedded {
namespace {

using test::Changes;
using test::number;

constexpr TypeId kTask{1};

class LogTailTest : public ::testing::Test {
 protected:
  LogTailTest() {
    const CatalogType task{kTask,
                           {"todo", "Task"},
                           {{"a", Type::integer(), number(0)}, {"b", Type::integer(), number(0)}},
                           {}};
    EXPECT_TRUE(tail_.begin({task}, Version{10}));
  }
  Result<void> add(std::uint64_t version, const Changeset& changes) {
    CommitRecord record;
    record.version = Version{version};
    record.changes = changes;
    return tail_.add(std::move(record));
  }
  Result<void> add_row(std::uint64_t object, std::uint64_t version, std::int64_t a) {
    return tail_.add_row(kTask, ObjectId{object}, Version{version}, {number(a), number(0)});
  }
  // The field "a" of each object that is left; -1: it does not exist.
  std::map<std::uint64_t, std::int64_t> apply() {
    std::map<std::uint64_t, std::int64_t> found;
    EXPECT_TRUE(tail_.apply([&](TypeId, ObjectId object, const Row* row) {
      found[object.value] = row == nullptr ? -1 : row->fields()[0].as_int();
      return Result<void>();
    }));
    return found;
  }
  using Found = std::map<std::uint64_t, std::int64_t>;

  LogTail tail_;
};

TEST_F(LogTailTest, BringsRowsUpToDate) {
  ASSERT_TRUE(add(11, Changes().update(kTask, 1, {{0, number(5)}})));
  ASSERT_TRUE(add(12, Changes().create(kTask, 2, {{0, number(6)}})));
  ASSERT_TRUE(add(13, Changes().update(kTask, 1, {{1, number(7)}})));
  EXPECT_TRUE(tail_.touches(ObjectId{1}));
  EXPECT_FALSE(tail_.touches(ObjectId{3}));
  ASSERT_TRUE(add_row(1, 4, 1));
  EXPECT_EQ(apply(), Found({{1, 5}, {2, 6}}));
}

TEST_F(LogTailTest, LeavesOutWhatARowHasAlready) {
  ASSERT_TRUE(add(11, Changes().update(kTask, 1, {{0, number(5)}})));
  ASSERT_TRUE(add(12, Changes().update(kTask, 1, {{0, number(6)}})));
  ASSERT_TRUE(add(13, Changes().update(kTask, 1, {{1, number(7)}})));
  ASSERT_TRUE(add_row(1, 12, 6));
  EXPECT_EQ(apply(), Found({{1, 6}}));
}

TEST_F(LogTailTest, AnObjectWithoutARowWasDeleted) {
  ASSERT_TRUE(add(11, Changes().update(kTask, 1, {{0, number(5)}})));
  ASSERT_TRUE(add(12, Changes().erase(kTask, 1)));
  ASSERT_TRUE(add(13, Changes().create(kTask, 2, {{0, number(6)}})));
  ASSERT_TRUE(add(14, Changes().erase(kTask, 2)));
  EXPECT_EQ(apply(), Found({{1, -1}, {2, -1}}));
}

TEST_F(LogTailTest, WhatDoesNotFitIsDamage) {
  const auto refused = [](const Result<void>& added, const std::string& why) {
    ASSERT_FALSE(added);
    EXPECT_EQ(added.error().code, ErrorCode::kDataDamaged);
    EXPECT_NE(added.error().message.find(why), std::string::npos) << added.error().message;
  };
  refused(add(12, Changes().erase(kTask, 1)), "lacks version 11");
  refused(add(11, Changes().erase(TypeId{9}, 1)), "does not fit the types");
  ASSERT_TRUE(add(12, Changes().erase(kTask, 1)));
  refused(add(13, Changes().update(kTask, 1, {{2, number(5)}})), "does not fit the types");
  refused(tail_.add_row(TypeId{9}, ObjectId{1}, Version{1}, {}), "do not fit together");
  refused(tail_.add_row(kTask, ObjectId{1}, Version{1}, std::vector<Value>(3)),
          "do not fit together");
}

TEST(EmbeddedLogValue, HoldsAppendsAsTheyWere) {
  std::array<CommitRecord, 3> commits;
  for (std::size_t i = 0; i < commits.size(); ++i) {
    commits[i].version = Version{i + 1};
    commits[i].actor = "ann";
    commits[i].changes = Changes().update(kTask, i + 1, {{0, number(5)}});
  }
  const std::vector<const CommitRecord*> first{&commits[0], &commits[1]};
  const std::vector<const CommitRecord*> second{&commits[2]};
  std::string value;
  append_to_log_value(value, first);
  append_to_log_value(value, second);
  const auto appends = decode_log_value(value, Version{3});
  ASSERT_TRUE(appends);
  ASSERT_EQ(appends->size(), 2u);
  EXPECT_EQ((*appends)[0], (std::vector<CommitRecord>{commits[0], commits[1]}));
  EXPECT_EQ((*appends)[1], std::vector<CommitRecord>{commits[2]});
  EXPECT_FALSE(decode_log_value(value, Version{2})) << "it stands where it should not";
  for (std::size_t size = 0; size < value.size(); ++size) {
    EXPECT_FALSE(decode_log_value(std::string_view(value).substr(0, size), Version{3})) << size;
  }
}

}  // namespace
}  // namespace odb::server::embedded
