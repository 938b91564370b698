// The store over a real Redis that misbehaves.
#include "odb/server/redis_store.h"

#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "redis_process.h"
#include "store_run.h"
#include "support/changes.h"
#include "support/todo_schema.h"

namespace odb::server {
namespace {

using std::chrono::milliseconds;
using test::Changes;
using test::kTask;
using test::number;
using test::StoreRun;
using test::task;

class RedisStoreTest : public ::testing::Test {
 protected:
  RedisOptions options() const {
    RedisOptions options;
    options.address = redis_.address();
    options.store_timeout = milliseconds(1000);
    options.lease_time = milliseconds(600);
    options.lease_wait = milliseconds(300);
    return options;
  }
  std::unique_ptr<StoreRun> open(RedisOptions with, HistoryId fresh = {1, 1}) {
    return std::make_unique<StoreRun>(make_redis_store(std::move(with)), fresh);
  }
  std::unique_ptr<StoreRun> open(HistoryId fresh = {1, 1}) { return open(options(), fresh); }
  // With the schema and one task.
  std::unique_ptr<StoreRun> open_filled() {
    auto run = open();
    EXPECT_FALSE(run->error) << run->error->message;
    EXPECT_TRUE(run->reserve(ObjectId{1000}));
    run->define(test::todo_schema());
    run->commit(Changes().create(kTask, 1, task("one", 1)));
    EXPECT_TRUE(run->settle());
    run->outcomes.clear();
    return run;
  }
  static ErrorCode code_of(const CommitOutcome& outcome) {
    const auto* error = std::get_if<Error>(&outcome);
    return error == nullptr ? ErrorCode::kNone : error->code;
  }
  static Changeset set_status(std::int64_t status) {
    return Changes().update(kTask, 1, {{test::kStatus, number(status)}});
  }
  bool wait(StoreRun& run, const std::function<bool()>& is_so) { return run.host.run_until(is_so); }

  test::RedisProcess redis_;
};

TEST_F(RedisStoreTest, ARestartOfRedisInBetweenLosesNothing) {
  auto run = open_filled();
  redis_.kill();
  ASSERT_TRUE(wait(*run, [&] { return run->is_away; }));
  run->commit(set_status(2));
  ASSERT_EQ(run->outcomes.size(), 1u) << "refused at once";
  EXPECT_EQ(code_of(run->outcomes[0]), ErrorCode::kUnavailable);
  redis_.start();
  ASSERT_TRUE(wait(*run, [&] { return !run->is_away; }));
  run->commit(set_status(3));
  ASSERT_TRUE(run->settle());
  EXPECT_EQ(run->outcomes.back(), CommitOutcome(Accepted{Version{3}}));
}

TEST_F(RedisStoreTest, AStuckRedisMakesOutcomesUnknownAndTheyMayStillTakeEffect) {
  auto run = open_filled();
  redis_.signal(SIGSTOP);
  run->commit(set_status(2));
  ASSERT_TRUE(wait(*run, [&] { return !run->outcomes.empty(); }));
  EXPECT_EQ(code_of(run->outcomes[0]), ErrorCode::kOutcomeUnknown);
  ASSERT_TRUE(wait(*run, [&] { return run->is_away; }));
  redis_.signal(SIGCONT);
  ASSERT_TRUE(wait(*run, [&] { return !run->is_away; }));
  ASSERT_TRUE(run->settle());
  ASSERT_EQ(run->outcomes.size(), 1u) << "told once";
  // Whatever became of it, asking again by its number does it once.
  auto again = StoreRun::origin(2);
  again.delivery = Delivery::kResent;
  run->submit(again, set_status(2));
  run->pipeline->flush();
  ASSERT_TRUE(run->settle());
  ASSERT_EQ(run->outcomes.size(), 2u);
  EXPECT_EQ(run->outcomes[1], CommitOutcome(Accepted{Version{3}}));
  EXPECT_EQ(run->version(), Version{3});
}

TEST_F(RedisStoreTest, ForgottenScriptsCostNothing) {
  auto run = open_filled();
  redis_.ask({"SCRIPT", "FLUSH"});
  run->commit(set_status(2));
  run->commit(set_status(3));
  ASSERT_TRUE(run->settle());
  EXPECT_EQ(run->outcomes.back(), CommitOutcome(Accepted{Version{4}}));
}

TEST_F(RedisStoreTest, AFullRedisRefusesAndLaterTakes) {
  auto run = open_filled();
  redis_.ask({"CONFIG", "SET", "maxmemory", "1"});
  run->commit(set_status(2));
  ASSERT_TRUE(wait(*run, [&] { return !run->outcomes.empty(); }));
  EXPECT_EQ(code_of(run->outcomes[0]), ErrorCode::kUnavailable);
  EXPECT_NE(std::get<Error>(run->outcomes[0]).message.find("OOM"), std::string::npos);
  redis_.ask({"CONFIG", "SET", "maxmemory", "0"});
  run->commit(set_status(3));
  ASSERT_TRUE(run->settle());
  EXPECT_EQ(run->outcomes.back(), CommitOutcome(Accepted{Version{3}}));
  EXPECT_EQ(run->fields(kTask, 1)[test::kStatus], number(3));
}

TEST_F(RedisStoreTest, AReadOnlyRedisRefusesAndLaterTakes) {
  auto run = open_filled();
  redis_.ask({"REPLICAOF", "127.0.0.1", "1"});
  run->commit(set_status(2));
  ASSERT_TRUE(wait(*run, [&] { return !run->outcomes.empty(); }));
  EXPECT_EQ(code_of(run->outcomes[0]), ErrorCode::kUnavailable);
  redis_.ask({"REPLICAOF", "NO", "ONE"});
  run->commit(set_status(3));
  ASSERT_TRUE(run->settle());
  EXPECT_FALSE(run->lost);
}

TEST_F(RedisStoreTest, AFlushedRedisIsLost) {
  auto run = open_filled();
  redis_.ask({"FLUSHALL"});
  run->commit(set_status(2));
  ASSERT_TRUE(wait(*run, [&] { return run->lost.has_value(); }));
  EXPECT_NE(run->lost->message.find("gone"), std::string::npos) << run->lost->message;
  run->commit(set_status(3));
  EXPECT_EQ(code_of(run->outcomes.back()), ErrorCode::kUnavailable);
  run.reset();
  auto next = open({2, 2});
  EXPECT_EQ(next->database->history, (HistoryId{2, 2}));
  EXPECT_EQ(next->version(), Version{});
}

TEST_F(RedisStoreTest, AnOlderFileIsNoticedAndBeginsANewHistory) {
  auto run = open_filled();
  redis_.kill();
  ASSERT_TRUE(wait(*run, [&] { return run->is_away; }));
  const auto file = std::filesystem::path(redis_.folder());
  std::filesystem::copy(file / "appendonlydir", file / "older",
                        std::filesystem::copy_options::recursive);
  redis_.start();
  ASSERT_TRUE(wait(*run, [&] { return !run->is_away; }));
  run->commit(set_status(2));
  ASSERT_TRUE(run->settle());
  redis_.kill();
  std::filesystem::remove_all(file / "appendonlydir");
  std::filesystem::rename(file / "older", file / "appendonlydir");
  redis_.start();
  ASSERT_TRUE(wait(*run, [&] { return run->lost.has_value(); }));
  EXPECT_NE(run->lost->message.find("lost commits"), std::string::npos) << run->lost->message;
  run.reset();
  auto next = open({2, 2});
  ASSERT_FALSE(next->error) << next->error->message;
  EXPECT_TRUE(next->database->is_new_history);
  EXPECT_EQ(next->database->history, (HistoryId{2, 2}));
  EXPECT_EQ(next->version(), Version{2}) << "from what the store has";
}

TEST_F(RedisStoreTest, ASecondOwnerIsRefusedWhileTheFirstLives) {
  auto run = open_filled();
  auto second = open({2, 2});
  ASSERT_TRUE(second->error);
  EXPECT_EQ(second->error->code, ErrorCode::kServerAlreadyRunning);
  run->commit(set_status(2));
  EXPECT_TRUE(run->settle());
}

TEST_F(RedisStoreTest, AnOldOwnerCanNeverWrite) {
  auto run = open_filled();
  // The first one's possession ran out, as if it had been stopped for long.
  redis_.ask({"DEL", "odb:lease"});
  auto second = open({2, 2});
  ASSERT_FALSE(second->error) << second->error->message;
  EXPECT_EQ(second->database->history, (HistoryId{1, 1}));
  run->commit(set_status(2));
  ASSERT_TRUE(wait(*run, [&] { return run->lost.has_value(); }));
  EXPECT_NE(run->lost->message.find("another server"), std::string::npos) << run->lost->message;
  EXPECT_EQ(code_of(run->outcomes.at(0)), ErrorCode::kUnavailable);
  second->sequence = 10;
  second->commit(set_status(5));
  ASSERT_TRUE(second->settle());
  second.reset();
  auto third = open({3, 3});
  EXPECT_EQ(third->fields(kTask, 1)[test::kStatus], number(5));
}

TEST_F(RedisStoreTest, AnOwnerThatFindsItselfReplacedWithoutWritingLearnsOfIt) {
  auto run = open_filled();
  redis_.ask({"DEL", "odb:lease"});
  auto second = open({2, 2});
  EXPECT_TRUE(wait(*run, [&] { return run->lost.has_value(); })) << "by its renewal";
}

TEST_F(RedisStoreTest, KeysOfSomethingElseAreLeftAlone) {
  redis_.ask({"SET", "odb:mine", "1"});
  auto run = open();
  ASSERT_TRUE(run->error);
  EXPECT_EQ(run->error->code, ErrorCode::kBadConfiguration);
  EXPECT_NE(run->error->message.find("odb:mine"), std::string::npos);
  EXPECT_EQ(redis_.ask({"DBSIZE"}).integer, 1);
}

TEST_F(RedisStoreTest, ANewerFormatIsLeftAlone) {
  redis_.ask({"HSET", "odb:meta", "format", "odb 2"});
  auto run = open();
  ASSERT_TRUE(run->error);
  EXPECT_NE(run->error->message.find("odb 2"), std::string::npos) << run->error->message;
  EXPECT_EQ(redis_.ask({"HLEN", "odb:meta"}).integer, 1);
}

TEST_F(RedisStoreTest, DamagedRecordsAreNamed) {
  open_filled().reset();
  redis_.ask({"SET", "odb:row:1:1", "nonsense"});
  auto run = open();
  ASSERT_TRUE(run->error);
  EXPECT_NE(run->error->message.find("odb:row:1:1"), std::string::npos) << run->error->message;
}

TEST_F(RedisStoreTest, MissingRowsAreNoticed) {
  open_filled().reset();
  redis_.ask({"DEL", "odb:row:1:1"});
  auto run = open();
  ASSERT_TRUE(run->error);
  EXPECT_NE(run->error->message.find("missing"), std::string::npos) << run->error->message;
}

TEST_F(RedisStoreTest, DatabasesUnderSeveralPrefixesKeepApart) {
  auto with = options();
  with.prefix = "other[1]:";
  auto other = open(with, {5, 5});
  ASSERT_FALSE(other->error) << other->error->message;
  auto run = open_filled();
  EXPECT_EQ(other->version(), Version{});
  other.reset();
  EXPECT_EQ(open(with, {6, 6})->database->history, (HistoryId{5, 5}));
}

TEST_F(RedisStoreTest, TheLogIsCutOffAtItsLimit) {
  auto with = options();
  with.retention.versions = 100;
  auto run = open(with);
  ASSERT_TRUE(run->reserve(ObjectId{1000}));
  run->define(test::todo_schema());
  run->commit(Changes().create(kTask, 1, task("one", 1)));
  for (int i = 0; i < 1000; ++i) {
    run->commit(set_status(i));
    if (i % 10 != 0) continue;
    ASSERT_TRUE(run->settle());
  }
  ASSERT_TRUE(run->settle());
  EXPECT_LE(redis_.ask({"XLEN", "odb:log"}).integer, 300);
  EXPECT_GE(redis_.ask({"XLEN", "odb:log"}).integer, 10);
}

TEST_F(RedisStoreTest, NobodyThereIsAnError) {
  redis_.kill();
  auto run = open();
  ASSERT_TRUE(run->error);
  EXPECT_EQ(run->error->code, ErrorCode::kConnectFailed);
}

}  // namespace
}  // namespace odb::server
