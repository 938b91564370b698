// How an author learns of its own commits when it takes CommitsAccepted.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "test_cluster.h"

namespace odb::server {
namespace {

using test::Changes;
using test::FakeStore;
using test::kByStatus;
using test::kStatus;
using test::kTask;
using test::kTitle;
using test::number;
using test::task;
using test::TestClient;
using test::TestServer;

// Ann takes CommitsAccepted, Bob does not. Tasks 1 and 2 exist, of status 1 and 2.
struct AcceptedCommits : ::testing::Test {
  AcceptedCommits() : bob(server), ann(server) {
    bob.open(test::kBobsToken);
    bob.define(test::todo_schema());
    bob.commit(Changes().create(kTask, 1, task("one", 1)).create(kTask, 2, task("two", 2)));
    bob.expect_accepted();
    ann.take_commits_accepted();
    ann.open();
  }
  static Changeset rename(std::uint64_t object, const std::string& title) {
    return Changes().update(kTask, object, {{kTitle, Value::text(title)}});
  }
  static Changeset move(std::uint64_t object, std::int64_t status) {
    return Changes().update(kTask, object, {{kStatus, number(status)}});
  }
  CommitsAccepted::Commit expect_one() {
    const auto accepted = ann.expect<CommitsAccepted>();
    EXPECT_EQ(accepted.commits.size(), 1u);
    return accepted.commits.empty() ? CommitsAccepted::Commit{} : accepted.commits.front();
  }

  TestServer server;
  TestClient bob;
  TestClient ann;
};

TEST_F(AcceptedCommits, WhatSheSeesAsShePutItIsNotSentBack) {
  ann.subscribe(1, TypeInterest{kTask});
  bob.subscribe(1, TypeInterest{kTask});
  const Sequence sequence = ann.commit(rename(1, "uno"));
  const auto done = expect_one();
  EXPECT_EQ(done.sequence, sequence);
  EXPECT_TRUE(done.is_delta);
  ann.expect_nothing();
  EXPECT_EQ(bob.expect<Delta>().version, done.version);
  bob.expect_nothing();
}

TEST_F(AcceptedCommits, CreatingAndDeletingAreSeenAsPutToo) {
  ann.subscribe(1, TypeInterest{kTask});
  const std::uint64_t object = ann.new_id();
  ann.commit(Changes().create(kTask, object, task("new", 3)));
  EXPECT_TRUE(expect_one().is_delta);
  ann.commit(Changes().erase(kTask, object));
  EXPECT_TRUE(expect_one().is_delta);
  ann.expect_nothing();
}

TEST_F(AcceptedCommits, WhatShePutsWithoutSeeingItIsNoDelta) {
  ann.commit(rename(1, "uno"));
  EXPECT_FALSE(expect_one().is_delta);
  ann.expect_nothing();
}

TEST_F(AcceptedCommits, WhatEntersAndLeavesHerInterestsIsSent) {
  ann.subscribe(1, IndexInterest{kByStatus, {number(1)}});
  ann.commit(move(2, 1));
  EXPECT_EQ(ann.expect<Delta>().changes.objects.at(0).kind, ObjectChange::Kind::kEnter);
  EXPECT_FALSE(expect_one().is_delta);
  ann.commit(move(2, 2));
  EXPECT_EQ(ann.expect<Delta>().changes.objects.at(0).kind, ObjectChange::Kind::kLeave);
  EXPECT_FALSE(expect_one().is_delta);
  ann.expect_nothing();
}

TEST_F(AcceptedCommits, WhatSheSeesInPartIsSent) {
  ann.subscribe(1, IndexInterest{kByStatus, {number(1)}});
  ann.commit(Changes()
                 .update(kTask, 1, {{kTitle, Value::text("uno")}})
                 .update(kTask, 2, {{kTitle, Value::text("due")}}));
  EXPECT_EQ(ann.expect<Delta>().changes.objects.size(), 1u);
  EXPECT_FALSE(expect_one().is_delta);
}

TEST_F(AcceptedCommits, WhatSheCreatesLazilyIsSent) {
  ann.send(Subscribe{SubscriptionId{1}, TypeInterest{kTask}, Loading::kLazy});
  ann.load();
  ann.take_all();
  ann.commit(Changes().create(kTask, ann.new_id(), task("new", 3)));
  EXPECT_EQ(ann.expect<Delta>().changes.objects.at(0).kind, ObjectChange::Kind::kEnterLazily);
  EXPECT_FALSE(expect_one().is_delta);
}

TEST_F(AcceptedCommits, SheIsToldOfSeveralTogether) {
  ann.subscribe(1, TypeInterest{kTask});
  server.finishes_batches = false;
  const Sequence first = ann.commit(rename(1, "uno"));
  const Sequence second = ann.commit(rename(2, "due"));
  ann.expect_nothing();
  server.core.finish_batch();
  const auto accepted = ann.expect<CommitsAccepted>();
  ASSERT_EQ(accepted.commits.size(), 2u);
  EXPECT_EQ(accepted.commits[0].sequence, first);
  EXPECT_EQ(accepted.commits[1].sequence, second);
  EXPECT_EQ(accepted.commits[1].version, next(accepted.commits[0].version));
  ann.expect_nothing();
}

TEST_F(AcceptedCommits, WhatOthersDidBetweenComesBetween) {
  ann.subscribe(1, TypeInterest{kTask});
  server.finishes_batches = false;
  ann.commit(rename(1, "uno"));
  bob.commit(rename(2, "due"));
  ann.commit(rename(1, "ein"));
  server.core.finish_batch();
  const Version first = expect_one().version;
  const Version second = ann.expect<Delta>().version;
  const Version third = expect_one().version;
  EXPECT_LT(first, second);
  EXPECT_LT(second, third);
  ann.expect_nothing();
}

TEST_F(AcceptedCommits, RefusalsComeAsEver) {
  server.finishes_batches = false;
  ann.commit(rename(1, "uno"));
  ann.commit(Changes().update(kTask, 999'999, {{kTitle, Value::text("nobody")}}));
  server.core.finish_batch();
  expect_one();
  EXPECT_TRUE(std::holds_alternative<Conflict>(ann.expect<CommitDone>().outcome));
  ann.expect_nothing();
}

TEST_F(AcceptedCommits, WhatTookEffectBeforeIsToldAtOnce) {
  ann.commit(rename(1, "uno"));
  const Version version = expect_one().version;
  TestClient again(server);
  again.take_commits_accepted();
  again.say_hello();
  again.authenticate();
  again.send(OpenSession{ann.session().client(), "ann", true});
  again.send(Resume{.history = {7, 8}, .version = version, .sent_up_to = Sequence{1}});
  again.take_all();
  again.commit(rename(1, "uno"));
  EXPECT_EQ(again.expect_accepted(), version);
  again.expect_nothing();
}

// Its outcome was called unknown, so that nothing but a delta can tell her of it.
TEST_F(AcceptedCommits, WhatIsOverdueIsSentWhenItComes) {
  ann.subscribe(1, TypeInterest{kTask});
  server.store.set_completion(FakeStore::Completion::kWhenTold);
  ann.commit(rename(1, "uno"));
  server.store.tell_overdue();
  EXPECT_EQ(ann.expect_commit_error().code, ErrorCode::kOutcomeUnknown);
  server.store.complete_all();
  EXPECT_EQ(ann.expect<Delta>().changes.objects.size(), 1u);
  ann.expect_nothing();
}

}  // namespace
}  // namespace odb::server
