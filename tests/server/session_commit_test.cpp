#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "test_cluster.h"

namespace odb::server {
namespace {

using test::Changes;
using test::FakeStore;
using test::kPerson;
using test::kPoints;
using test::kStatus;
using test::kTask;
using test::number;
using test::task;
using test::TestClient;
using test::TestServer;

// Ann and Bob are connected, the schema is version 1, Ann's task 1 version 2.
struct SessionCommit : ::testing::Test {
  explicit SessionCommit(Limits limits = small_limits())
      : server(limits), ann(server), bob(server) {
    ann.open();
    bob.open(test::kBobsToken);
    ann.define(test::todo_schema());
    bob.define(test::todo_schema());
    ann.commit(Changes().create(kTask, 1, task("one", 1)));
    EXPECT_EQ(ann.expect_accepted(), Version{2});
  }
  static Limits small_limits() {
    Limits limits;
    limits.commit_bytes_max = 4000;
    limits.commit_credits = 3;
    return limits;
  }
  static Changeset set_status(std::int64_t value) {
    return Changes().update(kTask, 1, {{kStatus, number(value)}});
  }
  static ReadSet reads_status() { return {.cells = {{kTask, FieldId{kStatus}, ObjectId{1}}}}; }

  TestServer server;
  TestClient ann;
  TestClient bob;
};

TEST_F(SessionCommit, IsAnsweredWithItsSequenceAndVersion) {
  const Sequence sequence = ann.commit(set_status(5), Version{2}, reads_status());
  const CommitDone done = ann.expect<CommitDone>();
  EXPECT_EQ(done.sequence, sequence);
  EXPECT_EQ(done.outcome, CommitOutcome(Accepted{Version{3}}));
  bob.expect_nothing();
}

TEST_F(SessionCommit, AConflictNamesTheReadTheWinnerAndBothVersions) {
  const Sequence winner = bob.commit(set_status(5));
  bob.expect_accepted();
  ann.commit(set_status(6), Version{2}, reads_status());
  const CommitDone done = ann.expect<CommitDone>();
  ASSERT_TRUE(std::holds_alternative<Conflict>(done.outcome));
  EXPECT_EQ(std::get<Conflict>(done.outcome),
            (Conflict{CellRead{kTask, FieldId{kStatus}, ObjectId{1}}, Version{2}, Version{3}, "bob",
                      bob.session().client(), winner}));
  EXPECT_EQ(server.core.state().version(), Version{3});
}

TEST_F(SessionCommit, RefusalsKeepTheSessionOpen) {
  ann.commit(Changes().update(TypeId{99}, 1, {{0, number(1)}}));
  EXPECT_EQ(ann.expect_commit_error().code, ErrorCode::kUnknownType);
  ann.commit(Changes().update(kTask, 1, {{kStatus, Value::text("x")}}));
  EXPECT_EQ(ann.expect_commit_error().code, ErrorCode::kWrongType);
  ann.commit(Changes().create(kTask, 2, task("one", 0)));
  EXPECT_EQ(ann.expect_commit_error().code, ErrorCode::kUniqueViolation);
  ann.commit(set_status(1), Version{99});
  EXPECT_EQ(ann.expect_commit_error().code, ErrorCode::kMalformedMessage);
  ann.commit(set_status(1));
  EXPECT_EQ(ann.expect_accepted(), Version{3}) << "nothing before it took a version";
}

TEST_F(SessionCommit, TooLargeIsRefusedAndTheSessionStays) {
  ann.commit(Changes().create(kTask, 2, {{0, Value::text(std::string(5000, 'x'))}}));
  EXPECT_EQ(ann.expect_commit_error().code, ErrorCode::kTransactionTooLarge);
  ann.commit(Changes().create(kTask, 3, {{0, Value::text(std::string(3000, 'x'))}}));
  ann.expect_accepted();
}

TEST_F(SessionCommit, ASequenceIsUsedOnceAndOnlyGoesUp) {
  Commit commit{.sequence = Sequence{10}, .request = {Version{2}, {}, set_status(1)}};
  ann.send(commit);
  ann.expect_accepted();
  for (const std::uint64_t sequence : {10u, 9u, 0u}) {
    commit.sequence = Sequence{sequence};
    ann.send(commit);
    EXPECT_EQ(ann.expect_commit_error().code, ErrorCode::kSequenceReused);
  }
  commit.sequence = Sequence{12};
  ann.send(commit);
  ann.expect_accepted();
}

// A commit in three parts: reads, then one object each.
std::vector<Commit> in_parts(Sequence sequence, std::uint64_t created = 2) {
  std::vector<Commit> parts(3, Commit{.sequence = sequence, .last = false});
  for (std::uint32_t i = 0; i < 3; ++i) {
    parts[i].part = i;
    parts[i].request.snapshot = Version{2};
  }
  parts[0].request.reads = {.cells = {{kTask, FieldId{kStatus}, ObjectId{1}}}};
  parts[1].request.writes = Changes().update(kTask, 1, {{kStatus, number(5)}});
  parts[2].request.writes = Changes().create(kTask, created, task("two", 2));
  parts[2].last = true;
  return parts;
}

TEST_F(SessionCommit, InPartsIsJudgedAsAWhole) {
  for (const Commit& part : in_parts(Sequence{2})) {
    ann.expect_nothing();
    EXPECT_EQ(server.core.pipeline().accepted(), Version{2});
    ann.send(part);
    ann.send(Heartbeat{});  // others go in between
  }
  EXPECT_EQ(ann.expect_accepted(), Version{3});
  for (const auto& [object, status] : {std::pair(1, 5), {2, 2}}) {
    const Row* row = server.core.state().find(kTask, ObjectId(object), Version{3});
    ASSERT_NE(row, nullptr) << object;
    EXPECT_EQ(row->fields()[kStatus], number(status));
  }
  bob.commit(set_status(7));
  bob.expect_accepted();
  for (const Commit& part : in_parts(Sequence{3}, 3)) ann.send(part);
  EXPECT_TRUE(std::holds_alternative<Conflict>(ann.expect<CommitDone>().outcome))
      << "what the first part read has changed";
}

TEST_F(SessionCommit, InPartsBeyondTheLimitIsRefusedWithTheLastPart) {
  const Commit padding = {.sequence = Sequence{2}, .last = false};
  for (std::uint32_t i = 0; i < 3; ++i) {
    Commit part = padding;
    part.part = i;
    part.last = i == 2;
    part.request.writes = Changes().create(kTask, 2 + i, task(std::string(2000, 'x'), 2));
    ann.send(part);
    if (i < 2) ann.expect_nothing();
  }
  EXPECT_EQ(ann.expect_commit_error().code, ErrorCode::kTransactionTooLarge);
  EXPECT_EQ(server.core.pipeline().accepted(), Version{2});
  bob.commit(set_status(5));
  bob.expect_accepted();
}

TEST_F(SessionCommit, PartsOutOfTheirOrderEndTheSession) {
  ann.send(Commit{.sequence = Sequence{10}, .part = 1});
  ann.expect_goodbye(ErrorCode::kMalformedMessage);
  bob.send(in_parts(Sequence{1})[0]);
  bob.send(in_parts(Sequence{1})[2]);
  bob.expect_goodbye(ErrorCode::kMalformedMessage);
}

TEST_F(SessionCommit, WithoutCreditEndsTheSession) {
  server.store.set_completion(FakeStore::Completion::kWhenTold);
  for (int i = 0; i < 3; ++i) ann.commit(set_status(i));
  ann.expect_nothing();
  bob.commit(set_status(9));
  ann.commit(set_status(4));
  ann.expect_goodbye(ErrorCode::kTooManyCommitsInFlight);
  server.store.complete_all();
  ann.expect_nothing();
  bob.expect_accepted();
  EXPECT_EQ(server.core.state().version(), Version{6}) << "what was in flight takes effect";
}

TEST_F(SessionCommit, AnOutcomeGivesItsCreditBack) {
  for (int i = 0; i < 10; ++i) {
    ann.commit(i % 2 == 0 ? set_status(i) : Changes().create(kTask, 99'999));
    ann.expect<CommitDone>();
  }
  EXPECT_TRUE(ann.session().is_open());
}

TEST_F(SessionCommit, TakesEffectThoughItsSessionHasLeft) {
  server.store.set_completion(FakeStore::Completion::kWhenTold);
  {
    TestClient leaves(server);
    leaves.say_hello();
    leaves.authenticate();
    leaves.send(OpenSession{{1, 2}});
    leaves.expect<SessionOpened>();
    leaves.commit(set_status(77));
  }
  server.store.complete_all();
  ann.send(Flush{RequestId{1}});
  EXPECT_EQ(ann.expect<Flushed>().version, Version{3});
}

TEST_F(SessionCommit, OutcomesFollowTheDeltasUpToTheirVersion) {
  ann.subscribe(1, TypeInterest{kTask});
  server.finishes_batches = false;
  bob.commit(set_status(5));
  ann.commit(Changes().update(kTask, 1, {{kPoints, number(5)}}));
  ann.commit(set_status(6), Version{2}, reads_status());  // loses to Bob's
  bob.commit(set_status(7));
  ann.expect_nothing();
  server.core.finish_batch();
  EXPECT_EQ(ann.expect<Delta>().version, Version{3});
  EXPECT_EQ(ann.expect<Delta>().version, Version{4});
  EXPECT_EQ(ann.expect_accepted(), Version{4});
  const CommitDone lost = ann.expect<CommitDone>();
  EXPECT_EQ(std::get<Conflict>(lost.outcome).won, Version{3});
  const Delta last = ann.expect<Delta>();
  EXPECT_EQ(last.version, Version{5});
  EXPECT_EQ(last.actor, "bob");
  EXPECT_EQ(server.store.batches().back(), 3u) << "one append for all that arrived together";
}

TEST_F(SessionCommit, OlderThanTheHorizonIsTooOld) {
  Limits limits;
  limits.retained_versions_max = 2;
  TestServer trimming(limits);
  TestClient client(trimming);
  client.open();
  client.define(test::todo_schema());
  client.commit(Changes().create(kTask, 1, task("one", 1)));
  client.commit(Changes().update(kTask, 1, {{kPoints, number(1)}}));
  for (int i = 0; i < 5; ++i) client.commit(Changes().create(kPerson, client.new_id() + 10));
  for (int i = 0; i < 7; ++i) client.expect_accepted();
  client.commit(set_status(6), Version{2}, reads_status());
  EXPECT_EQ(client.expect_commit_error().code, ErrorCode::kTooOld);
  client.commit(set_status(6), Version{3}, reads_status());
  EXPECT_EQ(client.expect_accepted(), Version{9}) << "not modified since: needs no history";
}

}  // namespace
}  // namespace odb::server
