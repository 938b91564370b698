#include "odb/core/changeset.h"

#include <gtest/gtest.h>

namespace odb {
namespace {

using Change = ObjectChange::Kind;

CellOperation set(std::uint32_t field, std::int64_t value) {
  return {CellOperation::Kind::kSet, FieldId{field}, Value::integer(value), {}};
}

TEST(Changeset, GivesEachObjectTheCellsThatFollowIt) {
  Changeset changes;
  EXPECT_TRUE(changes.empty());
  changes.begin(Change::kCreate, TypeId{1}, ObjectId{10});
  changes.add_cell(set(0, 5));
  changes.add_cell(set(1, 6));
  changes.begin(Change::kDelete, TypeId{1}, ObjectId{11});
  changes.begin(Change::kUpdate, TypeId{2}, ObjectId{12});
  changes.add_cell(set(3, 7));

  EXPECT_FALSE(changes.empty());
  ASSERT_EQ(changes.objects.size(), 3u);
  EXPECT_EQ(changes.objects[0].kind, Change::kCreate);
  EXPECT_EQ(changes.objects[2].type, TypeId{2});
  EXPECT_EQ(changes.objects[2].object, ObjectId{12});
  ASSERT_EQ(changes.cells_of(changes.objects[0]).size(), 2u);
  EXPECT_EQ(changes.cells_of(changes.objects[0])[1], set(1, 6));
  EXPECT_TRUE(changes.cells_of(changes.objects[1]).empty());
  ASSERT_EQ(changes.cells_of(changes.objects[2]).size(), 1u);
  EXPECT_EQ(changes.cells_of(changes.objects[2])[0], set(3, 7));
}

TEST(Changeset, ComparesByContent) {
  Changeset a;
  a.begin(Change::kUpdate, TypeId{1}, ObjectId{1});
  a.add_cell(set(0, 1));
  Changeset b = a;
  EXPECT_EQ(a, b);
  b.cells_of(b.objects[0])[0].value = Value::integer(2);
  EXPECT_NE(a, b);
}

TEST(ChangesetDeathTest, HasNoCellWithoutAnObject) {
  Changeset changes;
  EXPECT_DEATH(changes.add_cell(set(0, 1)), "check failed");
}

}  // namespace
}  // namespace odb
