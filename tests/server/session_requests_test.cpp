// Identities, schemas, flush, and requests that this server does not offer.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "test_cluster.h"

namespace odb::server {
namespace {

using test::Changes;
using test::FakeStore;
using test::kPerson;
using test::kTask;
using test::TestClient;
using test::TestServer;

// ---- identities ----

TEST(SessionIds, AreGrantedOnceToEachAndNeverTwice) {
  TestServer server;
  TestClient ann(server);
  TestClient bob(server);
  EXPECT_EQ(ann.open().ids[0], (IdRange{ObjectId{1}, 1024}));
  EXPECT_EQ(bob.open().ids[0], (IdRange{ObjectId{1026}, 1024}));
  ann.send(RequestIds{10});
  EXPECT_EQ(ann.expect<IdsGranted>().range, (IdRange{ObjectId{2051}, 10}));
  bob.send(RequestIds{1});
  EXPECT_EQ(bob.expect<IdsGranted>().range, (IdRange{ObjectId{2061}, 1}));
}

TEST(SessionIds, AreCappedAndAtLeastOne) {
  Limits limits;
  limits.ids_per_request_max = 100;
  TestServer server(limits);
  TestClient client(server);
  EXPECT_EQ(client.open().ids[0].count, 100u);
  client.send(RequestIds{~std::uint64_t{0}});
  EXPECT_EQ(client.expect<IdsGranted>().range, (IdRange{ObjectId{102}, 100}));
  client.send(RequestIds{0});
  EXPECT_EQ(client.expect<IdsGranted>().range, (IdRange{ObjectId{202}, 1}));
}

TEST(SessionIds, AreGrantedOnlyOnceReserved) {
  TestServer server;
  TestClient client(server);
  client.open();
  server.store.set_completion(FakeStore::Completion::kWhenTold);
  const std::uint64_t all = server.core.limits().ids_per_request_max;
  std::uint64_t granted = 1025;  // one is the connection's own
  for (int i = 0; i < 5 && !server.store.ids_asked_below(); ++i) {
    client.send(RequestIds{all});
    if (server.store.ids_asked_below()) break;
    granted += client.expect<IdsGranted>().range.count;
  }
  ASSERT_TRUE(server.store.ids_asked_below());
  EXPECT_GT(server.store.ids_asked_below()->value, granted + all);
  client.expect_nothing();
  client.send(RequestIds{5});
  client.expect_nothing();
  server.store.complete_ids();
  EXPECT_EQ(client.expect<IdsGranted>().range, (IdRange{ObjectId{granted + 1}, all}));
  EXPECT_EQ(client.expect<IdsGranted>().range, (IdRange{ObjectId{granted + all + 1}, 5}));
}

TEST(SessionIds, OnlyGrantedOnesMayBeCreated) {
  TestServer server;
  TestClient ann(server);
  TestClient bob(server);
  ann.open();
  bob.open();
  ann.define(test::todo_schema());
  for (const std::uint64_t id : {std::uint64_t{1025}, std::uint64_t{0}, ~std::uint64_t{0}}) {
    ann.commit(Changes().create(kPerson, id));
    EXPECT_EQ(ann.expect_commit_error().code, ErrorCode::kIdOutOfRange) << id;
  }
  for (const std::uint64_t id : {1u, 1024u}) {
    ann.commit(Changes().create(kPerson, id));
    ann.expect_accepted();
  }
  ann.send(RequestIds{2});  // not adjacent to the first range
  ann.expect<IdsGranted>();
  for (const std::uint64_t id : {2051u, 2052u}) {
    ann.commit(Changes().create(kPerson, id));
    ann.expect_accepted();
  }
  ann.commit(Changes().create(kPerson, 2053));
  EXPECT_EQ(ann.expect_commit_error(),
            (Error{ErrorCode::kIdOutOfRange, "identity 2053 was not granted to this session"}));
  bob.commit(Changes().create(kPerson, 1026));
  bob.expect_accepted();
}

// ---- schemas ----

TEST(SessionDefine, AnswersWithTheTypesAsStored) {
  TestServer server;
  TestClient client(server);
  client.open();
  client.send(DefineSchema{RequestId{9}, test::todo_schema()});
  const SchemaDefined defined = client.expect<SchemaDefined>();
  EXPECT_EQ(defined.request, RequestId{9});
  EXPECT_EQ(defined.version, Version{1});
  ASSERT_EQ(defined.types.size(), 2u);
  EXPECT_EQ(defined.types[0], *server.core.state().catalog()->find(kTask));
  client.expect_nothing();
}

TEST(SessionDefine, OfWhatIsKnownMakesNoVersion) {
  TestServer server;
  TestClient client(server);
  client.open();
  client.define(test::todo_schema());
  client.send(DefineSchema{RequestId{2}, test::todo_schema()});
  const SchemaDefined defined = client.expect<SchemaDefined>();
  EXPECT_EQ(defined.request, RequestId{2});
  EXPECT_EQ(defined.version, Version{1});
  EXPECT_EQ(defined.types.size(), 2u);
  client.expect_nothing();
}

TEST(SessionDefine, AContradictionIsRefusedAndTheSessionStays) {
  TestServer server;
  TestClient client(server);
  client.open();
  client.define(test::todo_schema());
  client.send(DefineSchema{RequestId{5}, {"todo", {{"Task", {{"status", Type::text()}}}}}});
  const auto refused = client.expect<RequestRefused>();
  EXPECT_EQ(std::get<RequestId>(refused.about), RequestId{5});
  EXPECT_EQ(refused.error.code, ErrorCode::kSchemaContradiction);
  EXPECT_EQ(server.core.state().version(), Version{1});
  client.send(Flush{RequestId{6}});
  client.expect<Flushed>();
}

TEST(SessionDefine, AUniqueIndexOverValuesThatRepeatIsRefused) {
  TestServer server;
  TestClient client(server);
  client.open();
  client.define(test::todo_schema());
  client.commit(Changes().create(kPerson, 1).create(kPerson, 2));
  client.expect_accepted();
  client.send(DefineSchema{
      RequestId{5},
      {"todo", {{"Person", {{"name", Type::text()}}, {{"n", {"name"}, Uniqueness::kUnique}}}}}});
  EXPECT_EQ(client.expect_refused().code, ErrorCode::kUniqueViolation);
  EXPECT_EQ(server.core.state().version(), Version{2});
}

TEST(SessionDefine, AMergeTellsThoseWhoKnowTheSchemaBeforeAnyObject) {
  TestServer server;
  TestClient ann(server);
  TestClient bob(server);
  TestClient stranger(server);
  for (TestClient* client : {&ann, &bob, &stranger}) client->open();
  ann.define(test::todo_schema());
  ann.subscribe(1, SchemaInterest{"todo"});

  server.finishes_batches = false;  // the merge and the object arrive together
  bob.send(DefineSchema{RequestId{1}, {"todo", {{"Note", {{"text", Type::text()}}, {}}}}});
  const std::uint64_t note = 1026;
  bob.commit(Changes().create(TypeId{3}, note));
  server.core.finish_batch();

  const SchemaDefined told = ann.expect<SchemaDefined>();
  EXPECT_EQ(told.request, RequestId{});
  EXPECT_EQ(told.version, Version{2});
  EXPECT_EQ(told.types.size(), 3u);
  const Delta delta = ann.expect<Delta>();
  EXPECT_EQ(delta.changes.objects.at(0).type, TypeId{3});
  ann.expect_nothing();
  EXPECT_EQ(bob.expect<SchemaDefined>().request, RequestId{1});
  bob.expect_accepted();
  stranger.expect_nothing();
}

// ---- flush ----

TEST(SessionFlush, FollowsEveryDeltaUpToItsVersion) {
  TestServer server;
  TestClient ann(server);
  TestClient bob(server);
  ann.open();
  bob.open();
  ann.define(test::todo_schema());
  bob.subscribe(1, SchemaInterest{"todo"});
  ann.commit(Changes().create(kPerson, 1));
  ann.expect_accepted();
  bob.send(Flush{RequestId{3}});
  EXPECT_EQ(bob.expect<Delta>().version, Version{2});
  const Flushed flushed = bob.expect<Flushed>();
  EXPECT_EQ(flushed.request, RequestId{3});
  EXPECT_EQ(flushed.version, Version{2});
}

TEST(SessionFlush, DoesNotTellOfVersionsThatAreNotDurable) {
  TestServer server;
  TestClient client(server);
  client.open();
  client.define(test::todo_schema());
  server.store.set_completion(FakeStore::Completion::kWhenTold);
  client.commit(Changes().create(kPerson, 1));
  client.send(Flush{RequestId{1}});
  EXPECT_EQ(client.expect<Flushed>().version, Version{1});
  client.expect_nothing();
}

// ---- what is not offered ----

TEST(SessionUnsupported, IsRefusedByNameAndTheSessionStays) {
  TestServer server;
  TestClient client(server);
  client.open();
  using About = decltype(RequestRefused::about);
  const std::vector<std::pair<ClientMessage, About>> requests = {
      {UnknownMessage{77}, std::monostate()}, {UnknownMessage{999}, std::monostate()}};
  for (const auto& [message, about] : requests) {
    client.send(message);
    const auto refused = client.expect<RequestRefused>();
    EXPECT_EQ(refused.about, about);
    EXPECT_EQ(refused.error.code, ErrorCode::kUnsupported);
    client.expect_nothing();
  }
  client.send(UnknownMessage{77});
  EXPECT_EQ(client.expect_refused().message, "this server does not offer message kind 77");
  client.send(Heartbeat{});
  client.expect_nothing();
  EXPECT_TRUE(client.session().is_open());
}

// ---- access ----

TEST(SessionAccess, IsAskedAtDefineSubscribeCommitAndDelivery) {
  class OnlyAnn final : public AccessPolicy {
   public:
    bool may_define(const std::string& actor, const SchemaDefinition&) const override {
      return actor == "ann";
    }
    bool may_subscribe(const std::string& actor, const Interest& interest) const override {
      return actor == "ann" || std::holds_alternative<SchemaInterest>(interest);
    }
    bool may_see(const std::string& actor, const CatalogType& type) const override {
      return actor == "ann" || type.name.type == "Person";
    }
    bool may_commit(const std::string& actor, const Changeset&) const override {
      return actor == "ann";
    }
  };
  const OnlyAnn policy;
  TestServer server({}, policy);
  TestClient ann(server);
  TestClient bob(server);
  ann.open();
  bob.open(test::kBobsToken);
  bob.send(DefineSchema{RequestId{1}, test::todo_schema()});
  EXPECT_EQ(bob.expect_refused().code, ErrorCode::kUnsupported);
  ann.define(test::todo_schema());
  ann.commit(Changes().create(kPerson, 1).create(kTask, 2));
  ann.expect_accepted();
  bob.send(Subscribe{SubscriptionId{1}, TypeInterest{kTask}});
  EXPECT_EQ(bob.expect_refused().code, ErrorCode::kUnsupported);
  const auto chunks = bob.subscribe(1, SchemaInterest{"todo"});
  ASSERT_EQ(chunks.size(), 1u);
  EXPECT_EQ(chunks[0].rows.type, kPerson);
  ann.commit(Changes().create(kTask, 3, test::task("t", 1)).create(kPerson, 4));
  ann.expect_accepted();
  const Delta delta = bob.expect<Delta>();
  ASSERT_EQ(delta.changes.objects.size(), 1u);
  EXPECT_EQ(delta.changes.objects[0].object, ObjectId{4});
  bob.commit(Changes().create(kPerson, 1026));
  EXPECT_EQ(bob.expect_commit_error().code, ErrorCode::kUnsupported);
}

// ---- status ----

TEST(SessionStatus, SaysHowTheServerIs) {
  TestServer server;
  TestClient client(server);
  const IdRange ids = client.open().ids[0];
  client.send(StatusRequest{RequestId{5}});
  const ServerStatus before = client.expect<ServerStatus>();
  EXPECT_EQ(before.request, RequestId{5});
  EXPECT_TRUE(before.schemas.empty());
  EXPECT_GT(before.ids_below.value, ids.first.value + ids.count);  // and the connection's own
  const auto sessions =
      std::find_if(before.figures.begin(), before.figures.end(),
                   [](const ServerFigure& figure) { return figure.name == "sessions"; });
  ASSERT_NE(sessions, before.figures.end());
  EXPECT_EQ(sessions->value, 1);

  client.send(DefineSchema{RequestId{6}, {"todo", {{"Task", {{"title", Type::text()}}, {}}}}});
  EXPECT_EQ(client.expect<SchemaDefined>().request, RequestId{6});
  client.send(StatusRequest{RequestId{7}});
  const ServerStatus after = client.expect<ServerStatus>();
  EXPECT_EQ(after.schemas, std::vector<std::string>{"todo"});
  EXPECT_EQ(after.version.value, before.version.value + 1);
  EXPECT_EQ(after.history, before.history);
}

}  // namespace
}  // namespace odb::server
