#include "odb/core/versioned_state.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "support/changes.h"
#include "support/live_allocations.h"
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
using test::number;
using test::task;

Version v(std::uint64_t version) { return Version{version}; }

// Version 1 is the schema.
struct VersionedStateTest : ::testing::Test {
  void SetUp() override { state.apply_catalog(v(1), test::merged({}, test::todo_schema())); }

  void apply(const Changeset& changes) { state.apply(next(state.version()), changes); }
  std::optional<std::int64_t> points(std::uint64_t object, std::uint64_t version) const {
    const Row* row = state.find(kTask, ObjectId{object}, v(version));
    if (row == nullptr) return std::nullopt;
    return row->fields()[kPoints].as_int();
  }
  std::vector<std::uint64_t> with_status(std::int64_t status, std::uint64_t version) const {
    std::vector<std::uint64_t> out;
    const IndexTable& entries = *state.entries(kByStatus);
    for (const auto* entry = entries.find(key({number(status)}), ObjectId{}, v(version));
         entry != nullptr; entry = IndexTable::next(entry, v(version))) {
      out.push_back(entry->object().value);
    }
    return out;
  }

  VersionedState state;
};

using Objects = std::vector<std::uint64_t>;

TEST_F(VersionedStateTest, ReadsEveryVersion) {
  apply(Changes().create(kTask, 1, task("a", 0, 10)));
  apply(Changes().update(kTask, 1, {{kPoints, number(20)}}));
  apply(Changes().erase(kTask, 1));
  EXPECT_EQ(points(1, 1), std::nullopt);
  EXPECT_EQ(points(1, 2), 10);
  EXPECT_EQ(points(1, 3), 20);
  EXPECT_EQ(points(1, 4), std::nullopt);
}

TEST_F(VersionedStateTest, FieldsThatACreationOmitsHaveTheirDefaults) {
  apply(Changes().create(kTask, 1, {{kStatus, number(4)}}));
  const Row* row = state.find(kTask, ObjectId{1}, v(2));
  ASSERT_NE(row, nullptr);
  EXPECT_EQ(row->fields()[0], Value::text(""));
  EXPECT_EQ(row->fields()[1], number(4));
  EXPECT_EQ(row->fields()[2], number(0));
}

TEST_F(VersionedStateTest, KnowsNothingOfUnknownTypesAndIndexes) {
  EXPECT_EQ(state.find(TypeId{77}, ObjectId{1}, v(1)), nullptr);
  EXPECT_EQ(state.objects(TypeId{77}), nullptr);
  EXPECT_EQ(state.objects(TypeId{~0u}), nullptr);
  EXPECT_EQ(state.entries(IndexId{~0u}), nullptr);
  EXPECT_EQ(state.membership_modified(TypeId{77}), Version{});
  EXPECT_EQ(state.index_modified(IndexId{77}, "k"), std::nullopt);
}

TEST_F(VersionedStateTest, HasRoomForEveryIndexThatTheCatalogMayNumber) {
  const auto last = static_cast<std::uint32_t>(kTypesMax * kIndexesMax);
  CatalogType type = *state.catalog()->find(kPerson);
  type.indexes.push_back({IndexId{last}, kPerson, "name", {FieldId{0}}, Uniqueness::kMany});
  auto wider = state.catalog()->with({type});
  if (!wider) return;  // the catalog sets a lower limit itself
  apply(Changes().create(kPerson, 1));
  state.apply_catalog(v(3), std::make_shared<const Catalog>(*std::move(wider)));
  EXPECT_NE(state.entries(IndexId{last})->find(key({Value::text("")}), ObjectId{}, v(3)), nullptr);
}

TEST_F(VersionedStateTest, IndexesFollowTheirFields) {
  apply(Changes().create(kTask, 1, task("a", 7)).create(kTask, 2, task("b", 7)));
  apply(Changes().update(kTask, 1, {{kStatus, number(8)}}));
  apply(Changes().update(kTask, 2, {{kPoints, number(1)}}));
  apply(Changes().erase(kTask, 2));
  EXPECT_EQ(with_status(7, 2), (Objects{1, 2}));
  EXPECT_EQ(with_status(7, 3), Objects{2});
  EXPECT_EQ(with_status(8, 3), Objects{1});
  EXPECT_EQ(with_status(7, 4), Objects{2});
  EXPECT_EQ(with_status(7, 5), Objects());
  EXPECT_EQ(state.index_modified(kByStatus, key({number(7)})), v(5));
  EXPECT_EQ(state.index_modified(kByStatus, key({number(8)})), v(3));
  EXPECT_EQ(state.index_modified(kByStatus, key({number(9)})), std::nullopt);
}

TEST_F(VersionedStateTest, AnUpdateThatKeepsTheKeyDoesNotModifyTheIndex) {
  apply(Changes().create(kTask, 1, task("a", 7)));
  apply(Changes().update(kTask, 1, {{kStatus, number(7)}}));
  EXPECT_EQ(state.index_modified(kByStatus, key({number(7)})), v(2));
}

TEST_F(VersionedStateTest, MembershipIsModifiedByCreationAndDeletionOnly) {
  EXPECT_EQ(state.membership_modified(kTask), Version{});
  apply(Changes().create(kTask, 1, task("a", 0)));
  apply(Changes().update(kTask, 1, {{kPoints, number(1)}}));
  EXPECT_EQ(state.membership_modified(kTask), v(2));
  apply(Changes().erase(kTask, 1));
  EXPECT_EQ(state.membership_modified(kTask), v(4));
  EXPECT_EQ(state.membership_modified(kPerson), Version{});
  state.trim_to(v(4));
  EXPECT_EQ(state.membership_modified(kTask), v(4)) << "needs no history";
}

TEST_F(VersionedStateTest, NewFieldsHaveTheirDefaultsInOlderObjectsAtOnce) {
  apply(Changes().create(kTask, 1, task("a", 0)));
  state.apply_catalog(
      v(3),
      test::merged(*state.catalog(), {"todo", {{"Task", {{"tags", Type::list(Type::text())}}}}}));
  const CatalogType& type = *state.catalog()->find(kTask);
  EXPECT_EQ(VersionedState::field_of(type, *state.find(kTask, ObjectId{1}, v(3)), FieldId{3}),
            Value::list({}));
  apply(Changes().update(kTask, 1, {{kPoints, number(5)}}));
  EXPECT_EQ(state.find(kTask, ObjectId{1}, v(4))->fields()[3], Value::list({}));
  EXPECT_EQ(state.find(kTask, ObjectId{1}, v(2))->fields().size(), 3u);
}

TEST_F(VersionedStateTest, ANewIndexHoldsWhatExistsFromItsVersionOn) {
  apply(Changes().create(kTask, 1, task("a", 0, 5)).create(kTask, 2, task("b", 0, 5)));
  apply(Changes().erase(kTask, 2));
  state.apply_catalog(
      v(4),
      test::merged(*state.catalog(),
                   {"todo", {{"Task", {{"points", Type::integer()}}, {{"points", {"points"}}}}}}));
  const IndexTable& entries = *state.entries(IndexId{3});
  const auto* found = entries.find(key({number(5)}), ObjectId{}, v(4));
  ASSERT_NE(found, nullptr);
  EXPECT_EQ(found->object(), ObjectId{1});
  EXPECT_EQ(IndexTable::next(found, v(4)), nullptr);
  EXPECT_EQ(entries.find(key({number(5)}), ObjectId{}, v(3)), nullptr);
}

TEST_F(VersionedStateTest, RollbackUndoesObjectsIndexesMembershipAndCatalog) {
  apply(Changes().create(kTask, 1, task("a", 7, 1)));
  const auto catalog = state.catalog();
  apply(Changes().update(kTask, 1, {{kStatus, number(8)}}).create(kTask, 2, task("b", 7)));
  state.apply_catalog(
      v(4), test::merged(*catalog,
                         {"todo", {{"Task", {{"points", Type::integer()}}, {{"p", {"points"}}}}}}));
  apply(Changes().erase(kTask, 1));
  state.rollback_to(v(2));
  EXPECT_EQ(state.version(), v(2));
  EXPECT_EQ(state.catalog(), catalog);
  EXPECT_EQ(points(1, 2), 1);
  EXPECT_EQ(state.objects(kTask)->newest(ObjectId{2}), nullptr);
  EXPECT_EQ(with_status(7, 2), Objects{1});
  EXPECT_EQ(with_status(8, 2), Objects());
  EXPECT_EQ(state.membership_modified(kTask), v(2));
  EXPECT_EQ(state.index_modified(kByStatus, key({number(7)})), v(2));
  EXPECT_EQ(state.index_modified(kByStatus, key({number(8)})), std::nullopt);
}

TEST_F(VersionedStateTest, PinsHoldTheHorizonBack) {
  apply(Changes().create(kTask, 1, task("a", 0, 10)));
  apply(Changes().update(kTask, 1, {{kPoints, number(20)}}));
  apply(Changes().update(kTask, 1, {{kPoints, number(30)}}));
  {
    const auto pin = state.pin(v(3));
    auto older = state.pin(v(2));
    state.trim_to(v(4));
    EXPECT_EQ(state.horizon(), v(2));
    EXPECT_EQ(points(1, 2), 10);
    older = {};
    state.trim_to(v(4));
    EXPECT_EQ(state.horizon(), v(3));
    EXPECT_EQ(points(1, 3), 20);
  }
  state.trim_to(v(4));
  EXPECT_EQ(state.horizon(), v(4));
  EXPECT_EQ(points(1, 4), 30);
  EXPECT_EQ(state.find(kTask, ObjectId{1}, v(4))->previous(), nullptr);
  EXPECT_EQ(state.journal_size(), 0u);
}

TEST_F(VersionedStateTest, TrimNeverPassesTheNewestAndNeverGoesBack) {
  apply(Changes().create(kTask, 1, task("a", 0)));
  state.trim_to(v(100));
  EXPECT_EQ(state.horizon(), v(2));
  state.trim_to(v(1));
  EXPECT_EQ(state.horizon(), v(2));
}

TEST_F(VersionedStateTest, RollbackOfARecreationLeavesNothingOfTheTrimmedDeletion) {
  apply(Changes().create(kTask, 1, task("a", 0)));
  apply(Changes().erase(kTask, 1));
  apply(Changes().create(kTask, 1, task("b", 0)));
  state.trim_to(v(3));
  state.rollback_to(v(3));
  EXPECT_EQ(state.objects(kTask)->newest(ObjectId{1}), nullptr);
  EXPECT_EQ(points(1, 3), std::nullopt);
}

TEST_F(VersionedStateTest, GivesBackTheMemoryOfWhatIsGone) {
  // Once up and down, so that what containers keep for later is there.
  const auto fill_and_empty = [this] {
    for (std::uint64_t object = 1; object <= 3000; ++object) {
      apply(Changes().create(kTask, object * 64, task(std::string(20, 't'), 1)));
    }
    for (std::uint64_t object = 1; object <= 3000; ++object) {
      apply(Changes().update(kTask, object * 64, {{kPoints, number(7)}}));
      apply(Changes().erase(kTask, object * 64));
    }
    state.trim_to(state.version());
  };
  fill_and_empty();
  const std::int64_t before = test::live_allocations();
  fill_and_empty();
  EXPECT_NEAR(static_cast<double>(test::live_allocations()), static_cast<double>(before), 20);
  EXPECT_EQ(state.objects(kTask)->find_from(ObjectId{1}).newest, nullptr);
}

TEST(VersionedStateOfAClient, AdoptsRowsAndTrimsWithoutRollback) {
  VersionedState state(VersionedState::Journal::kTrimOnly);
  state.apply_catalog(v(1), test::merged({}, test::todo_schema()));
  state.begin_step(v(2));
  for (std::uint64_t object = 1; object < 4; ++object) {
    Row::Owner row = Row::create(Row::Kind::kCreated, v(99), 3);
    row->mutable_fields()[kStatus] = number(7);
    state.adopt(kTask, ObjectId{object}, std::move(row));
  }
  EXPECT_EQ(state.journal_size(), 0u) << "nothing behind first rows";
  EXPECT_EQ(state.find(kTask, ObjectId{1}, v(2))->version(), v(2));
  EXPECT_EQ(state.find(kTask, ObjectId{1}, v(1)), nullptr);
  state.apply(v(3), Changes().update(kTask, 1, {{kStatus, number(8)}}).erase(kTask, 2));
  state.apply(v(4), Changes()
                        .add(ObjectChange::Kind::kLeave, kTask, 3, {})
                        .add(ObjectChange::Kind::kEnter, kTask, 2, {{kStatus, number(1)}}));
  EXPECT_EQ(state.find(kTask, ObjectId{3}, v(4)), nullptr);
  EXPECT_NE(state.find(kTask, ObjectId{3}, v(3)), nullptr);
  EXPECT_EQ(state.find(kTask, ObjectId{2}, v(3)), nullptr);
  EXPECT_EQ(state.find(kTask, ObjectId{2}, v(4))->fields()[kStatus], number(1));
  state.trim_to(v(4));
  EXPECT_EQ(state.journal_size(), 0u);
  EXPECT_EQ(state.objects(kTask)->newest(ObjectId{3}), nullptr);
  EXPECT_EQ(state.entries(kByStatus)->find(key({number(7)}), ObjectId{}, v(4)), nullptr);
  EXPECT_EQ(state.entries(kByStatus)->find(key({number(8)}), ObjectId{}, v(4))->object(),
            ObjectId{1});
}

}  // namespace
}  // namespace odb
