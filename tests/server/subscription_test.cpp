// What subscribers are sent: refusals, snapshots, deltas, and who is too slow.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "test_cluster.h"

namespace odb::server {
namespace {

using test::Changes;
using test::kByStatus;
using test::kPerson;
using test::kPoints;
using test::kStatus;
using test::kTask;
using test::kTitle;
using test::number;
using test::task;
using test::TestClient;
using test::TestServer;

constexpr TypeId kUnknownTypeId{99};

// Ann writes, Bob subscribes. Task 1 (status 1), task 2 (status 2), person 3 exist at version 2.
struct SubscriptionTest : ::testing::Test {
  explicit SubscriptionTest(Limits limits = {}) : server(limits), ann(server), bob(server) {
    ann.open();
    bob.open(test::kBobsToken);
    ann.define(test::todo_schema());
    write(Changes()
              .create(kTask, 1, task("one", 1))
              .create(kTask, 2, task("two", 2))
              .create(kPerson, 3, {{0, Value::text("Cy")}}));
  }
  Version write(const Changeset& changes) {
    ann.commit(changes);
    return ann.expect_accepted();
  }
  static Changeset move(std::uint64_t object, std::int64_t status) {
    return Changes().update(kTask, object, {{kStatus, number(status)}});
  }
  static Interest status(std::int64_t value) { return IndexInterest{kByStatus, {number(value)}}; }

  TestServer server;
  TestClient ann;
  TestClient bob;
};

// ---- refusals ----

TEST_F(SubscriptionTest, ToWhatDoesNotExistIsRefused) {
  const std::vector<std::pair<Interest, ErrorCode>> cases = {
      {SchemaInterest{"nothing"}, ErrorCode::kUnknownSchema},
      {SchemaInterest{""}, ErrorCode::kUnknownSchema},
      {TypeInterest{kUnknownTypeId}, ErrorCode::kUnknownType},
      {TypeInterest{TypeId{0}}, ErrorCode::kUnknownType},
      {ObjectsInterest{kUnknownTypeId, {ObjectId{1}}}, ErrorCode::kUnknownType},
      {IndexInterest{IndexId{99}, {number(1)}}, ErrorCode::kUnknownIndex},
      {IndexInterest{IndexId{0}, {number(1)}}, ErrorCode::kUnknownIndex},
      {IndexInterest{kByStatus, {}}, ErrorCode::kWrongType},
      {IndexInterest{kByStatus, {number(1), number(2)}}, ErrorCode::kWrongType},
      {IndexInterest{kByStatus, {Value::text("1")}}, ErrorCode::kWrongType}};
  for (const auto& [interest, code] : cases) {
    bob.send(Subscribe{SubscriptionId{7}, interest});
    const auto refused = bob.expect<RequestRefused>();
    EXPECT_EQ(refused.error.code, code) << refused.error.message;
    EXPECT_EQ(std::get<SubscriptionId>(refused.about), SubscriptionId{7});
    bob.expect_nothing();
  }
  EXPECT_FALSE(bob.session().has_snapshots());
  EXPECT_EQ(bob.subscribe(7, TypeInterest{kTask}).size(), 1u) << "the number is still free";
}

TEST_F(SubscriptionTest, ANumberInUseIsRefused) {
  bob.subscribe(1, TypeInterest{kTask});
  bob.send(Subscribe{SubscriptionId{1}, TypeInterest{kPerson}});
  EXPECT_EQ(bob.expect_refused().code, ErrorCode::kUnexpectedMessage);
  write(Changes().update(kPerson, 3, {{0, Value::text("Di")}}));
  bob.expect_nothing();
}

struct FewSubscriptions : SubscriptionTest {
  FewSubscriptions()
      : SubscriptionTest([] {
          Limits limits;
          limits.subscriptions_per_session_max = 2;
          return limits;
        }()) {}
};

TEST_F(FewSubscriptions, MoreAreRefused) {
  bob.subscribe(1, TypeInterest{kTask});
  bob.subscribe(2, TypeInterest{kPerson});
  bob.send(Subscribe{SubscriptionId{3}, SchemaInterest{"todo"}});
  EXPECT_EQ(bob.expect_refused().code, ErrorCode::kTooManySubscriptions);
  EXPECT_EQ(ann.subscribe(1, TypeInterest{kTask}).size(), 1u);
}

// ---- snapshots ----

TEST_F(SubscriptionTest, ToASchemaTellsItsTypesThenTheRowsThenThatAllIsLoaded) {
  bob.send(Subscribe{SubscriptionId{4}, SchemaInterest{"todo"}});
  const SchemaDefined told = bob.expect<SchemaDefined>();
  EXPECT_EQ(told.request, RequestId{});
  EXPECT_EQ(told.types.size(), 2u);
  bob.expect_nothing();
  bob.load();
  const SnapshotChunk tasks = bob.expect<SnapshotChunk>();
  EXPECT_EQ(tasks.subscription, SubscriptionId{4});
  EXPECT_EQ(tasks.version, Version{2});
  EXPECT_EQ(tasks.rows.type, kTask);
  EXPECT_EQ(tasks.rows.field_count, 3u);
  EXPECT_EQ(tasks.rows.objects, (std::vector<ObjectId>{ObjectId{1}, ObjectId{2}}));
  EXPECT_EQ(tasks.rows.values, (std::vector<Value>{Value::text("one"), number(1), number(0),
                                                   Value::text("two"), number(2), number(0)}));
  EXPECT_EQ(bob.expect<SnapshotChunk>().rows.objects, std::vector<ObjectId>{ObjectId{3}});
  const SubscriptionLoaded loaded = bob.expect<SubscriptionLoaded>();
  EXPECT_EQ(loaded.subscription, SubscriptionId{4});
  EXPECT_EQ(loaded.version, Version{2});
  bob.expect_nothing();
}

TEST_F(SubscriptionTest, EachKindOfInterestGetsItsObjects) {
  EXPECT_EQ(bob.subscribe(1, status(2)).at(0).rows.objects, std::vector<ObjectId>{ObjectId{2}});
  EXPECT_EQ(bob.subscribe(2, ObjectsInterest{kTask, {ObjectId{2}, ObjectId{9}, ObjectId{2}}})
                .at(0)
                .rows.objects,
            std::vector<ObjectId>{ObjectId{2}});
  EXPECT_EQ(bob.subscribe(3, TypeInterest{kPerson}).at(0).rows.objects,
            std::vector<ObjectId>{ObjectId{3}});
  EXPECT_TRUE(bob.subscribe(4, status(77)).empty());
  EXPECT_TRUE(bob.subscribe(5, ObjectsInterest{kTask, {ObjectId{3}}}).empty()) << "no task";
  EXPECT_TRUE(bob.subscribe(6, ObjectsInterest{kTask, {}}).empty());
  EXPECT_FALSE(bob.session().has_snapshots());
}

TEST_F(SubscriptionTest, OfATypeTellsWhatIsAddedToItBeforeAnyObject) {
  bob.send(Subscribe{SubscriptionId{1}, TypeInterest{kTask}});
  EXPECT_EQ(bob.expect<SchemaDefined>().types.size(), 2u);
  bob.load();
  bob.expect<SnapshotChunk>();
  bob.expect<SubscriptionLoaded>();
  ann.define({"todo", {{"Task", {{"level", Type::integer()}}}}});
  write(Changes().update(kTask, 1, {{3, number(5)}}));
  EXPECT_EQ(bob.expect<SchemaDefined>().types.at(0).fields.size(), 4u);
  EXPECT_EQ(bob.expect<Delta>().changes.cells.at(0).field, FieldId{3});
}

// ---- deltas ----

TEST_F(SubscriptionTest, ADeltaHoldsTheActorAndOnlyWhatTheSubscriberSees) {
  bob.subscribe(1, TypeInterest{kTask});
  write(Changes()
            .update(kPerson, 3, {{0, Value::text("Di")}})
            .update(kTask, 1, {{kPoints, number(4)}})
            .erase(kTask, 2));
  const Delta delta = bob.expect<Delta>();
  EXPECT_EQ(delta.version, Version{3});
  EXPECT_EQ(delta.actor, "ann");
  EXPECT_EQ(delta.changes,
            Changeset(Changes().update(kTask, 1, {{kPoints, number(4)}}).erase(kTask, 2)));
  write(Changes().update(kPerson, 3, {{0, Value::text("Ed")}}));
  bob.expect_nothing();
}

TEST_F(SubscriptionTest, MovesIntoAnIndexArriveCompleteAndMovesOutLeave) {
  bob.subscribe(1, status(1));
  write(move(2, 1));
  EXPECT_EQ(bob.expect<Delta>().changes,
            Changeset(Changes().add(ObjectChange::Kind::kEnter, kTask, 2, task("two", 1))));
  write(Changes().update(kTask, 2, {{kPoints, number(3)}}));
  EXPECT_EQ(bob.expect<Delta>().changes,
            Changeset(Changes().update(kTask, 2, {{kPoints, number(3)}})));
  write(move(2, 5));
  EXPECT_EQ(bob.expect<Delta>().changes,
            Changeset(Changes().add(ObjectChange::Kind::kLeave, kTask, 2, {})));
  write(move(2, 6));
  bob.expect_nothing();
  write(Changes().create(kTask, 7, {{kTitle, Value::text("new")}, {kStatus, number(1)}}));
  EXPECT_EQ(bob.expect<Delta>().changes.objects.at(0).kind, ObjectChange::Kind::kCreate);
  write(Changes().erase(kTask, 7));
  EXPECT_EQ(bob.expect<Delta>().changes.objects.at(0).kind, ObjectChange::Kind::kDelete);
}

TEST_F(SubscriptionTest, AnObjectThatMovesBetweenTwoOfItsInterestsJustChanges) {
  bob.subscribe(1, status(1));
  bob.subscribe(2, status(2));
  write(move(1, 2));
  EXPECT_EQ(bob.expect<Delta>().changes, move(1, 2));
  bob.expect_nothing();
}

TEST_F(SubscriptionTest, SessionsThatSeeTheSameShareTheBytes) {
  TestClient third(server);
  third.open();
  bob.subscribe(1, TypeInterest{kTask});
  third.subscribe(1, SchemaInterest{"todo"});
  write(move(1, 9));
  const auto bobs = bob.link().take_encoded();
  const auto thirds = third.link().take_encoded();
  EXPECT_EQ(bobs, thirds) << "the very same bytes, not equal ones";
}

TEST_F(SubscriptionTest, ASessionThatLeftIsForgotten) {
  {
    TestClient third(server);
    third.open();
    third.subscribe(1, SchemaInterest{"todo"});
    third.send(Subscribe{SubscriptionId{2}, status(1)});  // still loading
  }
  EXPECT_TRUE(server.core.interests().empty());
  write(move(1, 9));
}

// ---- slow subscribers ----

struct SmallQueues : SubscriptionTest {
  SmallQueues()
      : SubscriptionTest([] {
          Limits limits;
          limits.commit_bytes_max = 20'000;
          limits.session_queue_bytes_max = 20'000;
          return limits;
        }()) {}
  Changeset write_title(std::size_t size) {
    return Changes().update(kTask, 1, {{kTitle, Value::text(std::string(size, 'x'))}});
  }
};

TEST_F(SmallQueues, ASubscriberThatDoesNotReadIsDroppedAndTheOthersGoOn) {
  TestClient reads(server);
  reads.open();
  reads.subscribe(1, TypeInterest{kTask});
  bob.subscribe(1, TypeInterest{kTask});
  for (int i = 0; i < 5; ++i) {
    write(write_title(9000));
    reads.expect<Delta>();
  }
  bob.expect_goodbye(ErrorCode::kSlowSubscriber);
  write(write_title(1));
  reads.expect<Delta>();
  bob.expect_nothing();
}

TEST_F(SmallQueues, OneBigDeltaAloneDropsNobody) {
  bob.subscribe(1, TypeInterest{kTask});
  for (int i = 0; i < 5; ++i) {
    write(write_title(19'000));
    write(write_title(1));
    EXPECT_GT(bob.link().queued_bytes(), 19'000u);
    bob.expect<Delta>();
    bob.expect<Delta>();
  }
  EXPECT_TRUE(bob.session().is_open());
}

TEST_F(SmallQueues, ASlowCommitterIsDroppedLikeASlowSubscriber) {
  for (int i = 0; i < 1000 && bob.session().is_open(); ++i) bob.send(Flush{RequestId{1}});
  bob.expect_goodbye(ErrorCode::kSlowSubscriber);
  write(write_title(1));
}

TEST_F(SubscriptionTest, LazilyShowsNoFieldOfASchemaThatIsNotDurable) {
  bob.send(Subscribe{SubscriptionId{1}, status(9), Loading::kLazy});
  bob.load();
  bob.expect<SchemaDefined>();
  bob.expect<SubscriptionLoaded>();
  server.store.set_completion(test::FakeStore::Completion::kWhenTold);
  ann.commit(move(1, 9));
  ann.send(DefineSchema{
      RequestId{9},
      {"todo", {{"Task", {{"note", Type::text()}}, {{"note", {"note"}, Uniqueness::kMany}}}}}});
  server.store.complete(1);
  const auto entered = bob.expect<Delta>();
  ASSERT_EQ(entered.changes.objects.size(), 1u);
  EXPECT_EQ(entered.changes.objects[0].kind, ObjectChange::Kind::kEnterLazily);
  const FieldId note{3};
  for (const CellOperation& cell : entered.changes.cells) EXPECT_LT(cell.field, note);
}

}  // namespace
}  // namespace odb::server
