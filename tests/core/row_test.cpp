#include "odb/core/row.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "support/changes.h"
#include "support/live_allocations.h"
#include "support/random_value.h"

namespace odb {
namespace {

using test::number;

TEST(Row, IsCreatedWithAllFieldsNoneAndAllWritten) {
  const Row::Owner row = Row::create(Row::Kind::kCreated, Version{7}, 3);
  EXPECT_EQ(row->version(), Version{7});
  EXPECT_EQ(row->kind(), Row::Kind::kCreated);
  EXPECT_EQ(row->previous(), nullptr);
  ASSERT_EQ(row->fields().size(), 3u);
  for (const Value& value : row->fields()) EXPECT_TRUE(value.is_none());
  for (std::uint32_t field = 0; field < 3; ++field) EXPECT_TRUE(row->wrote(FieldId{field}));
}

TEST(Row, RemembersWhichFieldsWereSet) {
  const Row::Owner row = Row::create(Row::Kind::kUpdated, Version{1}, 3);
  row->set(FieldId{1}, number(5));
  EXPECT_FALSE(row->wrote(FieldId{0}));
  EXPECT_TRUE(row->wrote(FieldId{1}));
  EXPECT_FALSE(row->wrote(FieldId{2}));
  EXPECT_EQ(row->fields()[1], number(5));
}

TEST(Row, HasNotWrittenFieldsThatItLacks) {
  const Row::Owner row = Row::create(Row::Kind::kCreated, Version{1}, 1);
  row->set(FieldId{0}, number(1));
  EXPECT_FALSE(row->wrote(FieldId{1}));
  EXPECT_FALSE(row->wrote(FieldId{64}));
  EXPECT_FALSE(row->wrote(FieldId{4095}));
}

TEST(Row, OfADeletionHasNoFields) {
  const Row::Owner row = Row::create(Row::Kind::kDeleted, Version{9}, 0);
  EXPECT_TRUE(row->deleted());
  EXPECT_TRUE(row->fields().empty());
  EXPECT_FALSE(row->wrote(FieldId{0}));
}

TEST(Row, UpdateKeepsTheFieldsWidensAndForgetsWhatWasWritten) {
  const Row::Owner base = Row::create(Row::Kind::kCreated, Version{1}, 2);
  base->set(FieldId{0}, Value::text("a text that does not fit inline"));
  base->set(FieldId{1}, number(2));
  const Row::Owner row = Row::update(*base, Version{2}, 4);
  EXPECT_EQ(row->kind(), Row::Kind::kUpdated);
  EXPECT_EQ(row->version(), Version{2});
  ASSERT_EQ(row->fields().size(), 4u);
  EXPECT_EQ(row->fields()[0], base->fields()[0]);
  EXPECT_EQ(row->fields()[1], number(2));
  EXPECT_TRUE(row->fields()[2].is_none());
  for (std::uint32_t field = 0; field < 4; ++field) EXPECT_FALSE(row->wrote(FieldId{field}));
}

// Around the words of the mask, for every width.
TEST(Row, MaskAgreesWithAModelForAllWidths) {
  const std::uint64_t seed = test::random_seed();
  SCOPED_TRACE("ODB_TEST_SEED=" + std::to_string(seed));
  test::Random random(seed);
  for (const std::uint32_t width : {1u, 2u, 63u, 64u, 65u, 127u, 128u, 129u, 200u, 4096u}) {
    const Row::Owner row = Row::create(Row::Kind::kUpdated, Version{1}, width);
    std::vector<bool> written(width);
    std::vector<Value> values(width);
    for (std::uint32_t i = 0; i < width; ++i) {
      const auto field = static_cast<std::uint32_t>(test::below(random, width));
      written[field] = true;
      values[field] = test::random_value(random, 1);
      row->set(FieldId{field}, values[field]);
    }
    for (std::uint32_t field = 0; field < width; ++field) {
      ASSERT_EQ(row->wrote(FieldId{field}), written[field]) << field << " of " << width;
      ASSERT_EQ(row->fields()[field], values[field]) << field << " of " << width;
    }
  }
}

TEST(Row, KeepsWhatItIsWhenItsPreviousRowChanges) {
  const Row::Owner older = Row::create(Row::Kind::kCreated, Version{1}, 4096);
  const Row::Owner row = Row::create(Row::Kind::kUpdated, Version{2}, 4096, Row::Extent::kPartial);
  row->set_previous(older.get());
  EXPECT_EQ(row->previous(), older.get());
  EXPECT_EQ(row->kind(), Row::Kind::kUpdated);
  EXPECT_EQ(row->extent(), Row::Extent::kPartial);
  EXPECT_EQ(row->fields().size(), 4096u);
  row->set_previous(nullptr);
  EXPECT_EQ(row->previous(), nullptr);
  EXPECT_EQ(row->kind(), Row::Kind::kUpdated);
  EXPECT_EQ(row->extent(), Row::Extent::kPartial);
  EXPECT_EQ(row->fields().size(), 4096u);
}

TEST(Row, GivesBackAllMemory) {
  const std::int64_t before = test::live_allocations();
  {
    const Row::Owner base = Row::create(Row::Kind::kCreated, Version{1}, 70);
    base->set(FieldId{69}, Value::text("a text that does not fit inline"));
    const Row::Owner row = Row::update(*base, Version{2}, 80);
    EXPECT_EQ(test::live_allocations(), before + 3);  // two rows, one shared block
  }
  EXPECT_EQ(test::live_allocations(), before);
}

}  // namespace
}  // namespace odb
