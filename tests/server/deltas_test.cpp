// How a subscriber learns of versions that were published together.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "test_cluster.h"

namespace odb::server {
namespace {

using test::Changes;
using test::kTask;
using test::kTitle;
using test::task;
using test::TestClient;
using test::TestServer;

std::vector<Version> versions_of(const Deltas& deltas) {
  std::vector<Version> versions;
  for (const Delta& delta : deltas.deltas) versions.push_back(delta.version);
  return versions;
}

// Bob commits, Ann and Cid subscribe and take Deltas, Dan subscribes and does not.
struct SeveralDeltas : ::testing::Test {
  explicit SeveralDeltas(bool gathers_deltas = false)
      : server({}, TestServer::kAllowAll, test::FakeStore::Completion::kAtOnce, gathers_deltas),
        bob(server),
        ann(server),
        cid(server),
        dan(server) {
    bob.open(test::kBobsToken);
    bob.define(test::todo_schema());
    bob.commit(Changes().create(kTask, 1, task("one", 1)).create(kTask, 2, task("two", 2)));
    bob.expect_accepted();
    for (TestClient* client : {&ann, &cid}) {
      client->take_deltas();
      client->take_commits_accepted();
    }
    for (TestClient* client : {&ann, &cid, &dan}) {
      client->open();
      client->subscribe(1, TypeInterest{kTask});
    }
    server.finishes_batches = false;
  }
  static Changeset rename(std::uint64_t object, const std::string& title) {
    return Changes().update(kTask, object, {{kTitle, Value::text(title)}});
  }

  TestServer server;
  TestClient bob, ann, cid, dan;
};

TEST_F(SeveralDeltas, ComeInOneMessageWhoseBytesAreShared) {
  bob.commit(rename(1, "uno"));
  bob.commit(rename(2, "due"));
  server.core.finish_batch();
  const Version first = bob.expect_accepted();
  const Version second = bob.expect_accepted();

  const wire::EncodedMessage message = ann.link().take_encoded();
  EXPECT_EQ(message, cid.link().take_encoded());  // the same buffer
  ann.expect_nothing();
  cid.expect_nothing();
  const auto deltas = std::get<Deltas>(test::decode(message));
  EXPECT_EQ(versions_of(deltas), (std::vector{first, second}));
  EXPECT_EQ(deltas.deltas.at(0).actor, "bob");
  EXPECT_EQ(deltas.deltas.at(0).changes, rename(1, "uno"));
  EXPECT_EQ(deltas.deltas.at(1).changes, rename(2, "due"));
  EXPECT_EQ(dan.expect<Delta>().version, first);
  EXPECT_EQ(dan.expect<Delta>().version, second);
  dan.expect_nothing();
}

TEST_F(SeveralDeltas, AloneIsADeltaForEverybody) {
  bob.commit(rename(1, "uno"));
  server.core.finish_batch();
  const Version version = bob.expect_accepted();
  for (TestClient* client : {&ann, &cid, &dan}) {
    EXPECT_EQ(client->expect<Delta>().version, version);
    client->expect_nothing();
  }
}

TEST_F(SeveralDeltas, GoOutBeforeTheAnswerThatFollowsThem) {
  bob.commit(rename(1, "uno"));
  bob.commit(Changes().update(kTask, 999'999, {{kTitle, Value::text("nobody")}}));
  bob.commit(rename(2, "due"));
  ann.commit(Changes().update(kTask, 999'999, {{kTitle, Value::text("nobody")}}));
  bob.commit(rename(2, "zwei"));
  server.core.finish_batch();
  EXPECT_EQ(ann.expect<Deltas>().deltas.size(), 2u);
  EXPECT_TRUE(std::holds_alternative<Conflict>(ann.expect<CommitDone>().outcome));
  ann.expect<Delta>();
  ann.expect_nothing();
  EXPECT_EQ(cid.expect<Deltas>().deltas.size(), 3u);
}

TEST_F(SeveralDeltas, AndOnesOwnOutcomesKeepTheOrderOfVersions) {
  bob.commit(rename(1, "uno"));
  bob.commit(rename(2, "due"));
  ann.commit(rename(1, "ein"));
  ann.commit(rename(1, "eins"));
  bob.commit(rename(2, "zwei"));
  bob.commit(rename(2, "deux"));
  server.core.finish_batch();
  const auto before = ann.expect<Deltas>();
  const auto own = ann.expect<CommitsAccepted>();
  const auto after = ann.expect<Deltas>();
  ann.expect_nothing();
  ASSERT_EQ(own.commits.size(), 2u);
  EXPECT_EQ(own.commits[0].version, next(before.deltas.back().version));
  EXPECT_EQ(after.deltas.front().version, next(own.commits[1].version));
  EXPECT_EQ(versions_of(cid.expect<Deltas>()).size(), 6u);
}

TEST_F(SeveralDeltas, OfDifferentInterestsAreToldApart) {
  cid.send(Unsubscribe{SubscriptionId{1}});
  cid.load();
  cid.take_all();
  cid.subscribe(2, ObjectsInterest{kTask, {ObjectId{2}}});
  bob.commit(rename(1, "uno"));
  bob.commit(rename(2, "due"));
  bob.commit(rename(2, "zwei"));
  server.core.finish_batch();
  EXPECT_EQ(ann.expect<Deltas>().deltas.size(), 3u);
  const auto of_cid = cid.expect<Deltas>();
  ASSERT_EQ(of_cid.deltas.size(), 2u);
  EXPECT_EQ(of_cid.deltas[0].changes, rename(2, "due"));
}

TEST_F(SeveralDeltas, LargeOnesTravelInMessagesOfABoundedSize) {
  const std::string large(600 * 1024, 'x');
  for (int i = 0; i < 4; ++i) bob.commit(rename(1, large + std::to_string(i)));
  for (int i = 0; i < 4; ++i) bob.commit(rename(2, std::to_string(i)));
  server.core.finish_batch();
  for (int i = 0; i < 3; ++i) ann.expect<Delta>();
  EXPECT_EQ(ann.expect<Deltas>().deltas.size(), 5u);
  ann.expect_nothing();
}

TEST_F(SeveralDeltas, OfOneWhoLeavesMeanwhileDisturbNobody) {
  bob.commit(rename(1, "uno"));
  ann.send(Goodbye{});
  bob.commit(rename(2, "due"));
  server.core.finish_batch();
  EXPECT_EQ(cid.expect<Deltas>().deltas.size(), 2u);
}

// A server that tells its subscribers when it sees fit.
struct GatheredDeltas : SeveralDeltas {
  GatheredDeltas() : SeveralDeltas(true) { server.core.tell_subscribers(); }
  void commit_and_finish(const std::string& title) {
    bob.commit(rename(1, title));
    server.core.finish_batch();
    bob.expect_accepted();
  }
};

TEST_F(GatheredDeltas, OfSeveralBatchesComeInOneMessage) {
  commit_and_finish("uno");
  commit_and_finish("due");
  ann.expect_nothing();
  dan.expect_nothing();
  EXPECT_TRUE(server.core.has_untold_subscribers());
  server.core.tell_subscribers();
  EXPECT_FALSE(server.core.has_untold_subscribers());
  const wire::EncodedMessage message = ann.link().take_encoded();
  EXPECT_EQ(message, cid.link().take_encoded());
  EXPECT_EQ(std::get<Deltas>(test::decode(message)).deltas.size(), 2u);
  dan.expect<Delta>();
  dan.expect<Delta>();
  dan.expect_nothing();
}

TEST_F(GatheredDeltas, ComeBeforeAnythingElse) {
  commit_and_finish("uno");
  ann.send(Flush{RequestId{5}});
  ann.expect<Delta>();
  EXPECT_EQ(ann.expect<Flushed>().request, RequestId{5});
  commit_and_finish("due");
  server.core.tell_subscribers();
  ann.expect<Delta>();
  ann.expect_nothing();
  EXPECT_EQ(cid.expect<Deltas>().deltas.size(), 2u);
}

TEST_F(GatheredDeltas, DoNotKeepAnybodyFromItsOwnOutcome) {
  commit_and_finish("uno");
  ann.commit(rename(2, "zwei"));
  server.core.finish_batch();
  ann.expect<Delta>();
  EXPECT_EQ(ann.expect<CommitsAccepted>().commits.size(), 1u);
  cid.expect_nothing();
  server.core.tell_subscribers();
  EXPECT_EQ(cid.expect<Deltas>().deltas.size(), 2u);
  ann.expect_nothing();
}

TEST_F(GatheredDeltas, DoNotTakeMemoryWithoutEnd) {
  const std::string large(600 * 1024, 'x');
  for (int i = 0; i < 7; ++i) commit_and_finish(large + std::to_string(i));
  EXPECT_FALSE(ann.link().is_empty()) << "told early";
}

TEST_F(GatheredDeltas, OfOneWhoLeavesAreForgotten) {
  commit_and_finish("uno");
  ann.send(Goodbye{});
  commit_and_finish("due");
  server.core.tell_subscribers();
  EXPECT_EQ(cid.expect<Deltas>().deltas.size(), 2u);
}

}  // namespace
}  // namespace odb::server
