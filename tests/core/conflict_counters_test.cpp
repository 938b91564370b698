#include "odb/core/conflict_counters.h"

#include <gtest/gtest.h>

#include <vector>

#include "support/changes.h"
#include "support/todo_schema.h"

namespace odb {
namespace {

using test::kByStatus;
using test::kPerson;
using test::kTask;

Catalog catalog() { return *test::merged({}, test::todo_schema()); }

ConflictKey points_of(std::uint64_t object) {
  return CellRead{kTask, FieldId{test::kPoints}, ObjectId{object}};
}

TEST(ConflictCounters, CountByTypeFieldAndIndexTheMostFrequentFirst) {
  ConflictCounters counters;
  for (std::uint64_t object = 1; object <= 3; ++object) counters.add(points_of(object));
  counters.add(IndexRead{kByStatus, "one"});
  counters.add(IndexRead{kByStatus, "another"});
  counters.add(IndexRangeRead{kByStatus, "a", "b"});
  counters.add(ExistenceRead{kTask, ObjectId{1}});
  counters.add(MembershipRead{kPerson});

  const TypeName task{"todo", "Task"};
  const std::vector<ConflictCount> expected{
      {ConflictKind::kField, task, "points", 3},
      {ConflictKind::kIndex, task, "status", 2},
      {ConflictKind::kMembership, {"todo", "Person"}, "", 1},
      {ConflictKind::kExistence, task, "", 1},
      {ConflictKind::kRange, task, "status", 1},
  };
  EXPECT_EQ(counters.counts(catalog()), expected);
}

TEST(ConflictCounters, CountWhatIsBeyondTheirLimitTogether) {
  ConflictCounters counters(2);
  counters.add(points_of(1));
  counters.add(MembershipRead{kTask});
  for (int i = 0; i < 5; ++i) counters.add(MembershipRead{kPerson});
  counters.add(ExistenceRead{kTask, ObjectId{1}});
  counters.add(points_of(2));  // has its place

  const std::vector<ConflictCount> counts = counters.counts(catalog());
  ASSERT_EQ(counts.size(), 3u);
  EXPECT_EQ(counts[0], (ConflictCount{ConflictKind::kElsewhere, {}, "", 6}));
  EXPECT_EQ(counts[1].count, 2u);
  EXPECT_EQ(to_string(counts[0]), "elsewhere: 6");
}

TEST(ConflictCounters, NameWhatTheCatalogDoesNotKnowByItsNumber) {
  ConflictCounters counters;
  counters.add(IndexRead{IndexId{77}, "key"});
  counters.add(CellRead{TypeId{78}, FieldId{79}, ObjectId{1}});
  const std::vector<ConflictCount> counts = counters.counts(Catalog());
  ASSERT_EQ(counts.size(), 2u);
  EXPECT_EQ(counts[0].name, "77");
  EXPECT_EQ(counts[1].type.type, "78");
  EXPECT_EQ(counts[1].name, "79");
}

TEST(ConflictCounters, ReadAsSentences) {
  const TypeName task{"todo", "Task"};
  EXPECT_EQ(to_string(ConflictCount{ConflictKind::kField, task, "points", 3}),
            "todo.Task.points (field): 3");
  EXPECT_EQ(to_string(ConflictCount{ConflictKind::kMembership, task, "", 1}),
            "todo.Task (membership): 1");
}

}  // namespace
}  // namespace odb
