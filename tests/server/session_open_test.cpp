// From the first byte to the open session: each step, and what goes wrong at it.
#include <gtest/gtest.h>

#include <string>

#include "test_cluster.h"

namespace odb::server {
namespace {

using test::FakeStore;
using test::kAnnsToken;
using test::milliseconds;
using test::TestClient;
using test::TestServer;

TEST(SessionHello, IsAnsweredByAHello) {
  TestServer server;
  TestClient client(server);
  client.send(Hello{.minor = 9, .features = {"of-the-future"}, .software = "test"});
  const Hello hello = client.expect<Hello>();
  EXPECT_EQ(hello.major, kProtocolMajor);
  EXPECT_EQ(hello.software, "odb test");
  client.expect_nothing();
}

TEST(SessionHello, OfAnotherMajorVersionEndsTheSession) {
  TestServer server;
  TestClient client(server);
  client.send(Hello{.major = kProtocolMajor + 1});
  const Goodbye goodbye = client.expect<Goodbye>();
  EXPECT_EQ(goodbye.reason, (Error{ErrorCode::kUnsupportedProtocol,
                                   "this server speaks protocol version 1, the client version 2"}));
  EXPECT_TRUE(client.link().has_ended());
}

TEST(SessionHello, MustBeTheFirstMessage) {
  const std::vector<ClientMessage> others = {Authenticate{}, OpenSession{}, Commit{},
                                             Flush{},        Heartbeat{},   UnknownMessage{77}};
  for (const ClientMessage& message : others) {
    TestServer server;
    TestClient client(server);
    client.send(message);
    client.expect_goodbye(ErrorCode::kUnexpectedMessage);
  }
}

TEST(SessionAuthentication, ProvesTheTokenBothWaysAndLiftsTheMessageLimit) {
  TestServer server;
  net::ChannelBinding binding;
  binding.fill(std::byte{5});
  TestClient client(server, binding);
  client.say_hello();
  EXPECT_EQ(client.link().message_bytes_max(), kUnauthenticatedMessageBytesMax);
  client.authenticate();
  EXPECT_EQ(client.session().actor(), "ann");
  EXPECT_EQ(client.link().message_bytes_max(),
            server.core.limits().commit_bytes_max + kMessageSlackBytes);
  EXPECT_FALSE(client.session().is_open());
}

TEST(SessionAuthentication, AnswersAWrongProofAnUnknownTokenAndAnotherChannelAlike) {
  TestServer server;
  const TokenId anns = net::token_id(kAnnsToken);
  const Proof right = net::client_proof(kAnnsToken, {});
  Proof wrong = right;
  wrong[31] ^= std::byte{1};
  net::ChannelBinding other;
  other.fill(std::byte{9});
  const char* unknown = "a-token-that-nobody-here-has-ever-seen";
  const std::vector<Authenticate> attempts = {
      {anns, wrong},
      {net::token_id(unknown), net::client_proof(unknown, {})},
      {anns, net::client_proof(kAnnsToken, other)},
      {anns, net::server_proof(kAnnsToken, {})},
      {net::token_id(test::kBobsToken), right}};
  for (const Authenticate& attempt : attempts) {
    TestClient client(server);
    client.say_hello();
    client.send(attempt);
    EXPECT_EQ(client.expect<Goodbye>().reason,
              (Error{ErrorCode::kAuthenticationFailed, "the server does not accept this token"}));
    client.expect_nothing();
    EXPECT_TRUE(client.link().has_ended());
    EXPECT_EQ(client.link().message_bytes_max(), kUnauthenticatedMessageBytesMax);
  }
}

TEST(SessionAuthentication, MustComeBeforeAnythingElse) {
  for (const ClientMessage& message :
       {ClientMessage(OpenSession{}), ClientMessage(Commit{}), ClientMessage(Hello{})}) {
    TestServer server;
    TestClient client(server);
    client.say_hello();
    client.send(message);
    client.expect_goodbye(ErrorCode::kUnexpectedMessage);
  }
}

TEST(SessionOpen, TellsTheClientAllItNeeds) {
  Limits limits;
  limits.commit_credits = 12;
  limits.commit_bytes_max = 5000;
  limits.heartbeat_interval = milliseconds(100);
  limits.silence_timeout = milliseconds(700);
  TestServer server(limits);
  TestClient client(server);
  const SessionOpened opened = client.open();
  EXPECT_EQ(opened.session, client.session().id());
  EXPECT_EQ(opened.history, (HistoryId{7, 8}));
  EXPECT_EQ(opened.version, Version{});
  EXPECT_EQ(opened.actor, "ann");
  ASSERT_EQ(opened.ids.size(), 1u);
  EXPECT_EQ(opened.ids[0], (IdRange{ObjectId{1}, 1024}));
  EXPECT_EQ(opened.commit_credits, 12u);
  EXPECT_EQ(opened.commit_bytes_max, 5000u);
  EXPECT_EQ(opened.heartbeat_interval_ms, 100u);
  EXPECT_EQ(opened.silence_timeout_ms, 700u);
  EXPECT_TRUE(client.session().is_open());
  client.expect_nothing();
}

TEST(SessionOpen, MustFollowAuthentication) {
  TestServer server;
  TestClient client(server);
  client.say_hello();
  client.authenticate();
  client.send(Flush{RequestId{1}});
  client.expect_goodbye(ErrorCode::kUnexpectedMessage);
}

TEST(SessionOpen, EveryStepHappensOnce) {
  for (const ClientMessage& message :
       {ClientMessage(Hello{}), ClientMessage(Authenticate{}), ClientMessage(OpenSession{})}) {
    TestServer server;
    TestClient client(server);
    client.open();
    client.send(message);
    client.expect_goodbye(ErrorCode::kUnexpectedMessage);
  }
}

TEST(SessionOpen, WaitsForItsIdentitiesToBeReserved) {
  TestServer server({}, TestServer::kAllowAll, FakeStore::Completion::kWhenTold);
  TestClient client(server);
  client.say_hello();
  client.authenticate();
  client.send(OpenSession{{1, 1}});
  client.send(Heartbeat{});
  client.expect_nothing();
  EXPECT_FALSE(client.session().is_open());
  server.store.complete_ids();
  EXPECT_EQ(client.expect<SessionOpened>().ids.size(), 1u);
  EXPECT_TRUE(client.session().is_open());
}

TEST(SessionOpen, TwiceWhileItWaitsEndsTheSession) {
  TestServer server({}, TestServer::kAllowAll, FakeStore::Completion::kWhenTold);
  TestClient client(server);
  client.say_hello();
  client.authenticate();
  client.send(OpenSession{{1, 1}});
  client.send(OpenSession{{1, 1}});
  client.expect_goodbye(ErrorCode::kUnexpectedMessage);
  server.store.complete_ids();
  client.expect_nothing();
}

TEST(SessionOpen, OfASessionThatLeftMeanwhileIsForgotten) {
  TestServer server({}, TestServer::kAllowAll, FakeStore::Completion::kWhenTold);
  TestClient stays(server);
  stays.say_hello();
  stays.authenticate();
  {
    TestClient leaves(server);
    leaves.say_hello();
    leaves.authenticate();
    leaves.send(OpenSession{{1, 2}});
    stays.send(OpenSession{{1, 1}});
  }
  server.store.complete_ids();
  EXPECT_EQ(stays.expect<SessionOpened>().ids.size(), 1u);
}

// ---- the number of sessions ----

TEST(Sessions, BeyondTheLimitAreToldSoAndTheOthersGoOn) {
  Limits limits;
  limits.sessions_max = 2;
  TestServer server(limits);
  TestClient first(server);
  first.open();
  {
    TestClient second(server);
    second.open();
    TestClient third(server);
    third.expect_goodbye(ErrorCode::kTooManySessions);
    third.send(Hello{});
    third.expect_nothing();
  }
  TestClient fourth(server);
  fourth.open();
  first.send(Flush{RequestId{1}});
  first.expect<Flushed>();
}

// ---- deadlines ----

TEST(SessionDeadlines, AuthenticationHasOne) {
  Limits limits;
  limits.authentication_deadline = milliseconds(1000);
  TestServer server(limits);
  TestClient silent(server);
  TestClient halfway(server);
  TestClient open(server);
  halfway.say_hello();
  halfway.authenticate();
  open.open();
  server.pass(milliseconds(999));
  EXPECT_FALSE(silent.session().has_ended());
  server.pass(milliseconds(1));
  silent.expect_goodbye(ErrorCode::kAuthenticationTimeout);
  halfway.expect_goodbye(ErrorCode::kAuthenticationTimeout);
  EXPECT_TRUE(open.session().is_open());
}

TEST(SessionDeadlines, ASilentPeerIsDropped) {
  Limits limits;
  limits.silence_timeout = milliseconds(1000);
  TestServer server(limits);
  TestClient silent(server);
  TestClient alive(server);
  TestClient busy(server);
  for (TestClient* client : {&silent, &alive, &busy}) client->open();
  server.pass(milliseconds(600));
  alive.send(Heartbeat{});
  busy.session().note_received(server.now);  // part of a large message
  server.pass(milliseconds(400));
  silent.expect_goodbye(ErrorCode::kPeerSilent);
  EXPECT_TRUE(alive.session().is_open());
  EXPECT_TRUE(busy.session().is_open());
  server.pass(milliseconds(600));
  alive.expect_goodbye(ErrorCode::kPeerSilent);
}

TEST(SessionDeadlines, AHeartbeatGoesOutWhenNothingElseDoes) {
  Limits limits;
  limits.heartbeat_interval = milliseconds(1000);
  TestServer server(limits);
  TestClient client(server);
  client.open();
  server.pass(milliseconds(999));
  client.expect_nothing();
  server.pass(milliseconds(1));
  EXPECT_EQ(client.expect<Heartbeat>().version, Version{});
  client.send(Flush{RequestId{1}});
  client.expect<Flushed>();
  server.pass(milliseconds(999));
  client.expect_nothing();
}

TEST(SessionDeadlines, AQuietSubscriberIsToldHowFarItHasSeen) {
  TestServer server;
  TestClient writer(server);
  TestClient quiet(server);
  writer.open();
  quiet.open();
  writer.define(test::todo_schema());
  server.pass(milliseconds(10));
  EXPECT_EQ(quiet.expect<Heartbeat>().version, Version{1});
  server.pass(milliseconds(10));
  quiet.expect_nothing();
}

// ---- ends ----

TEST(SessionEnd, AGoodbyeEndsItAtAnyTimeWithoutAnswer) {
  for (int steps = 0; steps < 4; ++steps) {
    TestServer server;
    TestClient client(server);
    if (steps == 1) client.say_hello();
    if (steps == 2) {
      client.say_hello();
      client.authenticate();
    }
    if (steps == 3) client.open();
    client.send(Goodbye{});
    EXPECT_TRUE(client.link().has_ended());
    client.send(Flush{RequestId{1}});
    client.expect_nothing();
  }
}

TEST(SessionEnd, BytesThatAreNoMessageEndItWithTheReason) {
  TestServer server;
  TestClient client(server);
  client.open();
  client.session().reject({ErrorCode::kMalformedFrame, "not a frame"});
  EXPECT_EQ(client.expect<Goodbye>().reason, (Error{ErrorCode::kMalformedFrame, "not a frame"}));
  EXPECT_TRUE(client.link().has_ended());
}

TEST(SessionEnd, ShuttingDownAnswersWhatWasAcceptedAndSaysGoodbye) {
  TestServer server;
  TestClient client(server);
  client.open();
  client.define(test::todo_schema());
  server.finishes_batches = false;
  client.commit(test::Changes().create(test::kPerson, client.new_id()));
  client.expect_nothing();
  server.core.shut_down();
  client.expect_accepted();
  client.expect_goodbye(ErrorCode::kShuttingDown);
}

}  // namespace
}  // namespace odb::server
