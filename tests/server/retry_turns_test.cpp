// In which order those are told of a conflict who will try again.
#include "odb/server/retry_turns.h"

#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "test_cluster.h"

namespace odb::server {
namespace {

using test::Changes;
using test::kStatus;
using test::kTask;
using test::number;
using test::task;
using test::TestClient;
using test::TestServer;

// ---- the decision ----

constexpr auto kTurn = RetryTurns::kTurnTime;
const RetryTurns::Time kStart{};

CellRead cell(std::uint64_t object) { return {kTask, FieldId{kStatus}, ObjectId{object}}; }
bool loses(RetryTurns& turns, std::uint64_t session, RetryTurns::Time now,
           std::uint64_t object = 1) {
  return turns.wait(SessionId{session}, Sequence{session * 10},
                    {.key = cell(object), .read = {}, .won = {}, .actor = {}}, now);
}
// Whether a commit that reads the cell and changes one has to wait.
bool is_held_back(RetryTurns& turns, std::uint64_t session, const CellRead& read,
                  const CellRead& changed, RetryTurns::Time now = kStart) {
  const CommitRequest request{
      .snapshot = {},
      .reads = {.cells = {read}},
      .writes = Changes().update(kTask, changed.object.value, {{changed.field.value, number(1)}})};
  return turns.hold_back(SessionId{session}, Sequence{session * 10}, request, now);
}
std::vector<std::uint64_t> due(RetryTurns& turns) {
  std::vector<std::uint64_t> sessions;
  for (const RetryTurns::Waiter& each : turns.take_due()) sessions.push_back(each.session.value);
  return sessions;
}
using Sessions = std::vector<std::uint64_t>;

TEST(RetryTurns, TheFirstLoserIsToldAtOnceAndTheOthersOneByOne) {
  RetryTurns turns;
  EXPECT_FALSE(loses(turns, 1, kStart));
  EXPECT_TRUE(loses(turns, 2, kStart));
  EXPECT_TRUE(loses(turns, 3, kStart));
  EXPECT_EQ(due(turns), Sessions());
  turns.end_turn(SessionId{1}, kStart);
  EXPECT_EQ(due(turns), Sessions{2});
  turns.end_turn(SessionId{2}, kStart);
  EXPECT_EQ(due(turns), Sessions{3});
  turns.end_turn(SessionId{3}, kStart);
  EXPECT_TRUE(turns.is_empty());
}

TEST(RetryTurns, WhoLosesInItsTurnKeepsIt) {
  RetryTurns turns;
  loses(turns, 1, kStart);
  loses(turns, 2, kStart);
  EXPECT_FALSE(loses(turns, 1, kStart));
  EXPECT_EQ(due(turns), Sessions());
}

TEST(RetryTurns, ATurnEndsAfterItsTime) {
  RetryTurns turns;
  loses(turns, 1, kStart);
  EXPECT_FALSE(turns.deadline()) << "nobody waits";
  loses(turns, 2, kStart);
  loses(turns, 3, kStart);
  EXPECT_EQ(turns.deadline(), kStart + kTurn);
  turns.expire(kStart + kTurn - std::chrono::microseconds(1));
  EXPECT_EQ(due(turns), Sessions());
  turns.expire(kStart + kTurn);
  EXPECT_EQ(due(turns), Sessions{2});
  EXPECT_EQ(turns.deadline(), kStart + 2 * kTurn);
  turns.end_turn(SessionId{1}, kStart + kTurn);  // too late: it is not its turn any more
  EXPECT_EQ(due(turns), Sessions());
  turns.expire(kStart + 2 * kTurn);
  EXPECT_EQ(due(turns), Sessions{3});
}

TEST(RetryTurns, DifferentThingsHaveTurnsOfTheirOwn) {
  RetryTurns turns;
  EXPECT_FALSE(loses(turns, 1, kStart, 1));
  EXPECT_FALSE(loses(turns, 2, kStart, 2));
  EXPECT_TRUE(loses(turns, 3, kStart, 1));
  EXPECT_TRUE(loses(turns, 4, kStart, 2));
  turns.end_turn(SessionId{2}, kStart);
  EXPECT_EQ(due(turns), Sessions{4});
  // Whoever loses on something else gives up its first turn.
  EXPECT_TRUE(loses(turns, 1, kStart, 2));
  EXPECT_EQ(due(turns), Sessions{3});
}

TEST(RetryTurns, WhoIsGoneIsToldNothingAndHoldsUpNobody) {
  RetryTurns turns;
  for (std::uint64_t session = 1; session <= 4; ++session) loses(turns, session, kStart);
  turns.remove(SessionId{2}, kStart);
  EXPECT_EQ(due(turns), Sessions());
  turns.remove(SessionId{1}, kStart);
  EXPECT_EQ(due(turns), Sessions{3});
  turns.end_turn(SessionId{3}, kStart);
  turns.remove(SessionId{4}, kStart);  // between its turn and being told
  EXPECT_EQ(due(turns), Sessions());
  EXPECT_TRUE(turns.is_empty());
}

TEST(RetryTurns, WhoDoesSomethingElseIsToldNow) {
  RetryTurns turns;
  for (std::uint64_t session = 1; session <= 3; ++session) loses(turns, session, kStart);
  turns.release(SessionId{3});
  turns.release(SessionId{1});  // does not wait
  EXPECT_EQ(due(turns), Sessions{3});
  turns.end_turn(SessionId{1}, kStart);
  EXPECT_EQ(due(turns), Sessions{2});
}

TEST(RetryTurns, NoMoreThanSoManyWait) {
  RetryTurns turns;
  loses(turns, 1, kStart);
  for (std::uint64_t i = 0; i < RetryTurns::kWaitingMax; ++i) {
    EXPECT_TRUE(loses(turns, 2 + i, kStart));
  }
  EXPECT_FALSE(loses(turns, 1000, kStart));
  turns.release_all();
  EXPECT_EQ(due(turns).size(), RetryTurns::kWaitingMax);
  EXPECT_TRUE(turns.is_empty());
  EXPECT_FALSE(turns.deadline());
}

TEST(RetryTurns, WhoHasWonGoesBehindThoseWhoLost) {
  RetryTurns turns;
  EXPECT_FALSE(is_held_back(turns, 1, cell(1), cell(1))) << "nobody has lost";
  loses(turns, 2, kStart);
  loses(turns, 3, kStart);
  EXPECT_TRUE(is_held_back(turns, 1, cell(1), cell(1)));
  EXPECT_FALSE(is_held_back(turns, 2, cell(1), cell(1))) << "it is its turn";
  turns.end_turn(SessionId{2}, kStart);
  EXPECT_TRUE(is_held_back(turns, 2, cell(1), cell(1)));
  EXPECT_EQ(due(turns), Sessions{3});
  turns.end_turn(SessionId{3}, kStart);
  EXPECT_EQ(due(turns), Sessions{1});
  turns.end_turn(SessionId{1}, kStart);
  EXPECT_EQ(due(turns), Sessions{2});
}

TEST(RetryTurns, OnlyWhatWouldMakeLosersLoseAgainIsHeldBack) {
  RetryTurns turns;
  loses(turns, 2, kStart);
  EXPECT_FALSE(is_held_back(turns, 1, cell(1), cell(2))) << "reads it only";
  EXPECT_FALSE(is_held_back(turns, 1, cell(2), cell(1))) << "cannot conflict on it";
  const CellRead other{kTask, FieldId{kStatus + 1}, ObjectId{1}};
  EXPECT_FALSE(is_held_back(turns, 1, cell(1), other)) << "another field of the object";
  EXPECT_FALSE(is_held_back(turns, 1, cell(2), cell(2))) << "another object";
  EXPECT_TRUE(is_held_back(turns, 1, cell(1), cell(1)));
}

TEST(RetryTurns, WhoHasATurnIsNotHeldBackByAnother) {
  RetryTurns turns;
  loses(turns, 1, kStart, 1);
  loses(turns, 2, kStart, 2);
  EXPECT_FALSE(is_held_back(turns, 1, cell(2), cell(2)));
}

TEST(RetryTurns, NobodyIsHeldBackForLongerThanATurn) {
  RetryTurns turns;
  loses(turns, 2, kStart);
  EXPECT_TRUE(is_held_back(turns, 1, cell(1), cell(1)));
  EXPECT_EQ(turns.deadline(), kStart + kTurn);
  turns.expire(kStart + kTurn);
  EXPECT_EQ(due(turns), Sessions{1});
  // Nor behind a turn whose time was over before.
  EXPECT_FALSE(is_held_back(turns, 2, cell(1), cell(1), kStart + 2 * kTurn));
}

// ---- in the server ----

struct Turns : ::testing::Test {
  Turns() {
    for (int i = 0; i < 4; ++i) {
      clients.push_back(std::make_unique<TestClient>(server));
      clients.back()->open();
    }
    clients[0]->define(test::todo_schema());
    clients[0]->commit(Changes().create(kTask, 1, task("one", 0)));
    start = clients[0]->expect_accepted();
    for (auto& client : clients) client->try_again();
  }
  TestClient& client(std::size_t i) { return *clients[i]; }
  // Reads the status as of then, and writes it.
  void increment(std::size_t i, Version snapshot) {
    client(i).commit(Changes().update(kTask, 1, {{kStatus, number(1)}}), snapshot,
                     {.cells = {cell(1)}});
  }
  // Of the first clients, judged before anybody is told: all but the first lose.
  void increment_together(std::size_t count) {
    server.finishes_batches = false;
    for (std::size_t i = 0; i < count; ++i) increment(i, start);
    server.finishes_batches = true;
    server.core.finish_batch();
  }
  Conflict expect_conflict(std::size_t i) {
    const auto done = client(i).expect<CommitDone>();
    const auto* conflict = std::get_if<Conflict>(&done.outcome);
    EXPECT_NE(conflict, nullptr);
    return conflict == nullptr ? Conflict{} : *conflict;
  }

  TestServer server;
  std::vector<std::unique_ptr<TestClient>> clients;
  Version start;
};

TEST_F(Turns, LosersAreToldOneAfterTheOther) {
  increment_together(4);
  const Version first = client(0).expect_accepted();
  EXPECT_EQ(expect_conflict(1).won, first);
  client(2).expect_nothing();
  client(3).expect_nothing();
  increment(1, first);
  const Version second = client(1).expect_accepted();
  EXPECT_EQ(expect_conflict(2).won, first);
  client(3).expect_nothing();
  increment(2, second);
  client(2).expect_accepted();
  expect_conflict(3);
}

TEST_F(Turns, OfLosersComeBeforeTheWinnersNextOne) {
  increment_together(3);
  const Version first = client(0).expect_accepted();
  expect_conflict(1);
  increment(0, first);  // would win again
  client(0).expect_nothing();
  increment(1, first);
  const Version second = client(1).expect_accepted();
  increment(1, second);
  client(1).expect_nothing();
  expect_conflict(2);
  increment(2, first);  // lost, for whatever reason: it is its turn still
  expect_conflict(2);
  increment(2, second);
  const Version third = client(2).expect_accepted();
  EXPECT_EQ(expect_conflict(0).won, third);
  increment(0, third);
  client(0).expect_accepted();
  expect_conflict(1);
}

TEST_F(Turns, KeepACommitBackForAWhileOnly) {
  increment(0, start);
  const Version first = client(0).expect_accepted();
  increment(1, start);
  expect_conflict(1);
  increment(0, first);
  client(0).expect_nothing();
  server.pass(std::chrono::ceil<std::chrono::milliseconds>(RetryTurns::kTurnTime));
  client(0).expect_accepted();
}

TEST_F(Turns, KeepACommitBackUntilTheNextOne) {
  increment(0, start);
  const Version first = client(0).expect_accepted();
  increment(1, start);
  expect_conflict(1);
  increment(0, first);
  client(0).expect_nothing();
  client(0).commit(Changes().update(kTask, 1, {{kStatus, number(7)}}));
  EXPECT_EQ(client(0).expect_accepted(), next(first));
  client(0).expect_accepted();
}

TEST_F(Turns, KeepNothingBackOfOneWhoIsGone) {
  increment(0, start);
  const Version first = client(0).expect_accepted();
  increment(1, start);
  expect_conflict(1);
  increment(0, first);
  clients.erase(clients.begin());
  increment(0, first);  // the one that lost
  EXPECT_EQ(client(0).expect_accepted(), next(first));
  increment(1, next(first));
  EXPECT_EQ(client(1).expect_accepted(), next(next(first)));
}

TEST_F(Turns, AreForThoseOnlyWhoTryAgain) {
  increment(0, start);
  increment(1, start);
  expect_conflict(1);
  TestClient other(server);
  other.open();
  other.commit(Changes().update(kTask, 1, {{kStatus, number(1)}}), start, {.cells = {cell(1)}});
  EXPECT_TRUE(std::holds_alternative<Conflict>(other.expect<CommitDone>().outcome));
}

TEST_F(Turns, OfOneWhoIsSlowAreOverAfterAWhile) {
  increment_together(4);
  expect_conflict(1);
  client(2).expect_nothing();
  server.pass(std::chrono::ceil<std::chrono::milliseconds>(RetryTurns::kTurnTime));
  expect_conflict(2);
  client(3).expect<Heartbeat>();
  client(3).expect_nothing();
}

TEST_F(Turns, EndWithTheSession) {
  increment_together(4);
  expect_conflict(1);
  clients.erase(clients.begin() + 1);
  server.core.finish_batch();
  expect_conflict(1);  // the third
}

TEST_F(Turns, DoNotDelayWhatFollows) {
  increment_together(3);
  expect_conflict(1);
  client(2).expect_nothing();
  client(2).commit(Changes().update(kTask, 1, {{kStatus, number(7)}}));
  client(2).expect_accepted();  // the second commit, which reads nothing
  expect_conflict(2);           // the first
}

TEST_F(Turns, DoNotDelayWhatFollowsACommitKeptBack) {
  increment_together(2);
  expect_conflict(1);
  increment(2, start);  // would lose
  client(2).expect_nothing();
  client(2).commit(Changes().update(kTask, 1, {{kStatus, number(7)}}));
  expect_conflict(2);
  client(2).expect_accepted();
}

TEST_F(Turns, KeepACommitBackThoughTheOneBeforeIsNotAnyMore) {
  increment_together(2);
  const Version first = client(0).expect_accepted();
  expect_conflict(1);
  increment(2, start);  // would lose
  increment(2, first);  // would win
  expect_conflict(2);   // the first of them
  client(2).expect_nothing();
  increment(1, first);
  const Version second = client(1).expect_accepted();
  EXPECT_EQ(expect_conflict(2).won, second);
}

TEST_F(Turns, EndWithTheServer) {
  increment_together(3);
  const Version first = client(0).expect_accepted();
  increment(0, first);
  server.core.shut_down();
  expect_conflict(2);
  client(2).expect_goodbye(ErrorCode::kShuttingDown);
  EXPECT_EQ(client(0).expect_accepted(), next(first));
}

}  // namespace
}  // namespace odb::server
