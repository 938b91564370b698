// What a server says about itself, and the counters behind it.
#include "odb/server/statistics.h"

#include <gtest/gtest.h>

#include <string>

#include "odb/server/server.h"
#include "test_cluster.h"

namespace odb::server {
namespace {

using std::chrono::milliseconds;
using test::Changes;
using test::FakeStore;
using test::kStatus;
using test::kTask;
using test::number;
using test::task;
using test::TestClient;
using test::TestServer;

// Ann is connected; the schema is version 1.
struct StatisticsOf : ::testing::Test {
  explicit StatisticsOf(Limits limits = {}) : server(limits), ann(server) {
    ann.open();
    ann.define(test::todo_schema());
  }
  Statistics now() const { return server.core.statistics(); }
  void create(std::uint64_t id, const std::string& title) {
    ann.commit(Changes().create(kTask, id, task(title, 1)));
    ann.expect_accepted();
  }
  static Changeset set_status(std::int64_t value) {
    return Changes().update(kTask, 1, {{kStatus, number(value)}});
  }
  static ReadSet reads_status() { return {.cells = {{kTask, FieldId{kStatus}, ObjectId{1}}}}; }

  TestServer server;
  TestClient ann;
};

TEST_F(StatisticsOf, TellOfVersionsAndOfWhatTheStoreHasNotConfirmed) {
  server.store.set_completion(FakeStore::Completion::kWhenTold);
  ann.commit(Changes().create(kTask, 1, task("one", 1)));
  server.pass(milliseconds{30});
  ann.commit(Changes().create(kTask, 2, task("two", 1)));
  server.pass(milliseconds{10});
  Statistics found = now();
  EXPECT_EQ(found.history, (HistoryId{7, 8}));
  EXPECT_EQ(found.store, "fake");
  EXPECT_EQ(found.store_standing, StoreStanding::kReady);
  EXPECT_EQ(found.accepted, Version{3});
  EXPECT_EQ(found.durable, Version{1});
  EXPECT_EQ(found.published, Version{1});
  EXPECT_EQ(found.store_lag_versions, 2U);
  EXPECT_EQ(found.store_lag, milliseconds{40});
  EXPECT_EQ(found.commits, 0U) << "not before it is durable";

  server.store.complete(1);
  found = now();
  EXPECT_EQ(found.durable, Version{2});
  EXPECT_EQ(found.store_lag_versions, 1U);
  EXPECT_EQ(found.store_lag, milliseconds{10});
  EXPECT_EQ(found.commits, 1U);
  EXPECT_EQ(found.schema_changes, 1U);
  server.store.complete(1);
  EXPECT_EQ(now().store_lag, milliseconds{0});
  EXPECT_EQ(now().stages.durable.count(), 3U) << "the schema, and two commits";
  EXPECT_EQ(now().stages.durable.sum, milliseconds{40} + milliseconds{10});
}

TEST_F(StatisticsOf, CountWhatRollsBackAsNothing) {
  create(1, "one");
  const Statistics before = now();
  server.store.fail_from(Version{3});
  ann.commit(Changes().create(kTask, 2, task("two", 2)));
  EXPECT_EQ(ann.expect_commit_error().code, ErrorCode::kUnavailable);
  server.store.recover();
  ann.commit(Changes().erase(kTask, 1));
  ann.expect_accepted();
  EXPECT_EQ(now().objects, before.objects - 1);
  EXPECT_EQ(now().commits, before.commits + 1);
  EXPECT_EQ(now().store_lag, milliseconds{0});
  EXPECT_EQ(now().refusals, (std::vector<RefusalCount>{{ErrorCode::kUnavailable, 1}}));
}

TEST_F(StatisticsOf, CountObjectsRowsAndEntriesUntilNobodyCanReadThem) {
  const Statistics empty = now();
  create(1, "one");
  create(2, "two");
  Statistics found = now();
  EXPECT_EQ(found.objects, empty.objects + 2);
  EXPECT_EQ(found.rows, empty.rows + 2);
  EXPECT_EQ(found.index_entries - empty.index_entries,
            2 * test::todo_schema().types[0].indexes.size());
  EXPECT_GT(found.memory.rows, empty.memory.rows);
  EXPECT_GT(found.memory.indexes, empty.memory.indexes);
  EXPECT_GT(found.memory.retained_commits, empty.memory.retained_commits);

  ann.commit(set_status(5));
  ann.commit(Changes().erase(kTask, 1).erase(kTask, 2));
  EXPECT_EQ(now().objects, empty.objects);
  EXPECT_EQ(now().rows, empty.rows + 5) << "with before-images";
  server.core.state().trim_to(server.core.state().version());
  found = now();
  EXPECT_EQ(found.horizon, found.published);
  EXPECT_EQ(found.rows, empty.rows);
  EXPECT_EQ(found.memory.rows, empty.memory.rows);
  EXPECT_EQ(found.index_entries, empty.index_entries);
  EXPECT_EQ(found.memory.indexes, empty.memory.indexes);
}

TEST_F(StatisticsOf, CountConflictsAndRefusalsByCode) {
  create(1, "one");
  ann.commit(set_status(5));
  ann.expect_accepted();
  ann.commit(set_status(6), Version{2}, reads_status());
  ann.commit(Changes().update(TypeId{99}, 1, {{0, number(1)}}));
  ann.commit(Changes().create(kTask, 2, task("one", 1)));
  ann.commit(Changes().create(kTask, 3, task("one", 1)));
  const Statistics found = now();
  EXPECT_EQ(found.commits, 2U);
  EXPECT_EQ(found.conflicts, 1U);
  EXPECT_EQ(found.refusals, (std::vector<RefusalCount>{{ErrorCode::kUnknownType, 1},
                                                       {ErrorCode::kUniqueViolation, 2}}));
}

TEST_F(StatisticsOf, TellOfSessionsWhatTheySubscribedToAndHaveNotRead) {
  TestClient bob(server);
  Statistics found = now();
  EXPECT_EQ(found.connections, 2U);
  EXPECT_EQ(found.connections_made, 2U);
  EXPECT_EQ(found.sessions, 1U) << "Bob has not authenticated";
  EXPECT_EQ(found.subscriptions, 0U);
  bob.open(test::kBobsToken);
  bob.define(test::todo_schema());
  bob.subscribe(1, TypeInterest{kTask});
  bob.take_all();
  EXPECT_EQ(now().memory.queues, 0U);

  create(1, "one");
  found = now();
  EXPECT_EQ(found.sessions, 2U);
  EXPECT_EQ(found.subscriptions, 1U);
  EXPECT_EQ(found.memory.queues, bob.link().queued_bytes());
  EXPECT_GT(found.memory.queues, 0U);
  EXPECT_EQ(found.queued_bytes_max, found.memory.queues);
  bob.take_all();
}

struct StatisticsOfASmallLog : StatisticsOf {
  StatisticsOfASmallLog() : StatisticsOf(small()) {}
  static Limits small() {
    Limits limits;
    limits.retained_versions_max = 3;
    return limits;
  }
};

TEST_F(StatisticsOfASmallLog, TellHowManyVersionsStayReadable) {
  for (std::uint64_t id = 1; id <= 8; ++id) create(id, std::to_string(id));
  EXPECT_EQ(now().retained_versions, 3U);
  EXPECT_EQ(now().published.value - now().horizon.value, 3U);
}

// A store whose server is told of by a test.
TEST(StatisticsOfTheStore, TellWhyItIsNotReady) {
  struct AwayStore final : Store {
    void start(StoreListener& told, StoreHost&) override { listener = &told; }
    void append(const CommitBatch& batch) override { listener->on_durable(batch.last()); }
    void reserve_ids(ObjectId below) override { listener->on_ids_reserved(below); }
    std::string name() const override { return "away"; }
    StoreListener* listener = nullptr;
  };
  AwayStore store;
  const auto tokens = net::TokenTable::create({{"ann", test::kAnnsToken}});
  const CommitEngine engine;
  const AccessPolicy policy;
  ServerCore core({.tokens = *tokens, .store = store, .engine = engine, .policy = policy});
  store.listener->on_away({ErrorCode::kUnavailable, "no disk"});
  EXPECT_EQ(core.statistics().store_standing, StoreStanding::kAway);
  EXPECT_EQ(core.statistics().store_trouble, "no disk");
  store.listener->on_back();
  EXPECT_EQ(core.statistics().store_standing, StoreStanding::kReady);
  EXPECT_EQ(core.statistics().store_trouble, "");
  store.listener->on_lost({ErrorCode::kUnavailable, "taken"});
  store.listener->on_back();
  EXPECT_EQ(core.statistics().store_standing, StoreStanding::kLost);
  EXPECT_EQ(core.statistics().store_trouble, "taken");
}

TEST(StatisticsOfAServer, AreAskedFromAnyThreadAndStayAfterItsEnd) {
  auto server = Server::start({.listening = Listening::kNot});
  ASSERT_TRUE(server);
  const Statistics found = (*server)->statistics();
  EXPECT_EQ(found.store, "memory");
  EXPECT_GT(found.memory.resident, 1'000'000U);
  EXPECT_GT(found.started_utc_ns, 0);
  ASSERT_TRUE((*server)->statistics_within(milliseconds{60'000}));
  (*server)->stop();
  EXPECT_EQ((*server)->statistics().history, found.history);
}

}  // namespace
}  // namespace odb::server
