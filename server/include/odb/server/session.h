// Session: one connection's protocol on the server. Sans-I/O: messages and time in, messages out.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "odb/core/interest_index.h"
#include "odb/core/messages.h"
#include "odb/net/byte_stream.h"
#include "odb/server/limits.h"
#include "odb/server/subscription_engine.h"
#include "odb/wire/frame.h"

namespace odb::server {

using Time = std::chrono::steady_clock::time_point;

// Where a session's messages go. Belongs to the connection, outlives the session.
class SessionLink {
 public:
  virtual ~SessionLink() = default;
  virtual void send(wire::EncodedMessage message) = 0;  // queues
  virtual std::size_t queued_bytes() const = 0;
  // As many as that if so many more were queued.
  virtual std::size_t queued_bytes_with(std::size_t more) const { return queued_bytes() + more; }
  virtual void drop_queue() = 0;  // but for a message partly written
  // No message follows and none is read any more: write what is queued, then close.
  virtual void end() = 0;
  // Authenticated: messages may be this large from now on.
  virtual void set_message_bytes_max(std::size_t bytes) = 0;
  virtual net::ChannelBinding channel_binding() const = 0;
};

class ServerCore;

// How a session ended: its client said goodbye, or may want to come back.
enum class Ending : std::uint8_t { kOrderly, kBroken };

// One thread at a time, that of its ServerCore, which owns it.
class Session {
 public:
  Session(ServerCore& core, SessionLink& link, SessionId id, std::string peer, Time now);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  SessionId id() const { return id_; }
  const std::string& actor() const { return actor_; }
  const std::string& peer() const { return peer_; }
  const std::string& program() const { return program_; }  // what the client calls itself
  ObjectId connection() const { return connection_; }      // its object; 0 before it is open
  const std::vector<IdRange>& ids() const { return ids_; }
  bool is_open() const { return phase_ == Phase::kOpen; }
  bool has_ended() const { return phase_ == Phase::kEnded; }
  std::size_t subscription_count() const { return subscriptions_.size(); }
  std::size_t queued_bytes() const { return link_.queued_bytes(); }

  // A message of `bytes` on the wire arrived. Ignored once the session has ended.
  void receive(ClientMessage&& message, std::size_t bytes, Time now);
  // The peer's bytes could not be understood: says so and ends.
  void reject(const Error& error);
  // Any byte is a sign of life.
  void note_received(Time now) { last_received_ = now; }
  // Heartbeats and deadlines; about once a second and after long waits.
  void tick(Time now);

  // Sends pieces of the snapshots and loads under way until enough is queued. True while more is
  // left to send.
  bool send_snapshots(Time now);
  bool has_snapshots() const;

  // From the core.
  void send(const ServerMessage& message);
  void deliver(const wire::EncodedMessage& message);
  void finish_commit(Sequence sequence, CommitOutcome outcome);
  // News that may go out together with what follows: before anything else is sent to the client, at
  // the latest by send_held(). The first requires a client that takes CommitsAccepted; the deltas
  // are those of the core's engine.
  void finish_commit_later(CommitsAccepted::Commit commit);
  void deliver_later(DeltaNumber delta);
  bool takes_commits_accepted() const { return takes_commits_accepted_; }
  bool holds_outcomes() const { return !accepted_.commits.empty(); }
  bool holds_news() const { return !accepted_.commits.empty() || !deltas_.empty(); }
  void send_held();
  void grant_ids(IdRange range);
  // What its client had in an earlier session.
  void adopt_ids(const std::vector<IdRange>& ranges);
  void adopt_connection(ObjectId connection) { connection_ = connection; }
  void open(Version version);  // answers OpenSession
  void tell_catalog(const std::string& schema, RequestId request, Version version);
  // The schema has grown: what was subscribed to lazily is sent again, with the fields of new
  // indexes.
  void load_lazy_again(const std::string& schema);
  bool knows_schema(const std::string& schema) const { return schemas_.contains(schema); }
  void say_goodbye(Error reason);
  void say_goodbye_too_large();  // what comes next for this session does not fit one message
  ClientId client() const { return client_; }
  Time now() const { return now_; }  // when it was last called with the time

 private:
  enum class Phase { kHello, kAuthenticate, kAuthenticated, kOpening, kOpen, kEnded };
  struct Jobs;
  // A commit whose last part has not come.
  struct PartialCommit {
    Sequence sequence;
    std::uint32_t next_part = 0;  // 0: there is none
    std::size_t bytes = 0;
    CommitRequest request;
  };

  void on(Hello& hello);
  void on(Authenticate& message);
  void on(OpenSession& message);
  void on(RequestIds& message);
  void on(DefineSchema& message, std::size_t bytes);
  void on(Subscribe& message);
  void on(Unsubscribe& message);
  void on(Release& message);
  void on(Resume& message);
  bool can_resume(const Resume& message) const;
  bool replay(const Resume& message);
  void on(LoadObjects& message);
  void on(Commit& message, std::size_t bytes);
  bool begin_commit(const Commit& message);
  bool continue_commit(Commit& message, std::size_t bytes);
  void submit_commit(Commit& message, std::size_t bytes);
  void on(Flush& message);
  void on(StatusRequest& message);
  void answer_held_flushes();
  void on(Goodbye& message);
  void on_unsupported(std::string_view what,
                      std::variant<std::monostate, RequestId, SubscriptionId> about);
  void refuse(std::variant<std::monostate, RequestId, SubscriptionId> about, Error error);
  bool owns(ObjectId object) const;
  void tell_catalog_once(const std::string& schema);
  void unsubscribe(SubscriptionId subscription);
  void release(const Release& message);
  void end(Ending ending);
  void drop_old_loads();
  void send_load_piece();
  void do_subscription_job();
  void send_accepted();
  void send_deltas(SubscriptionEngine& engine, std::vector<DeltaNumber>& deltas);
  void put(const wire::EncodedMessage& message);

  ServerCore& core_;
  SessionLink& link_;
  const SessionId id_;
  const std::string peer_;
  Phase phase_ = Phase::kHello;
  bool takes_commits_accepted_ = false;
  bool takes_deltas_ = false;
  // To be told. At most one of them is not empty, for they have an order.
  CommitsAccepted accepted_;
  std::vector<DeltaNumber> deltas_;
  std::string actor_;
  std::string program_;
  ClientId client_;
  ObjectId connection_;
  bool resumes_ = false;      // Resume is to be the next message
  std::vector<IdRange> ids_;  // sorted, merged
  Sequence last_sequence_;
  Sequence resent_up_to_;  // commits up to this one may have arrived in earlier sessions
  std::uint32_t commits_in_flight_ = 0;
  std::set<std::string> schemas_;  // whose types the client has been told
  std::set<SubscriptionId> subscriptions_;
  std::unique_ptr<Jobs> jobs_;
  PartialCommit partial_;
  std::vector<RequestId> held_flushes_;  // while a newer version may be at another server
  Time opened_at_;
  Time last_received_;
  Time last_sent_;
  Time now_;
  Version last_version_sent_;
};

}  // namespace odb::server
