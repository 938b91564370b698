// How subscriptions end, what lazy ones bring, and what a client sees of its own.
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

// Ann writes, Bob subscribes. Tasks 1 and 2 (status 1 and 2) exist at version 2.
struct Unsubscribing : ::testing::Test {
  Unsubscribing() : ann(server), bob(server) {
    ann.open();
    bob.open(test::kBobsToken);
    ann.define(test::todo_schema());
    bob.define(test::todo_schema());
    write(Changes().create(kTask, 1, task("one", 1)).create(kTask, 2, task("two", 2)));
  }
  Version write(const Changeset& changes) {
    ann.commit(changes);
    return ann.expect_accepted();
  }
  Version add_points(std::uint64_t object) {
    return write(Changes().update(kTask, object, {{kPoints, number(1)}}));
  }
  static Interest status(std::int64_t value) { return IndexInterest{kByStatus, {number(value)}}; }

  TestServer server;
  TestClient ann;
  TestClient bob;
};

TEST_F(Unsubscribing, EndsTheDeltas) {
  bob.subscribe(1, TypeInterest{kTask});
  add_points(1);
  bob.expect<Delta>();
  bob.send(Unsubscribe{SubscriptionId{1}});
  bob.load();
  EXPECT_EQ(bob.expect<Unsubscribed>(), (Unsubscribed{SubscriptionId{1}, Version{3}}));
  add_points(1);
  bob.expect_nothing();
}

TEST_F(Unsubscribing, LeavesWhatAnotherSubscriptionWants) {
  bob.subscribe(1, TypeInterest{kTask});
  bob.subscribe(2, status(1));
  bob.send(Unsubscribe{SubscriptionId{1}});
  bob.load();
  bob.expect<Unsubscribed>();
  add_points(2);
  bob.expect_nothing();
  add_points(1);
  EXPECT_EQ(bob.expect<Delta>().changes.objects.at(0).object, ObjectId{1});
}

TEST_F(Unsubscribing, FromWhatIsStillLoadingEndsAtOnce) {
  bob.send(Subscribe{SubscriptionId{1}, TypeInterest{kTask}});
  bob.send(Unsubscribe{SubscriptionId{1}});
  EXPECT_EQ(bob.expect<Unsubscribed>().subscription, SubscriptionId{1});
  bob.load();
  bob.expect_nothing();
  add_points(1);
  bob.expect_nothing();
}

TEST_F(Unsubscribing, WaitsForThoseThatLoadBeforeIt) {
  bob.subscribe(1, TypeInterest{kTask});
  bob.send(Subscribe{SubscriptionId{2}, status(1)});
  bob.send(Unsubscribe{SubscriptionId{1}});
  bob.expect_nothing();
  bob.load();
  bob.expect<SnapshotChunk>();
  EXPECT_EQ(bob.expect<SubscriptionLoaded>().subscription, SubscriptionId{2});
  EXPECT_EQ(bob.expect<Unsubscribed>().subscription, SubscriptionId{1});
}

TEST_F(Unsubscribing, FromNothingIsRefused) {
  bob.send(Unsubscribe{SubscriptionId{5}});
  const auto refused = bob.expect<RequestRefused>();
  EXPECT_EQ(std::get<SubscriptionId>(refused.about), SubscriptionId{5});
  EXPECT_EQ(refused.error.code, ErrorCode::kUnknownSubscription);
  bob.subscribe(1, TypeInterest{kTask});
  bob.send(Unsubscribe{SubscriptionId{1}});
  bob.expect<Unsubscribed>();
  bob.send(Unsubscribe{SubscriptionId{1}});
  EXPECT_EQ(bob.expect<RequestRefused>().error.code, ErrorCode::kUnknownSubscription);
}

TEST_F(Unsubscribing, MakesRoomForTheNumberAgain) {
  bob.subscribe(1, TypeInterest{kTask});
  bob.send(Unsubscribe{SubscriptionId{1}});
  bob.load();
  bob.expect<Unsubscribed>();
  EXPECT_EQ(bob.subscribe(1, status(2)).size(), 1u);
}

// ---- ranges ----

TEST_F(Unsubscribing, ARangeBringsItsObjectsAndThenWhatMoves) {
  for (std::uint64_t id = 10; id < 40; ++id) {
    write(Changes().create(kTask, id, task(std::to_string(id), static_cast<std::int64_t>(id))));
  }
  bob.send(Subscribe{
      SubscriptionId{1},
      IndexRangeInterest{{kByStatus, {}, RangeBound{number(10)}, RangeBound{number(19)}}}});
  std::vector<std::uint64_t> sent;
  bool loaded = false;
  while (!loaded) {
    bob.load_piece();
    for (ServerMessage& message : bob.take_all()) {
      if (auto* chunk = std::get_if<SnapshotChunk>(&message)) {
        for (const ObjectId object : chunk->rows.objects) sent.push_back(object.value);
      } else if (auto* delta = std::get_if<Delta>(&message)) {
        for (const ObjectChange& change : delta->changes.objects) {
          if (change.kind == ObjectChange::Kind::kLeave) std::erase(sent, change.object.value);
          if (change.kind == ObjectChange::Kind::kEnter) sent.push_back(change.object.value);
        }
      }
      loaded = loaded || std::holds_alternative<SubscriptionLoaded>(message);
    }
    // Objects swap places across the border all the while.
    if (loaded) break;
    const std::uint64_t in = 20 + sent.size() % 10;
    const std::uint64_t out = 10 + sent.size() % 10;
    write(Changes()
              .update(kTask, in, {{kStatus, number(15)}})
              .update(kTask, out, {{kStatus, number(30)}}));
  }
  for (ServerMessage& message : bob.take_all()) {
    ADD_FAILURE() << "unexpected message " << message.index();
  }
  std::vector<std::uint64_t> expected;
  for (std::uint64_t id = 1; id < 40; ++id) {
    const Row* row = server.core.state().find(kTask, ObjectId{id}, server.core.state().version());
    if (row == nullptr) continue;
    const std::int64_t status = row->fields()[kStatus].as_int();
    if (status >= 10 && status <= 19) expected.push_back(id);
  }
  std::sort(sent.begin(), sent.end());
  EXPECT_EQ(sent, expected);
}

// ---- lazily ----

TEST_F(Unsubscribing, ALazySnapshotLeavesOutWhatNoIndexNeeds) {
  bob.send(Subscribe{SubscriptionId{1}, TypeInterest{kTask}, Loading::kLazy});
  bob.load();
  const SnapshotChunk chunk = bob.expect<SnapshotChunk>();
  ASSERT_EQ(chunk.rows.objects.size(), 2u);
  EXPECT_EQ(chunk.rows.values[kTitle], Value::text("one"));
  EXPECT_EQ(chunk.rows.values[kStatus], number(1));
  EXPECT_FALSE(chunk.rows.values[kPoints].is_loaded());
  bob.expect<SubscriptionLoaded>();

  write(Changes().create(kTask, 3, task("three", 3, 77)));
  const Delta created = bob.expect<Delta>();
  ASSERT_EQ(created.changes.objects.size(), 1u);
  EXPECT_EQ(created.changes.objects[0].kind, ObjectChange::Kind::kEnterLazily);
  for (const CellOperation& cell : created.changes.cells) {
    EXPECT_NE(cell.field, FieldId{kPoints});
  }
  EXPECT_EQ(created.changes.cells.size(), 2u);
  add_points(3);
  EXPECT_EQ(bob.expect<Delta>().changes.objects[0].kind, ObjectChange::Kind::kUpdate);
}

TEST_F(Unsubscribing, WhatIsWantedWholeTooComesWhole) {
  bob.send(Subscribe{SubscriptionId{1}, TypeInterest{kTask}, Loading::kLazy});
  bob.send(Subscribe{SubscriptionId{2}, status(3)});
  bob.load();
  bob.take_all();
  write(Changes().create(kTask, 3, task("three", 3, 77)));
  const Delta created = bob.expect<Delta>();
  EXPECT_EQ(created.changes.objects.at(0).kind, ObjectChange::Kind::kCreate);
  EXPECT_EQ(created.changes.cells.size(), 3u);
}

// ---- its own ----

TEST_F(Unsubscribing, AClientSeesWhatItCreatedUntilItLetsGo) {
  bob.keep_created();
  const std::uint64_t own = bob.new_id();
  bob.commit(Changes().create(kTask, own, task("own", 5)));
  const Delta created = bob.expect<Delta>();
  EXPECT_EQ(created.changes.objects.at(0).kind, ObjectChange::Kind::kCreate);
  const Version version = bob.expect_accepted();
  EXPECT_EQ(created.version, version) << "before its outcome";
  add_points(own);
  EXPECT_EQ(bob.expect<Delta>().changes.objects.at(0).object, ObjectId{own});
  bob.send(Release{RequestId{9}, kTask, {ObjectId{own}, ObjectId{1}, ObjectId{999}}});
  EXPECT_EQ(bob.expect<Flushed>().request, RequestId{9});
  add_points(own);
  bob.expect_nothing();
}

TEST_F(Unsubscribing, AnotherClientsObjectsCannotBeReleased) {
  ann.keep_created();
  const std::uint64_t own = 50;  // within her first range
  ann.commit(Changes().create(kTask, own, task("ann's", 5)));
  ann.expect<Delta>();
  ann.expect_accepted();
  bob.send(Release{RequestId{9}, kTask, {ObjectId{own}}});
  bob.expect<Flushed>();
  ann.commit(Changes().update(kTask, own, {{kPoints, number(1)}}));
  EXPECT_EQ(ann.expect<Delta>().changes.objects.at(0).object, ObjectId{own}) << "still hers";
}

TEST_F(Unsubscribing, WhatIsDeletedIsForgotten) {
  ann.keep_created();
  const std::uint64_t own = 50;  // within her first range
  ann.commit(Changes().create(kTask, own, task("ann's", 5)));
  ann.commit(Changes().erase(kTask, own));
  EXPECT_FALSE(server.core.interests().has_created(ann.session().id(), ObjectId{own}));
  EXPECT_TRUE(server.core.interests().empty());
}

}  // namespace
}  // namespace odb::server
