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
RetryTurns::Loser loser(std::uint64_t session, std::uint64_t object = 1) {
  return {SessionId{session},
          Sequence{session * 10},
          {.key = cell(object), .read = {}, .won = {}, .actor = {}}};
}
std::vector<std::uint64_t> due(RetryTurns& turns) {
  std::vector<std::uint64_t> sessions;
  for (const RetryTurns::Loser& each : turns.take_due()) sessions.push_back(each.session.value);
  return sessions;
}
using Sessions = std::vector<std::uint64_t>;

TEST(RetryTurns, TheFirstLoserIsToldAtOnceAndTheOthersOneByOne) {
  RetryTurns turns;
  EXPECT_FALSE(turns.wait(loser(1), kStart));
  EXPECT_TRUE(turns.wait(loser(2), kStart));
  EXPECT_TRUE(turns.wait(loser(3), kStart));
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
  turns.wait(loser(1), kStart);
  turns.wait(loser(2), kStart);
  EXPECT_FALSE(turns.wait(loser(1), kStart));
  EXPECT_EQ(due(turns), Sessions());
}

TEST(RetryTurns, ATurnEndsAfterItsTime) {
  RetryTurns turns;
  turns.wait(loser(1), kStart);
  EXPECT_FALSE(turns.deadline()) << "nobody waits";
  turns.wait(loser(2), kStart);
  turns.wait(loser(3), kStart);
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
  EXPECT_FALSE(turns.wait(loser(1, 1), kStart));
  EXPECT_FALSE(turns.wait(loser(2, 2), kStart));
  EXPECT_TRUE(turns.wait(loser(3, 1), kStart));
  EXPECT_TRUE(turns.wait(loser(4, 2), kStart));
  turns.end_turn(SessionId{2}, kStart);
  EXPECT_EQ(due(turns), Sessions{4});
  // Whoever loses on something else gives up its first turn.
  EXPECT_TRUE(turns.wait(loser(1, 2), kStart));
  EXPECT_EQ(due(turns), Sessions{3});
}

TEST(RetryTurns, WhoIsGoneIsToldNothingAndHoldsUpNobody) {
  RetryTurns turns;
  for (std::uint64_t session = 1; session <= 4; ++session) turns.wait(loser(session), kStart);
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
  for (std::uint64_t session = 1; session <= 3; ++session) turns.wait(loser(session), kStart);
  turns.release(SessionId{3});
  turns.release(SessionId{1});  // does not wait
  EXPECT_EQ(due(turns), Sessions{3});
  turns.end_turn(SessionId{1}, kStart);
  EXPECT_EQ(due(turns), Sessions{2});
}

TEST(RetryTurns, NoMoreThanSoManyWait) {
  RetryTurns turns;
  turns.wait(loser(1), kStart);
  for (std::uint64_t i = 0; i < RetryTurns::kWaitingMax; ++i) {
    EXPECT_TRUE(turns.wait(loser(2 + i), kStart));
  }
  EXPECT_FALSE(turns.wait(loser(1000), kStart));
  turns.release_all();
  EXPECT_EQ(due(turns).size(), RetryTurns::kWaitingMax);
  EXPECT_TRUE(turns.is_empty());
  EXPECT_FALSE(turns.deadline());
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
  for (std::size_t i = 0; i < 4; ++i) increment(i, start);
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
  for (std::size_t i = 0; i < 4; ++i) increment(i, start);
  expect_conflict(1);
  client(2).expect_nothing();
  server.pass(std::chrono::ceil<std::chrono::milliseconds>(RetryTurns::kTurnTime));
  expect_conflict(2);
  client(3).expect<Heartbeat>();
  client(3).expect_nothing();
}

TEST_F(Turns, EndWithTheSession) {
  for (std::size_t i = 0; i < 4; ++i) increment(i, start);
  expect_conflict(1);
  clients.erase(clients.begin() + 1);
  server.core.finish_batch();
  expect_conflict(1);  // the third
}

TEST_F(Turns, DoNotDelayWhatFollows) {
  for (std::size_t i = 0; i < 3; ++i) increment(i, start);
  expect_conflict(1);
  client(2).expect_nothing();
  client(2).commit(Changes().update(kTask, 1, {{kStatus, number(7)}}));
  client(2).expect_accepted();  // the second commit, which reads nothing
  expect_conflict(2);           // the first
}

TEST_F(Turns, EndWithTheServer) {
  for (std::size_t i = 0; i < 3; ++i) increment(i, start);
  server.core.shut_down();
  expect_conflict(2);
  client(2).expect_goodbye(ErrorCode::kShuttingDown);
}

}  // namespace
}  // namespace odb::server
