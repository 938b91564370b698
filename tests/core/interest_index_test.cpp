#include "odb/core/interest_index.h"

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "support/changes.h"
#include "support/live_allocations.h"
#include "support/todo_schema.h"

namespace odb {
namespace {

using test::Changes;
using test::kByStatus;
using test::kPerson;
using test::kPoints;
using test::kStatus;
using test::kTask;
using test::number;
using test::task;

constexpr SessionId kAnn{1};
constexpr SessionId kBob{2};
constexpr SubscriptionId kFirst{1};
constexpr SubscriptionId kSecond{2};
constexpr std::uint64_t kMax = ~std::uint64_t{0};

// Whether a session sees an object before and after; merged over its matches.
struct Sight {
  bool before = false;
  bool after = false;
  friend bool operator==(const Sight&, const Sight&) = default;
};
using Sights = std::map<SessionId, Sight>;

void PrintTo(const Sight& sight, std::ostream* out) {
  *out << (sight.before ? "before " : "") << (sight.after ? "after" : "");
}

// Task 1 (status 1), task 2 (status 2) and person 3 exist.
struct InterestIndexTest : ::testing::Test {
  void SetUp() override {
    state.apply_catalog(Version{1}, test::merged({}, test::todo_schema()));
    apply(Changes()
              .create(kTask, 1, task("one", 1))
              .create(kTask, 2, task("two", 2))
              .create(kPerson, 3));
  }
  void apply(const Changeset& changes) { state.apply(next(state.version()), changes); }
  void add(SessionId session, SubscriptionId subscription, const Interest& interest) {
    index.add(session, subscription, interest, Loading::kEager, *state.catalog());
  }
  void add_loaded(SessionId session, SubscriptionId subscription, const Interest& interest) {
    add(session, subscription, interest);
    index.set_loaded(session, subscription);
  }
  // Applies one change of one object and tells who sees it.
  Sights sights_of(const Changeset& changes) {
    const Version before = state.version();
    apply(changes);
    const ObjectChange& change = changes.objects.front();
    std::vector<InterestIndex::Match> matches;
    index.match(state, *state.catalog()->find(change.type), change.object,
                state.find(change.type, change.object, before),
                state.find(change.type, change.object, state.version()), matches);
    Sights sights;
    for (const auto& match : matches) {
      sights[match.session].before |= match.before;
      sights[match.session].after |= match.after;
    }
    return sights;
  }

  static Interest status(std::int64_t value) { return IndexInterest{kByStatus, {number(value)}}; }
  static Changeset update(std::uint64_t object) {
    return Changes().update(kTask, object, {{kPoints, number(9)}});
  }
  static Changeset move(std::uint64_t object, std::int64_t to) {
    return Changes().update(kTask, object, {{kStatus, number(to)}});
  }

  VersionedState state;
  InterestIndex index;
};

constexpr Sight kStays{true, true};
constexpr Sight kEnters{false, true};
constexpr Sight kLeaves{true, false};

TEST_F(InterestIndexTest, TypeInterestSeesItsTypeOnly) {
  add_loaded(kAnn, kFirst, TypeInterest{kTask});
  EXPECT_EQ(sights_of(update(1)), (Sights{{kAnn, kStays}}));
  EXPECT_EQ(sights_of(Changes().create(kTask, 5, task("five", 5))), (Sights{{kAnn, kEnters}}));
  EXPECT_EQ(sights_of(Changes().erase(kTask, 1)), (Sights{{kAnn, kLeaves}}));
  EXPECT_EQ(sights_of(Changes().erase(kPerson, 3)), Sights());
}

TEST_F(InterestIndexTest, SchemaInterestSeesAllItsTypesAndNoOther) {
  state.apply_catalog(Version{3}, test::merged(*state.catalog(),
                                               {"other", {{"Thing", {{"x", Type::text()}}, {}}}}));
  add_loaded(kAnn, kFirst, SchemaInterest{"todo"});
  EXPECT_EQ(sights_of(update(1)), (Sights{{kAnn, kStays}}));
  EXPECT_EQ(sights_of(Changes().erase(kPerson, 3)), (Sights{{kAnn, kLeaves}}));
  EXPECT_EQ(sights_of(Changes().create(TypeId{3}, 9)), Sights());
}

TEST_F(InterestIndexTest, SchemaInterestIsExtendedByNewTypes) {
  add_loaded(kAnn, kFirst, SchemaInterest{"todo"});
  state.apply_catalog(
      Version{3}, test::merged(*state.catalog(), {"todo", {{"Note", {{"x", Type::text()}}, {}}}}));
  EXPECT_EQ(sights_of(Changes().create(TypeId{3}, 9)), Sights());
  index.extend(*state.catalog());
  index.extend(*state.catalog());
  EXPECT_EQ(sights_of(Changes().create(TypeId{3}, 10)), (Sights{{kAnn, kEnters}}));
  EXPECT_EQ(sights_of(update(1)), (Sights{{kAnn, kStays}}));
  index.remove(kAnn, kFirst);
  EXPECT_EQ(sights_of(Changes().create(TypeId{3}, 11)), Sights());
}

TEST_F(InterestIndexTest, ObjectsInterestSeesThoseObjectsEvenBeforeTheyExist) {
  add_loaded(kAnn, kFirst, ObjectsInterest{kTask, {ObjectId{1}, ObjectId{7}, ObjectId{7}}});
  EXPECT_EQ(sights_of(update(1)), (Sights{{kAnn, kStays}}));
  EXPECT_EQ(sights_of(update(2)), Sights());
  EXPECT_EQ(sights_of(Changes().create(kTask, 7, task("seven", 7))), (Sights{{kAnn, kEnters}}));
}

TEST_F(InterestIndexTest, ObjectsInterestDoesNotSeeAnObjectOfAnotherType) {
  add_loaded(kAnn, kFirst, ObjectsInterest{kTask, {ObjectId{3}}});
  EXPECT_EQ(sights_of(Changes().update(kPerson, 3, {{0, Value::text("Bo")}})), Sights());
}

TEST_F(InterestIndexTest, IndexInterestSeesMovesInAndOut) {
  add_loaded(kAnn, kFirst, status(1));
  add_loaded(kBob, kFirst, status(2));
  EXPECT_EQ(sights_of(update(1)), (Sights{{kAnn, kStays}}));
  EXPECT_EQ(sights_of(move(1, 1)), (Sights{{kAnn, kStays}}));
  EXPECT_EQ(sights_of(move(1, 2)), (Sights{{kAnn, kLeaves}, {kBob, kEnters}}));
  EXPECT_EQ(sights_of(move(1, 3)), (Sights{{kBob, kLeaves}}));
  EXPECT_EQ(sights_of(move(1, 4)), Sights());
  EXPECT_EQ(sights_of(Changes().create(kTask, 5, task("five", 1))), (Sights{{kAnn, kEnters}}));
  EXPECT_EQ(sights_of(Changes().erase(kTask, 5)), (Sights{{kAnn, kLeaves}}));
}

TEST_F(InterestIndexTest, IndexInterestSeesOlderObjectsByTheDefaultOfANewField) {
  state.apply_catalog(
      Version{3},
      test::merged(*state.catalog(),
                   {"todo", {{"Task", {{"level", Type::integer()}}, {{"l", {"level"}}}}}}));
  add_loaded(kAnn, kFirst, IndexInterest{IndexId{3}, {number(0)}});
  EXPECT_EQ(sights_of(update(1)), (Sights{{kAnn, kStays}}));
  EXPECT_EQ(sights_of(Changes().update(kTask, 2, {{3, number(1)}})), (Sights{{kAnn, kLeaves}}));
}

TEST_F(InterestIndexTest, OverlappingInterestsOfOneSessionAddUp) {
  add_loaded(kAnn, kFirst, status(1));
  add_loaded(kAnn, kSecond, ObjectsInterest{kTask, {ObjectId{1}}});
  EXPECT_EQ(sights_of(move(1, 5)), (Sights{{kAnn, kStays}})) << "still held by its identity";
  EXPECT_EQ(sights_of(move(2, 1)), (Sights{{kAnn, kEnters}}));
  index.remove(kAnn, kSecond);
  EXPECT_EQ(sights_of(move(1, 6)), Sights());
}

TEST_F(InterestIndexTest, ALoadingInterestCoversOnlyWhatWasSent) {
  add(kAnn, kFirst, TypeInterest{kTask});
  EXPECT_EQ(sights_of(update(1)), Sights());
  index.set_position(kAnn, kFirst, {kTask, ObjectId{1}});
  EXPECT_EQ(sights_of(update(1)), (Sights{{kAnn, kStays}}));
  EXPECT_EQ(sights_of(update(2)), Sights());
  index.set_loaded(kAnn, kFirst);
  EXPECT_EQ(sights_of(update(2)), (Sights{{kAnn, kStays}}));
}

TEST_F(InterestIndexTest, PositionsGoByTypeAndThenByObject) {
  add(kAnn, kFirst, SchemaInterest{"todo"});
  index.set_position(kAnn, kFirst, {kTask, ObjectId{kMax}});
  EXPECT_EQ(sights_of(update(2)), (Sights{{kAnn, kStays}}));
  EXPECT_EQ(sights_of(Changes().update(kPerson, 3, {{0, Value::text("Bo")}})), Sights());
  index.set_position(kAnn, kFirst, {kPerson, ObjectId{2}});
  EXPECT_EQ(sights_of(update(2)), (Sights{{kAnn, kStays}}));
  EXPECT_EQ(sights_of(Changes().update(kPerson, 3, {{0, Value::text("Di")}})), Sights());
}

TEST_F(InterestIndexTest, ALoadingIndexInterestSeesMovesWithinWhatWasSent) {
  add(kAnn, kFirst, status(1));
  index.set_position(kAnn, kFirst, {kTask, ObjectId{1}});
  EXPECT_EQ(sights_of(move(1, 2)), (Sights{{kAnn, kLeaves}}));
  EXPECT_EQ(sights_of(move(1, 1)), (Sights{{kAnn, kEnters}}));
  EXPECT_EQ(sights_of(move(2, 1)), Sights()) << "its turn in the snapshot is still to come";
}

TEST_F(InterestIndexTest, RemovalLeavesNothingBehind) {
  const std::vector<Interest> interests = {
      SchemaInterest{"todo"},
      TypeInterest{kTask},
      status(1),
      status(1),
      status(2),
      ObjectsInterest{kTask, {ObjectId{1}, ObjectId{2}, ObjectId{1}}}};
  const auto add_and_remove_all = [&] {
    std::uint64_t number = 0;
    for (const SessionId session : {kAnn, kBob}) {
      for (const Interest& interest : interests) {
        add_loaded(session, SubscriptionId{++number}, interest);
      }
    }
    EXPECT_FALSE(index.empty());
    number = 0;
    for (const SessionId session : {kAnn, kBob}) {
      for (std::size_t i = 0; i < interests.size(); ++i) {
        index.remove(session, SubscriptionId{++number});
      }
    }
  };
  add_and_remove_all();
  const std::int64_t before = test::live_allocations();
  for (int i = 0; i < 10; ++i) add_and_remove_all();
  EXPECT_EQ(test::live_allocations(), before);
  EXPECT_TRUE(index.empty());
  EXPECT_EQ(sights_of(move(1, 2)), Sights());
  index.remove(kAnn, kFirst);  // unknown: nothing happens
}

TEST_F(InterestIndexTest, RemovalKeepsTheOthers) {
  add_loaded(kAnn, kFirst, status(1));
  add_loaded(kAnn, kSecond, TypeInterest{kTask});
  add_loaded(kBob, kFirst, status(1));
  add_loaded(kBob, kSecond, SchemaInterest{"todo"});
  index.remove(kAnn, kFirst);
  index.remove(kBob, kSecond);
  EXPECT_EQ(sights_of(move(1, 5)), (Sights{{kAnn, kStays}, {kBob, kLeaves}}));
}

// ---- ranges ----

Interest between(std::int64_t low, std::int64_t high) {
  return IndexRangeInterest{{kByStatus, {}, RangeBound{number(low)}, RangeBound{number(high)}}};
}

TEST_F(InterestIndexTest, ARangeSeesWhatMovesInOutAndWithin) {
  add_loaded(kAnn, kFirst, between(1, 5));
  EXPECT_EQ(sights_of(update(1)), (Sights{{kAnn, kStays}}));
  EXPECT_EQ(sights_of(move(1, 5)), (Sights{{kAnn, kStays}}));
  EXPECT_EQ(sights_of(move(1, 6)), (Sights{{kAnn, kLeaves}}));
  EXPECT_EQ(sights_of(move(1, 7)), Sights());
  EXPECT_EQ(sights_of(move(1, 3)), (Sights{{kAnn, kEnters}}));
  index.remove(kAnn, kFirst);
  EXPECT_EQ(sights_of(move(1, 4)), Sights());
  EXPECT_TRUE(index.empty());
}

TEST_F(InterestIndexTest, OverlappingRangesComeAndGoEachForItself) {
  std::mt19937_64 random(11);
  const auto below = [&](std::uint64_t limit) {
    return static_cast<std::int64_t>(random() % limit);
  };
  std::map<SubscriptionId, std::pair<std::int64_t, std::int64_t>> model;
  for (std::uint64_t step = 1; step <= 400; ++step) {
    if (model.size() > 8 || (!model.empty() && below(3) == 0)) {
      const auto at = std::next(model.begin(), below(model.size()));
      index.remove(kAnn, at->first);
      model.erase(at);
    } else {
      const std::pair range(below(10), below(10));  // some of them empty
      const SubscriptionId subscription{step};
      add_loaded(kAnn, subscription, between(range.first, range.second));
      model.emplace(subscription, range);
    }
    const std::int64_t status = below(10);
    const bool expected = std::any_of(model.begin(), model.end(), [&](const auto& held) {
      return held.second.first <= status && status <= held.second.second;
    });
    sights_of(move(1, status));
    EXPECT_EQ(sights_of(update(1)), (expected ? Sights{{kAnn, kStays}} : Sights()))
        << "step " << step << ", status " << status;
  }
}

TEST_F(InterestIndexTest, WhatArrivesInARangeThatIsLoadingIsHandedToItsSnapshot) {
  add(kAnn, kFirst, between(1, 5));
  index.set_position(kAnn, kFirst, {kTask, ObjectId{1}});
  EXPECT_EQ(sights_of(move(1, 4)), (Sights{{kAnn, kStays}})) << "sent before";
  EXPECT_EQ(sights_of(move(2, 9)), Sights());
  EXPECT_TRUE(index.take_arrivals(kAnn, kFirst).empty());
  EXPECT_EQ(sights_of(move(2, 3)), Sights()) << "beyond the position: its piece will show it";
  EXPECT_EQ(index.take_arrivals(kAnn, kFirst), (boost::unordered_flat_set<ObjectId>{ObjectId{2}}));
  EXPECT_TRUE(index.take_arrivals(kAnn, kFirst).empty());
}

// ---- what a session created ----

TEST_F(InterestIndexTest, WhatASessionCreatedIsItsOwnToSee) {
  index.add_created(kAnn, ObjectId{1});
  EXPECT_TRUE(index.has_created(kAnn, ObjectId{1}));
  EXPECT_FALSE(index.has_created(kBob, ObjectId{1}));
  EXPECT_EQ(sights_of(update(1)), (Sights{{kAnn, kStays}}));
  EXPECT_EQ(sights_of(update(2)), Sights());
  index.remove_created(ObjectId{1});
  EXPECT_EQ(sights_of(update(1)), Sights());
  EXPECT_TRUE(index.empty());
}

TEST_F(InterestIndexTest, WhoCreatedWhatIsKnownWhateverTheOrder) {
  std::map<std::uint64_t, SessionId> expected;
  std::mt19937_64 random(7);
  for (int i = 0; i < 5'000; ++i) {
    const std::uint64_t first = 1 + random() % 200;
    const SessionId session = random() % 2 == 0 ? kAnn : kBob;
    const std::uint64_t end = first + random() % 6;
    for (std::uint64_t object = first; object < end; ++object) {
      index.add_created(session, ObjectId{object});
      expected.try_emplace(object, session);
    }
    const std::uint64_t gone = first + random() % 6;
    if (random() % 2 == 0) {
      index.remove_created(ObjectId{gone});
      expected.erase(gone);
    }
    if (i % 1'000 == 999) {
      index.remove(kBob);
      std::erase_if(expected, [](const auto& entry) { return entry.second == kBob; });
    }
    for (std::uint64_t object = first; object < first + 8; ++object) {
      const auto found = expected.find(object);
      ASSERT_EQ(index.has_created(kAnn, ObjectId{object}),
                found != expected.end() && found->second == kAnn);
      ASSERT_EQ(index.has_created(kBob, ObjectId{object}),
                found != expected.end() && found->second == kBob);
    }
  }
}

TEST_F(InterestIndexTest, WhatASessionThatLeftHadCreatedIsForgotten) {
  index.add_created(kAnn, ObjectId{1});
  index.add_created(kAnn, ObjectId{2});
  index.add_created(kBob, ObjectId{3});
  add_loaded(kAnn, kFirst, TypeInterest{kTask});
  index.remove(kAnn);
  EXPECT_FALSE(index.has_created(kAnn, ObjectId{1}));
  EXPECT_EQ(sights_of(update(1)), Sights());
  EXPECT_TRUE(index.has_created(kBob, ObjectId{3}));
}

}  // namespace
}  // namespace odb
