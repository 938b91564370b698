#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "embedded/lagging_rows.h"
#include "support/random_value.h"

namespace odb::server::embedded {
namespace {

using Item = LaggingRows::Item;

TouchedObject object(std::uint64_t id) { return {TypeId{1}, ObjectId{id}}; }

class LaggingRowsTest : public ::testing::Test {
 protected:
  // One object, at one version, with `bytes` in the log.
  void touch(std::uint64_t id, std::uint64_t version, std::uint64_t bytes = 10) {
    const std::vector<TouchedObject> touched{object(id)};
    ASSERT_TRUE(rows_.touch(touched, Version{version}, bytes));
  }
  std::vector<Item> due() {
    std::vector<Item> due;
    rows_.take_due(due);
    return due;
  }
  static std::vector<std::uint64_t> ids(const std::vector<Item>& items) {
    std::vector<std::uint64_t> ids;
    ids.reserve(items.size());
    for (const Item& item : items) ids.push_back(item.object.object.value);
    return ids;
  }
  using Ids = std::vector<std::uint64_t>;

  LaggingRows rows_{{.rows_max = 32, .log_bytes_max = 100}};
};

TEST_F(LaggingRowsTest, AreCompleteUpToTheOneThatIsBehindForLongest) {
  EXPECT_EQ(rows_.complete_up_to(Version{7}), Version{7});
  touch(1, 8);
  touch(2, 9);
  touch(1, 10);
  EXPECT_EQ(rows_.complete_up_to(Version{10}), Version{7});
}

TEST_F(LaggingRowsTest, AreDueWhenTheLogThatTheyNeedIsTooLong) {
  for (std::uint64_t version = 1; version <= 10; ++version) touch(version % 2, version);
  EXPECT_EQ(ids(due()), Ids());
  touch(1, 11);
  EXPECT_EQ(ids(due()), Ids({1})) << "110 bytes since version 1";
  EXPECT_EQ(rows_.complete_up_to(Version{11}), Version{1});
  touch(1, 12);
  EXPECT_EQ(ids(due()), Ids({0}));
  EXPECT_EQ(rows_.complete_up_to(Version{12}), Version{11});
}

TEST_F(LaggingRowsTest, AreDueWhenTheyAreTooMany) {
  for (std::uint64_t id = 1; id <= 32; ++id) touch(id, id, 0);
  EXPECT_EQ(ids(due()), Ids());
  touch(33, 33, 0);
  touch(34, 34, 0);
  EXPECT_EQ(ids(due()), Ids({1, 2}));
}

TEST_F(LaggingRowsTest, AnAppendOfManyObjectsIsNotNoted) {
  const std::vector<TouchedObject> many{object(1), object(2), object(3)};
  EXPECT_FALSE(rows_.touch(many, Version{1}, 10));
  EXPECT_EQ(rows_.complete_up_to(Version{1}), Version{1});
}

TEST_F(LaggingRowsTest, WhatWasNotWrittenIsBehindAsBefore) {
  touch(1, 1);
  touch(2, 2);
  std::vector<Item> taken;
  touch(1, 3, 100);
  rows_.take_due(taken);
  EXPECT_EQ(ids(taken), Ids({1, 2}));
  touch(1, 4);
  touch(3, 5);
  rows_.give_back(taken, Version{2});
  EXPECT_EQ(rows_.complete_up_to(Version{2}), Version{0});
  touch(4, 3, 200);
  EXPECT_EQ(ids(due()), Ids({1, 2, 4})) << "3 was touched by what never was";
}

// Obviously correct: which version each row was last written at, and each change of each object.
TEST_F(LaggingRowsTest, NeverClaimMoreThanTheRowsHave) {
  test::Random random{11};
  std::map<std::uint64_t, std::uint64_t> written;  // by object
  std::vector<std::uint64_t> changes{0};           // the object that each version changed
  for (int round = 0; round < 2'000; ++round) {
    const std::uint64_t durable = changes.size() - 1;
    const auto durably_written = written;
    std::vector<Item> taken;
    const std::uint64_t appends = 1 + test::below(random, 6);
    Version complete;
    for (std::uint64_t i = 0; i < appends; ++i) {
      changes.push_back(1 + test::below(random, 60));
      const std::uint64_t version = changes.size() - 1;
      touch(changes.back(), version, test::below(random, 12));
      const std::size_t before = taken.size();
      rows_.take_due(taken);
      for (std::size_t k = before; k < taken.size(); ++k) {
        written[taken[k].object.object.value] = version;
      }
      complete = rows_.complete_up_to(Version{version});
    }
    if (test::below(random, 4) == 0) {
      changes.resize(durable + 1);
      written = durably_written;
      rows_.give_back(taken, Version{durable});
      complete = rows_.complete_up_to(Version{durable});
    }
    for (std::uint64_t version = 1; version <= complete.value; ++version) {
      ASSERT_GE(written[changes[version]], version) << "round " << round;
    }
    ASSERT_GE(complete.value + 300, changes.size()) << "nor much less";
  }
}

}  // namespace
}  // namespace odb::server::embedded
