// Connections as objects: they come and go with sessions, and take along what they own.
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "odb/core/core_schema.h"
#include "test_cluster.h"

namespace odb::server {
namespace {

using test::Changes;
using test::FakeStore;
using test::number;
using test::TestClient;
using test::TestServer;

SchemaDefinition lease_schema() {
  return {"leases",
          {{"Lease",
            {{"what", Type::text()}, {"holder", Type::reference(connection_type_name())}},
            {{"holder", {"holder"}, Uniqueness::kMany, IndexRole::kOwner}}}}};
}

// Core is defined before the first schema that refers to it.
constexpr TypeId kConnection{1};
constexpr TypeId kLease{2};
constexpr std::uint32_t kHolder = 1;

test::Cells lease(std::string_view what, ObjectId holder) {
  return {{0, Value::text(what)}, {kHolder, Value::reference(kConnection, holder)}};
}

struct ConnectionObjectsTest : ::testing::Test {
  explicit ConnectionObjectsTest(FakeStore::Completion completion = FakeStore::Completion::kAtOnce)
      : server({}, TestServer::kAllowAll, completion) {}

  // The objects of a type that exist now.
  std::vector<ObjectId> existing(TypeId type) {
    std::vector<ObjectId> out;
    const ObjectTable* objects = server.core.state().objects(type);
    if (objects == nullptr) return out;
    for (auto found = objects->find_from(ObjectId{1}); found.newest != nullptr;
         found = objects->find_from(ObjectId{found.id.value + 1})) {
      if (!found.newest->deleted()) out.push_back(found.id);
    }
    return out;
  }

  TestServer server;
};

TEST_F(ConnectionObjectsTest, CostNoCommitWhileNobodyKnowsTheSchema) {
  TestClient ann(server);
  const SessionOpened opened = ann.open();
  EXPECT_EQ(opened.connection, ObjectId{opened.ids.front().first.value + 1024});
  ann.define(test::todo_schema());
  EXPECT_EQ(server.core.pipeline().published(), Version{1});
}

TEST_F(ConnectionObjectsTest, TellWhoIsThere) {
  TestClient ann(server);
  const ObjectId anns = ann.open().connection;
  ann.define({std::string(kCoreSchema), {core_schema_definition().types}});
  const std::vector<SnapshotChunk> chunks = ann.subscribe(1, TypeInterest{kConnection});
  ASSERT_EQ(chunks.size(), 1u);
  EXPECT_EQ(chunks[0].rows.objects, std::vector<ObjectId>{anns});
  ASSERT_EQ(chunks[0].rows.values.size(), 4u);
  EXPECT_EQ(chunks[0].rows.values[1], Value::text("ann"));
  EXPECT_EQ(chunks[0].rows.values[2], Value::text("127.0.0.1:1"));

  auto bob = std::make_unique<TestClient>(server);
  bob->say_hello();
  bob->authenticate(test::kBobsToken);
  bob->send(OpenSession{{1, 2}, "worker 7"});
  const ObjectId bobs = bob->expect<SessionOpened>().connection;
  const Delta came = ann.expect<Delta>();
  ASSERT_EQ(came.changes.objects.size(), 1u);
  EXPECT_EQ(came.changes.objects[0].object, bobs);
  EXPECT_EQ(came.changes.cells[0].value, Value::text("worker 7"));

  bob.reset();
  server.pass(server.core.limits().connection_grace);
  const Delta went = ann.expect<Delta>();
  ASSERT_EQ(went.changes.objects.size(), 1u);
  EXPECT_EQ(went.changes.objects[0].kind, ObjectChange::Kind::kDelete);
  EXPECT_EQ(went.changes.objects[0].object, bobs);
  EXPECT_EQ(existing(kConnection), std::vector<ObjectId>{anns});
}

TEST_F(ConnectionObjectsTest, GoWithAGoodbyeAtOnce) {
  TestClient ann(server);
  const ObjectId anns = ann.open().connection;
  TestClient bob(server);
  bob.open(test::kBobsToken);
  ann.define(core_schema_definition());
  EXPECT_EQ(existing(kConnection).size(), 2u);
  bob.send(Goodbye{});
  EXPECT_EQ(existing(kConnection), std::vector<ObjectId>{anns});
}

TEST_F(ConnectionObjectsTest, TakeWhatTheyOwnAlongInOneCommit) {
  TestClient ann(server);
  const ObjectId anns = ann.open().connection;
  auto bob = std::make_unique<TestClient>(server);
  const ObjectId bobs = bob->open(test::kBobsToken).connection;
  ann.define(lease_schema());
  bob->define(lease_schema());
  ann.subscribe(1, TypeInterest{kLease});
  const std::uint64_t kept = ann.new_id();
  const std::uint64_t given = ann.new_id();
  const std::uint64_t passed_on = bob->new_id();
  const std::uint64_t lost = bob->new_id();
  ann.commit(
      Changes().create(kLease, kept, lease("a", anns)).create(kLease, given, lease("b", bobs)));
  bob->commit(
      Changes().create(kLease, passed_on, lease("c", bobs)).create(kLease, lost, lease("d", bobs)));
  ann.commit(Changes().update(kLease, passed_on, {{kHolder, Value::reference(kConnection, anns)}}));
  ann.take_all();
  const Version before = server.core.pipeline().published();

  bob.reset();
  server.pass(server.core.limits().connection_grace);
  EXPECT_EQ(server.core.pipeline().published(), next(before));
  EXPECT_EQ(existing(kLease), (std::vector<ObjectId>{ObjectId{kept}, ObjectId{passed_on}}));
  EXPECT_EQ(existing(kConnection), std::vector<ObjectId>{anns});
  const Delta gone = ann.expect<Delta>();
  EXPECT_EQ(gone.actor, "bob");
  EXPECT_EQ(gone.changes.objects.size(), 2u);
}

TEST_F(ConnectionObjectsTest, CannotBeGivenAnythingOnceTheyHaveEnded) {
  TestClient ann(server);
  ann.open();
  ObjectId bobs;
  {
    TestClient bob(server);
    bobs = bob.open(test::kBobsToken).connection;
    ann.define(lease_schema());
  }
  server.pass(server.core.limits().connection_grace);
  ann.take_all();
  ann.commit(Changes().create(kLease, ann.new_id(), lease("late", bobs)),
             server.core.pipeline().published());
  const CommitDone done = ann.expect<CommitDone>();
  const auto* conflict = std::get_if<Conflict>(&done.outcome);
  ASSERT_NE(conflict, nullptr);
  EXPECT_EQ(conflict->key, ConflictKey(ExistenceRead{kConnection, bobs}));
  EXPECT_EQ(conflict->actor, "bob");
}

TEST_F(ConnectionObjectsTest, AreWrittenByTheServerOnly) {
  TestClient ann(server);
  const ObjectId anns = ann.open().connection;
  ann.define(core_schema_definition());
  ann.commit(Changes().erase(kConnection, anns.value));
  EXPECT_EQ(ann.expect_commit_error().code, ErrorCode::kServerWrites);
  ann.commit(Changes().create(kConnection, ann.new_id(), {}));
  EXPECT_EQ(ann.expect_commit_error().code, ErrorCode::kServerWrites);
  EXPECT_EQ(existing(kConnection), std::vector<ObjectId>{anns});
}

TEST_F(ConnectionObjectsTest, HaveOneSchemaForAll) {
  TestClient ann(server);
  ann.open();
  ann.send(DefineSchema{RequestId{1}, {"core", {{"Connection", {{"mood", Type::text()}}, {}}}}});
  EXPECT_EQ(ann.expect_refused().code, ErrorCode::kSchemaContradiction);
  ann.send(DefineSchema{RequestId{2}, {"core", {{"Connection", {{"actor", Type::text()}}, {}}}}});
  const SchemaDefined defined = ann.expect<SchemaDefined>();
  ASSERT_EQ(defined.types.size(), 1u);
  EXPECT_EQ(defined.types[0].fields.size(), 4u);  // all of it, whatever the client knows
}

TEST_F(ConnectionObjectsTest, RefuseNamesThatAreNone) {
  TestClient ann(server);
  ann.say_hello();
  ann.authenticate();
  ann.send(OpenSession{{1, 1}, std::string(257, 'x')});
  ann.expect_goodbye(ErrorCode::kValueOutOfRange);
}

TEST_F(ConnectionObjectsTest, StayWhenTheServerStops) {
  TestClient ann(server);
  const ObjectId anns = ann.open().connection;
  ann.define(core_schema_definition());
  server.core.shut_down();
  server.core.finish_batch();
  EXPECT_EQ(existing(kConnection), std::vector<ObjectId>{anns});
}

struct UnreliableStore : ConnectionObjectsTest {
  UnreliableStore() : ConnectionObjectsTest(FakeStore::Completion::kAtOnce) {}
};

TEST_F(UnreliableStore, CommitsAgainWhatTheStoreCouldNotTake) {
  TestClient ann(server);
  const ObjectId anns = ann.open().connection;
  auto bob = std::make_unique<TestClient>(server);
  const ObjectId bobs = bob->open(test::kBobsToken).connection;
  ann.define(lease_schema());
  bob->commit(Changes().create(kLease, bob->new_id(), lease("a", bobs)));

  server.store.fail_from(next(server.core.state().version()));
  bob.reset();
  TestClient cy(server);
  const ObjectId cys = cy.open().connection;
  server.pass(server.core.limits().connection_grace);
  EXPECT_EQ(existing(kConnection), (std::vector<ObjectId>{anns, bobs}));
  EXPECT_EQ(existing(kLease).size(), 1u);

  server.store.recover();
  server.pass(server.core.limits().connection_grace);
  EXPECT_EQ(existing(kConnection), (std::vector<ObjectId>{anns, cys}));
  EXPECT_TRUE(existing(kLease).empty());
}

TEST_F(ConnectionObjectsTest, ComeAgainWithASchemaThatTheStoreLost) {
  TestClient ann(server);
  const ObjectId anns = ann.open().connection;
  server.store.fail_from(Version{1});
  ann.send(DefineSchema{RequestId{1}, core_schema_definition()});
  EXPECT_EQ(ann.expect_refused().code, ErrorCode::kUnavailable);
  EXPECT_TRUE(existing(kConnection).empty());
  server.store.recover();
  ann.define(core_schema_definition());
  EXPECT_EQ(existing(kConnection), std::vector<ObjectId>{anns});
}

}  // namespace
}  // namespace odb::server
