// The database of the golden files of each durable store: made in two parts, and read for ever.
#pragma once

#include <gtest/gtest.h>

#include <vector>

#include "every_value.h"
#include "store_run.h"
#include "support/changes.h"

namespace odb::test {

inline constexpr HistoryId kGoldenHistory{0x0123456789ABCDEF, 0xFEDCBA9876543210};

// Objects with a value of every kind.
inline void write_golden_objects(StoreRun& run) {
  constexpr TypeId kThing{1};
  ASSERT_TRUE(run.reserve(ObjectId{1'000'000}));
  run.define(every_kind_schema());
  run.commit(Changes().create(kThing, 1, every_cell()));
  run.commit(Changes().create(kThing, 2, every_cell()));
  run.commit(Changes().update(kThing, 2, {{2, number(77)}}));
}

// A schema that grows, and an object that comes and goes.
inline void write_golden_growth(StoreRun& run) {
  constexpr TypeId kThing{1};
  run.define({"all", {{"Thing", {{"late", Type::text()}}, {{"int", {"int"}}}}}});
  run.commit(Changes().create(kThing, 3, every_cell()));
  run.commit(Changes().erase(kThing, 3));
}

// All of that is there, and it goes on.
inline void expect_golden(StoreRun& run) {
  constexpr TypeId kThing{1};
  ASSERT_FALSE(run.error) << run.error->message;
  EXPECT_EQ(run.database->history, kGoldenHistory) << "it ended in an orderly way";
  EXPECT_EQ(run.version(), Version{7});
  EXPECT_EQ(run.ids_below, ObjectId{1'000'000});
  std::vector<Value> first = every_value();
  first.push_back(Value::text(""));
  EXPECT_EQ(run.fields(kThing, 1), first);
  std::vector<Value> second = first;
  second[2] = number(77);
  EXPECT_EQ(run.fields(kThing, 2), second);
  EXPECT_TRUE(run.fields(kThing, 3).empty());
  const VersionedState& state = run.database->state;
  const CatalogIndex* index = state.catalog()->find(kThing)->find_index("int");
  ASSERT_NE(index, nullptr);
  EXPECT_NE(state.entries(index->id)->find(key({number(77)}), ObjectId{}, Version{7}), nullptr);
  EXPECT_EQ(run.database->outcomes.find(StoreRun::origin(1).client)->accepted.size(), 5u);
  run.sequence = 10;
  run.commit(Changes().update(kThing, 1, {{2, number(78)}}));
  EXPECT_TRUE(run.settle());
}

}  // namespace odb::test
