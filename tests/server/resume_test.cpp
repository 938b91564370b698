// Clients that come back: what they missed, and what they had.
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "odb/core/core_schema.h"
#include "test_cluster.h"

namespace odb::server {
namespace {

using test::Changes;
using test::kByStatus;
using test::kPerson;
using test::kPoints;
using test::kStatus;
using test::kTask;
using test::number;
using test::task;
using test::TestClient;
using test::TestServer;

constexpr ClientId kBobsClient{7, 7};

// Ann writes; Bob is subscribed, loses his link, and comes back. Tasks 1 and 2 (status 1 and 2)
// exist at version 2.
struct Resuming : ::testing::Test {
  explicit Resuming(Limits limits = {}) : server(limits), ann(server) {
    ann.open();
    ann.define(test::todo_schema());
    write(Changes().create(kTask, 1, task("one", 1)).create(kTask, 2, task("two", 2)));
  }
  Version write(const Changeset& changes) {
    ann.commit(changes);
    return ann.expect_accepted();
  }
  SessionOpened open(TestClient& client, bool resumes, const char* token = test::kBobsToken) {
    client.say_hello();
    client.authenticate(token);
    client.send(OpenSession{kBobsClient, "bob", resumes});
    return client.expect<SessionOpened>();
  }
  // Bob, for the first time.
  std::unique_ptr<TestClient> join(const Interest& interest) {
    auto bob = std::make_unique<TestClient>(server);
    opened = open(*bob, false);
    bob->define(test::todo_schema());
    bob->subscribe(1, interest);
    return bob;
  }
  Resume held(const Interest& interest, Version version) const {
    return {.history = {7, 8},
            .version = version,
            .schemas = {"todo"},
            .subscriptions = {Subscribe{SubscriptionId{1}, interest}},
            .created = {},
            .ids = {},
            .connection = opened.connection,
            .sent_up_to = {}};
  }
  Version published() { return server.core.pipeline().published(); }

  TestServer server;
  TestClient ann;
  SessionOpened opened;
};

TEST_F(Resuming, BringsWhatWasMissedInOrderAndNothingElse) {
  join(TypeInterest{kTask});  // and gone
  const Version seen = published();
  write(Changes().update(kTask, 1, {{kPoints, number(5)}}));
  write(Changes().create(kPerson, 9));
  write(Changes().create(kTask, 3, task("three", 3)).erase(kTask, 2));
  TestClient bob(server);
  open(bob, true);
  bob.send(held(TypeInterest{kTask}, seen));
  const Delta first = bob.expect<Delta>();
  EXPECT_EQ(first.version, Version{3});
  EXPECT_EQ(first.actor, "ann");
  EXPECT_EQ(first.changes, Changeset(Changes().update(kTask, 1, {{kPoints, number(5)}})));
  const Delta second = bob.expect<Delta>();
  EXPECT_EQ(second.version, Version{5});
  EXPECT_EQ(second.changes.objects.size(), 2u);
  const Resumed resumed = bob.expect<Resumed>();
  EXPECT_TRUE(resumed.continued);
  EXPECT_EQ(resumed.version, Version{5});
  bob.expect_nothing();

  write(Changes().update(kTask, 3, {{kPoints, number(1)}}));  // as any subscriber
  EXPECT_EQ(bob.expect<Delta>().version, Version{6});
  bob.expect_nothing();
}

TEST_F(Resuming, KeepsTrackOfWhatMovesThroughAnIndex) {
  const IndexInterest open_ones{kByStatus, {number(1)}};
  join(open_ones);
  const Version seen = published();
  write(Changes().update(kTask, 2, {{kStatus, number(1)}}));
  write(Changes().update(kTask, 1, {{kStatus, number(9)}}));
  write(Changes().update(kTask, 1, {{kPoints, number(1)}}));  // not Bob's any more
  TestClient bob(server);
  open(bob, true);
  bob.send(held(open_ones, seen));
  EXPECT_EQ(bob.expect<Delta>().changes.objects.at(0).kind, ObjectChange::Kind::kEnter);
  EXPECT_EQ(bob.expect<Delta>().changes.objects.at(0).kind, ObjectChange::Kind::kLeave);
  EXPECT_TRUE(bob.expect<Resumed>().continued);
  bob.expect_nothing();
}

TEST_F(Resuming, WithoutAnythingMissedIsOneAnswer) {
  join(TypeInterest{kTask});
  TestClient bob(server);
  open(bob, true);
  bob.send(held(TypeInterest{kTask}, published()));
  EXPECT_TRUE(bob.expect<Resumed>().continued);
  bob.expect_nothing();
}

TEST_F(Resuming, AnotherHistoryBeginsAnew) {
  join(TypeInterest{kTask});
  TestClient bob(server);
  open(bob, true);
  Resume other = held(TypeInterest{kTask}, published());
  other.history = {1, 1};
  bob.send(other);
  const Resumed resumed = bob.expect<Resumed>();
  EXPECT_FALSE(resumed.continued);
  EXPECT_EQ(resumed.history, (HistoryId{7, 8}));
  EXPECT_EQ(bob.subscribe(1, TypeInterest{kTask}).size(), 1u);  // the number is free
}

TEST_F(Resuming, AVersionYetToComeBeginsAnew) {
  join(TypeInterest{kTask});
  TestClient bob(server);
  open(bob, true);
  bob.send(held(TypeInterest{kTask}, next(published())));
  EXPECT_FALSE(bob.expect<Resumed>().continued);
}

TEST_F(Resuming, AGrownSchemaBeginsAnew) {
  join(TypeInterest{kTask});
  const Version seen = published();
  ann.define({"todo", {{"Note", {{"text", Type::text()}}, {}}}});
  TestClient bob(server);
  open(bob, true);
  bob.send(held(TypeInterest{kTask}, seen));
  EXPECT_FALSE(bob.expect<Resumed>().continued);
}

TEST_F(Resuming, NonsenseBeginsAnewAndHarmsNobody) {
  join(TypeInterest{kTask});
  for (const Interest& interest :
       {Interest(TypeInterest{TypeId{99}}), Interest(IndexInterest{kByStatus, {}})}) {
    TestClient bob(server);
    open(bob, true);
    bob.send(held(interest, published()));
    EXPECT_FALSE(bob.expect<Resumed>().continued);
  }
  TestClient bob(server);
  open(bob, true);
  Resume twice = held(TypeInterest{kTask}, published());
  twice.subscriptions.push_back(twice.subscriptions[0]);
  bob.send(twice);
  EXPECT_FALSE(bob.expect<Resumed>().continued);
}

struct ResumingLate : Resuming {
  static Limits short_memory() {
    Limits limits;
    limits.retained_versions_max = 2;
    return limits;
  }
  ResumingLate() : Resuming(short_memory()) {}
};

TEST_F(ResumingLate, BehindTheHorizonBeginsAnew) {
  join(TypeInterest{kTask});
  const Version seen = published();
  for (int i = 0; i < 3; ++i) write(Changes().update(kTask, 1, {{kPoints, number(i)}}));
  server.core.finish_batch();
  EXPECT_LE(server.core.replay().size(), 2u);  // no more is kept than the horizon says
  {
    TestClient bob(server);
    open(bob, true);
    bob.send(held(TypeInterest{kTask}, next(seen)));
    bob.expect<Delta>();
    bob.expect<Delta>();
    EXPECT_TRUE(bob.expect<Resumed>().continued);
  }
  TestClient bob(server);
  open(bob, true);
  bob.send(held(TypeInterest{kTask}, seen));
  EXPECT_FALSE(bob.expect<Resumed>().continued);
}

TEST_F(Resuming, IsTheFirstThingOrAnEnd) {
  auto bob = join(TypeInterest{kTask});
  bob->send(held(TypeInterest{kTask}, published()));
  bob->expect_goodbye(ErrorCode::kUnexpectedMessage);
  TestClient again(server);
  open(again, true);
  again.send(held(TypeInterest{kTask}, published()));
  again.expect<Resumed>();
  again.send(held(TypeInterest{kTask}, published()));
  again.expect_goodbye(ErrorCode::kUnexpectedMessage);
}

TEST_F(Resuming, TakesOverFromASessionThatDoesNotKnowYetThatItsLinkIsGone) {
  auto old = join(TypeInterest{kTask});
  TestClient bob(server);
  open(bob, true);
  bob.send(held(TypeInterest{kTask}, published()));
  EXPECT_TRUE(bob.expect<Resumed>().continued);
  old->expect_goodbye(ErrorCode::kDisconnected);
}

TEST_F(Resuming, IsNoWayToEndAnotherActorsSession) {
  auto old = join(TypeInterest{kTask});
  TestClient ann_again(server);
  open(ann_again, true, test::kAnnsToken);  // with Bob's client id
  ann_again.send(held(TypeInterest{kTask}, published()));
  ann_again.expect<Resumed>();
  old->expect_nothing();
  const std::uint64_t bobs = opened.ids.front().first.value;
  ann_again.commit(Changes().create(kPerson, bobs));
  EXPECT_EQ(ann_again.expect_commit_error().code, ErrorCode::kIdOutOfRange);
}

TEST_F(Resuming, KeepsTheIdentitiesThatWereGranted) {
  join(TypeInterest{kTask});
  TestClient bob(server);
  open(bob, true);
  bob.send(held(TypeInterest{kTask}, published()));
  bob.expect<Resumed>();
  bob.commit(Changes().create(kPerson, opened.ids.front().first.value + 3));
  bob.expect_accepted();
}

TEST_F(Resuming, AdjacentAndOverlappingRangesOfIdentitiesBecomeOne) {
  std::vector<IdRange> ranges = {{ObjectId{1}, 10}, {ObjectId{50}, 5}};
  add_ranges(ranges, {{ObjectId{5}, 10}, {ObjectId{15}, 5}, {ObjectId{51}, 2}, {ObjectId{90}, 1}});
  EXPECT_EQ(ranges,
            (std::vector<IdRange>{{ObjectId{1}, 19}, {ObjectId{50}, 5}, {ObjectId{90}, 1}}));
}

TEST_F(Resuming, KeepsWhatItCreated) {
  auto bob = join(TypeInterest{kPerson});
  bob->keep_created();
  const std::uint64_t seen_one = opened.ids.front().first.value;
  const std::uint64_t missed_one = seen_one + 1;
  bob->commit(Changes().create(kTask, seen_one, task("bob's", 7)));
  const Version seen = published();
  // Of this one neither delta nor outcome arrives.
  bob->commit(Changes().create(kTask, missed_one, task("bob's too", 7)));
  bob.reset();
  TestClient again(server);
  open(again, true);
  Resume resume = held(TypeInterest{kPerson}, seen);
  resume.created = {ObjectsInterest{kTask, {ObjectId{seen_one}}}};
  again.send(resume);
  EXPECT_EQ(again.expect<Delta>().changes.objects.at(0).object, ObjectId{missed_one});
  EXPECT_TRUE(again.expect<Resumed>().continued);
  for (const std::uint64_t object : {seen_one, missed_one}) {
    write(Changes().update(kTask, object, {{kPoints, number(1)}}));
    EXPECT_EQ(again.expect<Delta>().changes.objects.at(0).object, ObjectId{object});
  }
}

TEST_F(Resuming, TellsOfTypesThatTheClientDoesNotNameBeforeTheirObjects) {
  auto bob = join(TypeInterest{kPerson});
  bob->keep_created();
  const std::uint64_t object = opened.ids.front().first.value;
  bob->commit(Changes().create(kTask, object, task("bob's", 7)));
  const Version seen = published();
  write(Changes().update(kTask, object, {{kPoints, number(1)}}));
  bob.reset();
  for (const auto& created : {std::vector<ObjectsInterest>{{kTask, {ObjectId{object}}}}, {}}) {
    TestClient again(server);
    open(again, true);
    Resume resume = held(TypeInterest{kPerson}, created.empty() ? Version{seen.value - 1} : seen);
    resume.schemas.clear();
    resume.subscriptions.clear();
    resume.created = created;
    again.send(resume);
    const auto told = again.expect<SchemaDefined>();
    EXPECT_EQ(told.types.size(), 2u);
    EXPECT_EQ(told.version, resume.version) << "no delta after it has come yet";
    EXPECT_EQ(again.expect<Delta>().changes.objects.at(0).object, ObjectId{object});
    if (created.empty()) again.expect<Delta>();  // its creation came first
    EXPECT_TRUE(again.expect<Resumed>().continued);
  }
}

TEST_F(Resuming, WithCreatedObjectsOfATypeThatIsNotThereIsNotContinued) {
  auto bob = join(TypeInterest{kPerson});
  bob.reset();
  TestClient again(server);
  open(again, true);
  Resume resume = held(TypeInterest{kPerson}, published());
  resume.created = {ObjectsInterest{TypeId{99}, {ObjectId{5}}}};
  again.send(resume);
  EXPECT_FALSE(again.expect<Resumed>().continued);
}

TEST_F(Resuming, KeepsTheConnectionsObjectForAWhile) {
  ann.define(core_schema_definition());
  const TypeId connection = server.core.connection_type();
  join(TypeInterest{kTask});
  const auto exists = [&](ObjectId object) {
    return server.core.state().find(connection, object, published()) != nullptr;
  };
  EXPECT_TRUE(exists(opened.connection));
  {
    TestClient bob(server);
    open(bob, true);
    bob.send(held(TypeInterest{kTask}, published()));
    EXPECT_EQ(bob.expect<Resumed>().connection, opened.connection);
  }
  server.pass(server.core.limits().connection_grace);
  EXPECT_FALSE(exists(opened.connection));
  TestClient late(server);
  open(late, true);
  late.send(held(TypeInterest{kTask}, published()));
  const ObjectId fresh = late.expect<Resumed>().connection;
  EXPECT_NE(fresh, opened.connection);
  EXPECT_TRUE(exists(fresh));
}

}  // namespace
}  // namespace odb::server
