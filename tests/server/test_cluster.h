// A server core with a manual clock, and clients that speak to it message by message.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "odb/net/authentication.h"
#include "odb/server/server_core.h"
#include "scripted_link.h"
#include "support/changes.h"
#include "support/fake_store.h"
#include "support/todo_schema.h"

namespace odb::test {

using std::chrono::milliseconds;

inline constexpr const char* kAnnsToken = "the-token-of-ann-is-long-enough";
inline constexpr const char* kBobsToken = "the-token-of-bob-is-long-enough";

class TestServer {
 public:
  explicit TestServer(server::Limits limits = {}, const server::AccessPolicy& policy = kAllowAll,
                      FakeStore::Completion completion = FakeStore::Completion::kAtOnce,
                      bool gathers_deltas = false)
      : tokens(*net::TokenTable::create({{"ann", kAnnsToken}, {"bob", kBobsToken}})),
        store(completion),
        core({.tokens = tokens,
              .store = store,
              .engine = engine,
              .policy = policy,
              .limits = limits,
              .history = {7, 8},
              .software = "odb test",
              .clock = [this] { return now; },
              .gathers_deltas = gathers_deltas}) {}

  void pass(milliseconds time) {
    now += time;
    core.tick(now);
  }

  static const inline server::AccessPolicy kAllowAll;

  net::TokenTable tokens;
  FakeStore store;
  CommitEngine engine;
  server::ServerCore core;
  server::Time now{};
  bool finishes_batches = true;  // after each message
};

class TestClient {
 public:
  explicit TestClient(TestServer& server, net::ChannelBinding binding = {})
      : server_(server),
        link_(binding),
        binding_(binding),
        session_(&server.core.connect(link_, "127.0.0.1:1", server.now)),
        id_(session_->id()) {}
  ~TestClient() { server_.core.disconnect(id_); }
  TestClient(const TestClient&) = delete;
  TestClient& operator=(const TestClient&) = delete;

  // Hands a message in, as the connection does.
  void send(ClientMessage message) {
    const std::size_t bytes = wire::encode(message)->size();
    session_->receive(std::move(message), bytes, server_.now);
    if (server_.finishes_batches) server_.core.finish_batch();
  }
  // Lets the snapshots under way go on as far as the queue allows.
  void load() { session_->send_snapshots(server_.now); }
  // Lets them send one more piece, however much is queued.
  void load_piece() {
    link_.pretend_queued(server::kSnapshotQueueBytes - 1);
    load();
    link_.stop_pretending();
  }

  // The next message, which must be a T.
  template <class T>
  T expect() {
    if (link_.is_empty()) {
      ADD_FAILURE() << "no message, expected number " << ServerMessage(T()).index();
      return {};
    }
    ServerMessage message = decode(link_.take_encoded());
    if (auto* expected = std::get_if<T>(&message)) return std::move(*expected);
    ADD_FAILURE() << "expected message number " << ServerMessage(T()).index() << ", found "
                  << message.index() << describe(message);
    return {};
  }
  void expect_nothing() {
    EXPECT_TRUE(link_.is_empty()) << "found message number "
                                  << decode(link_.take_encoded()).index();
  }
  void expect_goodbye(ErrorCode code) {
    EXPECT_EQ(expect<Goodbye>().reason.code, code);
    expect_nothing();
    EXPECT_TRUE(link_.has_ended());
    EXPECT_TRUE(session_->has_ended());
  }
  Error expect_refused() {
    EXPECT_FALSE(session_->has_ended());
    return expect<RequestRefused>().error;
  }
  std::vector<ServerMessage> take_all() {
    std::vector<ServerMessage> out;
    while (!link_.is_empty()) out.push_back(decode(link_.take_encoded()));
    return out;
  }

  // ---- whole conversations ----

  void say_hello() {
    send(Hello{.features = features_, .software = "test"});
    EXPECT_EQ(expect<Hello>().software, "odb test");
  }
  void authenticate(const char* token = kAnnsToken) {
    send(Authenticate{net::token_id(token), net::client_proof(token, binding_)});
    EXPECT_EQ(expect<Authenticated>().proof, net::server_proof(token, binding_));
  }
  SessionOpened open(const char* token = kAnnsToken) {
    say_hello();
    authenticate(token);
    send(OpenSession{{1, id_.value}});
    SessionOpened opened = expect<SessionOpened>();
    if (!opened.ids.empty()) next_id_ = opened.ids.front().first.value;
    return opened;
  }
  void define(const SchemaDefinition& schema) {
    send(DefineSchema{RequestId{1}, schema});
    while (!link_.is_empty() && expect<SchemaDefined>().request != RequestId{1}) continue;
  }
  std::uint64_t new_id() { return next_id_++; }

  Sequence commit(const Changeset& writes, Version snapshot = {}, const ReadSet& reads = {}) {
    send(Commit{.sequence = Sequence{++sequence_},
                .lowest_unresolved = {},
                .keeps_created = keeps_created_,
                .request = {snapshot, reads, writes, tries_again_}});
    return Sequence{sequence_};
  }
  Version expect_accepted() {
    const CommitDone done = expect<CommitDone>();
    const auto* accepted = std::get_if<Accepted>(&done.outcome);
    EXPECT_NE(accepted, nullptr) << describe(ServerMessage(done));
    return accepted == nullptr ? Version{} : accepted->version;
  }
  Error expect_commit_error() {
    const CommitDone done = expect<CommitDone>();
    const auto* error = std::get_if<Error>(&done.outcome);
    EXPECT_NE(error, nullptr);
    return error == nullptr ? Error{} : *error;
  }
  // Subscribes and takes the whole snapshot; gives its rows.
  std::vector<SnapshotChunk> subscribe(std::uint64_t number, const Interest& interest) {
    send(Subscribe{SubscriptionId{number}, interest});
    load();
    std::vector<SnapshotChunk> chunks;
    for (ServerMessage& message : take_all()) {
      if (auto* chunk = std::get_if<SnapshotChunk>(&message)) chunks.push_back(std::move(*chunk));
    }
    return chunks;
  }

  // Says so in its hello.
  void take_commits_accepted() { features_.push_back(kFeatureCommitsAccepted); }
  void take_deltas() { features_.push_back(kFeatureDeltas); }
  // What its commits create from now on is its own to see.
  void keep_created() { keeps_created_ = true; }
  // After a conflict, with all its commits from now on.
  void try_again() { tries_again_ = true; }

  ScriptedLink& link() { return link_; }
  server::Session& session() { return *session_; }

 private:
  static std::string describe(const ServerMessage& message) {
    if (const auto* refused = std::get_if<RequestRefused>(&message)) {
      return ": " + refused->error.message;
    }
    if (const auto* goodbye = std::get_if<Goodbye>(&message)) return ": " + goodbye->reason.message;
    if (const auto* done = std::get_if<CommitDone>(&message)) {
      const auto* error = std::get_if<Error>(&done->outcome);
      return error == nullptr ? ": a conflict" : ": " + error->message;
    }
    return {};
  }

  TestServer& server_;
  ScriptedLink link_;
  const net::ChannelBinding binding_;
  server::Session* session_;
  const SessionId id_;
  std::uint64_t next_id_ = 0;
  std::uint64_t sequence_ = 0;
  bool keeps_created_ = false;
  bool tries_again_ = false;
  std::vector<std::string> features_;
};

}  // namespace odb::test
