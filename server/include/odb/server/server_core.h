// ServerCore: the whole server but for sockets, threads and clocks.
#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "odb/core/commit_engine.h"
#include "odb/core/conflict_counters.h"
#include "odb/core/versioned_state.h"
#include "odb/net/token_table.h"
#include "odb/server/access_policy.h"
#include "odb/server/commit_pipeline.h"
#include "odb/server/connection_objects.h"
#include "odb/server/database.h"
#include "odb/server/limits.h"
#include "odb/server/replay_log.h"
#include "odb/server/retry_turns.h"
#include "odb/server/session.h"
#include "odb/server/stage_times.h"
#include "odb/server/statistics.h"
#include "odb/server/store.h"
#include "odb/server/subscription_engine.h"

namespace odb::server {

// What clients learn when the store is not this server's any more.
enum class WhenLost : std::uint8_t {
  kUnknown,   // that the outcomes of their commits in flight are
  kHandOver,  // nothing: they ask the server that takes over
};

// What the core is made of; all outlive it. Tests replace parts.
struct CoreParts {
  const net::TokenTable& tokens;
  Store& store;
  const CommitEngine& engine;
  const AccessPolicy& policy;
  Limits limits{};
  SnapshotPiece snapshot_piece{};
  HistoryId history{};  // of a server that begins with nothing
  std::string software = "odb";
  std::function<std::int64_t()> utc_ns{};  // the time of day; null: the system's
  // For Statistics: the time, read a few times a batch (null: stages are not measured), and the
  // memory of the process (null: 0).
  std::function<Time()> clock{};
  std::function<std::uint64_t()> resident_bytes{};
  StoreHost* host = nullptr;  // how the store reaches the core's thread; null: it never does
  std::function<void(const Error&)> on_store_lost{};
  WhenLost when_lost = WhenLost::kUnknown;
  // Deltas wait for tell_subscribers(), so that one message carries those of several batches.
  bool gathers_deltas = false;
};

// One thread at a time. A message enters through its session; after all that arrived together has
// been handed in, finish_batch() lets the commits among it go to the store and from there to
// everybody.
class ServerCore final : public CommitListener, public DeltaReceiver, private StoreListener {
 public:
  // Serves `database`, which open_database() made from the same store; null: an empty one.
  explicit ServerCore(CoreParts parts, std::unique_ptr<Database> database = nullptr);
  ~ServerCore() override;
  ServerCore(const ServerCore&) = delete;
  ServerCore& operator=(const ServerCore&) = delete;

  // A new connection. When there are too many, the session has ended already and its link was told
  // why.
  Session& connect(SessionLink& link, std::string peer, Time now);
  // The connection is gone: forgets the session. What was judged of it still takes effect.
  void disconnect(SessionId session);

  void finish_batch();
  // With CoreParts::gathers_deltas: subscribers who are told nothing else wait for this.
  void tell_subscribers();
  bool has_untold_subscribers() const { return !holding_news_.empty(); }
  void tick(Time now);
  // When tick() or end_turns() has something to do before the next second is over.
  std::optional<Time> turns_deadline() const { return turns_.deadline(); }
  void end_turns(Time now);
  // Nothing goes to the store any more, and nobody is told of what has not been confirmed.
  void hand_over() { hands_over_ = true; }
  // Says goodbye to everyone; commits already accepted are still answered first.
  void shut_down(const Error& reason = {ErrorCode::kShuttingDown, "the server is shutting down"});
  // Whether what it knows is the newest there is: nobody else can own the store. Without handing
  // over nobody else is there to own it.
  bool is_surely_newest() const {
    return parts_.when_lost == WhenLost::kUnknown || parts_.store.is_surely_owned();
  }

  const Limits& limits() const { return parts_.limits; }
  const SnapshotPiece& snapshot_piece() const { return parts_.snapshot_piece; }
  const net::TokenTable& tokens() const { return parts_.tokens; }
  const AccessPolicy& policy() const { return parts_.policy; }
  const std::string& software() const { return parts_.software; }
  HistoryId history() const { return database_->history; }
  VersionedState& state() { return database_->state; }
  const VersionedState& state() const { return database_->state; }
  const OutcomeTable& outcomes() const { return database_->outcomes; }
  CommitPipeline& pipeline() { return pipeline_; }
  InterestIndex& interests() { return subscriptions_.interests(); }
  SubscriptionEngine& subscriptions() { return subscriptions_; }
  std::size_t session_count() const { return sessions_.size(); }
  // For whoever asks; without the schemas, which not everybody may see.
  ServerStatus status();
  // On what commits have conflicted since the start.
  std::vector<ConflictCount> conflict_counts() const {
    return conflicts_.counts(*state().catalog());
  }

  // How the server is doing. Takes time for each session, and for none of the objects.
  Statistics statistics() const;
  // What was queued to the sessions has been written to their sockets.
  void note_told();
  // A commit was refused, other than by a conflict.
  void note_refused(ErrorCode code) { ++refusals_[code]; }

  // The session is open: its object of core.Connection comes.
  void connection_opened(const Session& session);
  // It has ended: the object goes, at once or, when the link just broke, unless the client comes
  // back within Limits::connection_grace.
  void connection_ended(const Session& session, Ending ending);

  // The session is that of a client which had one before: that one ends, if it is still there, and
  // its identities and its connection's object go over to this one.
  void take_over(Session& session, const Resume& from);
  const ReplayLog& replay() const { return replay_; }
  // The session begins something else: it waits for no turn any more.
  void leave_turns(SessionId session) {
    if (!turns_.is_empty()) release(session);
  }
  // Judges the commit, at once or when its turn comes. `bytes` is its size on the wire.
  void submit(CommitOrigin&& origin, CommitRequest&& request, std::size_t bytes);
  // That of core.Connection, which clients do not write; 0 while nobody knows it.
  TypeId connection_type() const { return connections_.type(); }

  // Defines a schema for a session, and before it "core" if it refers to that.
  void define(CommitOrigin origin, SchemaDefinition schema, std::size_t bytes);

  // Asks for ids; the session gets them, with `opening` within SessionOpened, once they are
  // durable.
  void request_ids(Session& session, std::uint64_t count, bool opening);

  // The oldest version that this session's client still reads; keeps it readable, within limits.
  void hold_version(SessionId session, Version oldest, Time now);

  // CommitListener
  AuthorsDelta on_published(CommitRecord&& record, const CommitOrigin& origin,
                            Telling telling) override;
  void on_outcome(const CommitOrigin& origin, CommitOutcome outcome, AuthorsDelta authors) override;
  void on_schema_defined(const CommitOrigin& origin, const std::string& schema,
                         const Result<Version>& outcome) override;
  void on_all_told() override;

  // DeltaReceiver
  const std::string& actor_of(SessionId session) const override;
  void deliver(SessionId session, DeltaNumber delta) override;

 private:
  // StoreListener: the store's one listener is the core, which passes on.
  void on_durable(Version up_to) override;
  void on_append_failed(Version from, const Error& reason) override;
  void on_ids_reserved(ObjectId below) override;
  void on_away(const Error& reason) override;
  void on_back() override;
  void on_overdue(Version up_to) override { pipeline_.on_overdue(up_to); }
  void on_lost(const Error& reason) override;

  Session* find(SessionId session);
  // Outcomes, and the deltas of those sessions that are told one; or everything.
  enum class News : std::uint8_t { kOutcomes, kAll };
  void send_held(News news);
  void release(SessionId session);
  void submit_held_back(SessionId session);
  void tell_due();
  void flush_pipeline();
  void grant_waiting_ids();
  void update_hold();

  struct IdRequest {
    SessionId session;
    std::uint64_t count = 0;
    bool opening = false;
  };
  // What a client that is gone may come back to.
  struct Departed {
    std::string actor;
    std::vector<IdRange> ids;
  };
  void remember(const Session& session);

  // A commit that others go before.
  struct HeldBack {
    CommitOrigin origin;
    CommitRequest request;
    std::size_t bytes = 0;
  };
  struct Hold {
    Version oldest;
    Time since{};
  };

  CoreParts parts_;
  std::unique_ptr<Database> database_;
  CommitPipeline pipeline_;
  SubscriptionEngine subscriptions_;
  ConnectionObjects connections_;
  ReplayLog replay_;
  boost::unordered_flat_map<ClientId, Departed> departed_;
  std::deque<ClientId> departed_in_order_;
  boost::unordered_flat_map<SessionId, std::unique_ptr<Session>> sessions_;
  boost::unordered_flat_map<SessionId, Hold> holds_;
  ConflictCounters conflicts_;
  RetryTurns turns_;
  boost::unordered_flat_map<SessionId, HeldBack> held_back_;  // each one waits in turns_, or is due
  std::int64_t started_utc_ns_ = 0;
  StageWatch stages_;
  std::uint64_t commits_ = 0;
  std::uint64_t schema_changes_ = 0;
  std::uint64_t conflict_count_ = 0;
  std::uint64_t connections_made_ = 0;
  std::map<ErrorCode, std::uint64_t> refusals_;
  StoreStanding store_standing_ = StoreStanding::kReady;
  std::string store_trouble_;
  SessionId last_session_;
  ObjectId next_id_;
  ObjectId ids_reserved_below_;
  ObjectId ids_asked_below_;
  const ObjectId ids_before_start_below_;
  std::vector<SessionId> holding_news_;  // sessions with some that is to go out together
  bool sending_held_ = false;
  std::deque<IdRequest> id_requests_;
  Time now_{};  // at the last tick
  bool shutting_down_ = false;
  bool hands_over_ = false;  // nothing goes to the store any more
};

}  // namespace odb::server
