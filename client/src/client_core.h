// ClientCore: the client's side of the session protocol. Sans-I/O: messages and time in, messages
// out.
#pragma once

#include <algorithm>
#include <boost/unordered/unordered_flat_map.hpp>
#include <chrono>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "cache.h"
#include "commit_parts.h"
#include "odb/client/transaction.h"
#include "odb/core/conflict_counters.h"
#include "odb/core/messages.h"
#include "odb/net/byte_stream.h"
#include "odb/wire/frame.h"

namespace odb::detail {

using Time = std::chrono::steady_clock::time_point;

// Who connects, and how it proves that it may.
struct ClientIdentity {
  ClientId client;
  std::string token;
  std::string software;
  std::string name;         // of the program
  bool reconnects = false;  // a link that breaks is not the end
};

// A commit under way: one allocation, with the memory of an earlier one's when that is recycled.
struct CommitTicket {
  Sequence sequence;
  std::optional<CommitOutcome> outcome;  // set once
  CommitCallback callback;               // empty when somebody waits for the outcome
  std::vector<ObjectRef> created;        // this client's own to see; forgotten when not accepted
  Changeset writes;                      // its delta, if the server says so
  Bytes message;                         // encoded; empty when it travels in parts
  CommitParts parts;
  std::size_t bytes = 0;
};

// A request under way: done when it has a version or an error.
struct RequestTicket {
  std::optional<Version> version;
  std::optional<Error> error;
  bool is_done() const { return version.has_value() || error.has_value(); }
  std::optional<ServerStatus> status;  // of a request for it
};

// A load of objects as of a version: done when complete or failed.
struct LoadTicket {
  std::vector<RowBlock> blocks;
  bool complete = false;
  std::optional<Error> error;
  bool is_done() const { return complete || error.has_value(); }
};

// One thread at a time; Connection holds a mutex around it, the simulator runs it alone.
class ClientCore {
 public:
  ClientCore(ClientIdentity identity, const net::ChannelBinding& binding, Time now);

  // ---- the link's side ----
  void receive(ServerMessage message, Time now);
  void note_received(Time now) { last_received_ = now; }
  void tick(Time now);
  // For this reason there is nothing more to come: everything under way ends.
  void fail(Error reason);
  // The link is gone, which a client that reconnects survives: it is offline, keeps what is under
  // way, and waits for attach(). Any other fails.
  void lose_link(Error reason);
  // Why it is offline.
  const Error& offline_reason() const { return offline_reason_; }
  // Offline for too long: commits are not kept for later any more. Those that were sent have an
  // unknown outcome, the others this error.
  void give_up_commits(const Error& reason);
  // There is a new link: begins a session on it, in which the client takes up where it was.
  void attach(const net::ChannelBinding& binding, Time now);
  std::vector<wire::EncodedMessage> take_outgoing() { return std::exchange(outgoing_, {}); }
  bool has_outgoing() const { return !outgoing_.empty(); }
  std::size_t outgoing_count() const { return outgoing_.size(); }
  std::size_t unanswered_commits() const { return commits_.size(); }

  bool is_open() const { return phase_ == Phase::kOpen; }
  // Whether the server should have said something by now, and has not.
  bool is_quiet(Time now) const;
  bool is_offline() const { return phase_ == Phase::kOffline; }
  bool is_reloading() const { return phase_ == Phase::kReloading; }
  bool has_ended() const { return phase_ == Phase::kEnded; }
  const Error& end_reason() const { return end_reason_; }
  std::size_t message_bytes_max() const;

  // ---- the program's side ----
  std::shared_ptr<RequestTicket> define(const Schema& schema);
  SubscriptionId subscribe(Interest interest, Loading loading);
  const RequestTicket& subscription(SubscriptionId id) const {
    return *subscriptions_.at(id).ticket;
  }
  std::uint64_t objects_loaded(SubscriptionId id) const {
    return subscriptions_.at(id).objects_loaded;
  }
  // Done when what only this subscription covers has left the cache. Its ticket, when it was not
  // loaded yet, fails.
  std::shared_ptr<RequestTicket> unsubscribe(SubscriptionId id);
  // Lets go of objects that this client sees only because it created them.
  std::shared_ptr<RequestTicket> release(TypeId type, std::vector<ObjectId> objects);
  std::shared_ptr<LoadTicket> load(const SnapshotOrigin& origin, Interest what);
  std::shared_ptr<RequestTicket> flush();
  // Fails with kUnsupported when the server does not offer it.
  std::shared_ptr<RequestTicket> ask_for_status();

  // Whether the server tells those who try again of a conflict when it is their turn.
  bool server_gives_turns() const { return server_has(kFeatureTurns); }

  // Beyond the server's credits, and while the link is broken, commits wait here, up to
  // kWaitingBytesMax, and go out as outcomes come in. The ticket may have its outcome at once: too
  // large, too many waiting, disconnected, of a history that has ended.
  std::shared_ptr<CommitTicket> commit(CommitRequest request, HistoryId history,
                                       CommitCallback callback);
  // Takes back a commit that has not been sent, so that it surely never takes effect: its outcome
  // is this error then. False: it was sent, and its outcome is still to come.
  bool withdraw(const CommitTicket& ticket, Error reason);

  // An identity for a new object, nothing while none is granted; more are asked for in time.
  std::optional<ObjectId> allocate(TypeId type);

  // Another one after a new snapshot: not to be kept.
  Cache& cache() { return *cache_; }
  const Cache& cache() const { return *cache_; }
  const std::string& actor() const { return actor_; }
  HistoryId history() const { return history_; }
  ObjectId connection() const { return connection_; }  // this session's object of core.Connection
  const ConflictCounters& conflicts() const { return conflicts_; }

  // Commits with callbacks whose outcome has come, in the order of their coming.
  std::vector<std::shared_ptr<CommitTicket>> take_completed() {
    return std::exchange(completed_, {});
  }
  bool has_completed() const { return !completed_.empty(); }
  // A completed one that is done with: its memory is for a later commit.
  void recycle(std::shared_ptr<CommitTicket> ticket);
  std::vector<LinkEvent> take_link_events() { return std::exchange(link_events_, {}); }
  bool has_link_events() const { return !link_events_.empty(); }

  static constexpr std::size_t kWaitingBytesMax = 256 * 1024 * 1024;
  // What is kept of commits that are done with.
  static constexpr std::size_t kSpareTicketsMax = 256;
  static constexpr std::size_t kSpareTicketBytesMax = 1024;

 private:
  bool server_has(const char* feature) const {
    return std::find(server_features_.begin(), server_features_.end(), feature) !=
           server_features_.end();
  }

  enum class Phase {
    kHello,
    kProof,
    kOpening,
    kResuming,   // what was missed comes in
    kReloading,  // too much was missed: everything comes in anew
    kOpen,
    kOffline,
    kEnded
  };
  enum class AsDelta : std::uint8_t { kNo, kYes };
  struct SubscriptionEntry {
    Interest interest;
    Loading loading = Loading::kEager;
    std::shared_ptr<RequestTicket> ticket;
    std::uint64_t objects_loaded = 0;
    std::shared_ptr<RequestTicket> ending;  // of an unsubscribe under way
    bool is_told = false;                   // to the server, in this session
    bool is_own = false;                    // of objects that this client created
  };
  // Asked for, and asked for again after a link broke, until it is answered.
  struct Request {
    std::shared_ptr<RequestTicket> ticket;
    ClientMessage message;
  };
  struct Load {
    std::shared_ptr<LoadTicket> ticket;
    HistoryId history;
    LoadObjects message;
  };
  struct Releasing {
    std::shared_ptr<RequestTicket> ticket;
    std::vector<ObjectRef> objects;
    bool is_past = false;  // the server, in this session, does not know of these objects
  };
  // Everything anew, beside the cache that programs read meanwhile.
  struct Reload {
    std::unique_ptr<Cache> cache;
    std::set<RequestId> defining;
    std::set<SubscriptionId> loading;
    std::map<SubscriptionId, Error> refused;
    std::set<std::string> told;       // schemas, by the server
    std::vector<SubscriptionId> own;  // of objects that this client created
  };
  struct IdChunk {
    std::uint64_t next = 0;
    std::uint64_t end = 0;
  };

  void on(Hello& hello);
  void on(Authenticated& message);
  void on(SessionOpened& message);
  void on(SchemaDefined& message);
  void on(SnapshotChunk& message);
  void on(SubscriptionLoaded& message);
  void on(Unsubscribed& message);
  void on(ObjectsLoaded& message);
  void on(Flushed& message);
  void on(ServerStatus& message);
  void on(CommitDone& message);
  void on(CommitsAccepted& message);
  void finish_sent(Sequence sequence, CommitOutcome&& outcome, AsDelta as_delta);
  void on(Resumed& message);
  void on(RequestRefused& message);
  void on_unexpected(std::string_view what);
  void check(const Result<void>& result);
  void on_refused_while_reloading(const RequestRefused& message);
  bool is_past_opening() const {
    return phase_ == Phase::kResuming || phase_ == Phase::kReloading || phase_ == Phase::kOpen;
  }
  Cache& receiving_cache() { return reload_ == nullptr ? *cache_ : *reload_->cache; }
  void resume(const SessionOpened& opened);
  std::vector<ObjectsInterest> own_objects() const;
  void reload(Version version);
  void subscribe_again();
  std::optional<Interest> translate(const Interest& interest) const;
  void adopt_subscriptions();
  void finish_reload();
  void forget_history();
  void end_untold(SubscriptionEntry& entry);
  void finish_what_ended_with_the_session();
  void reopen(bool new_history);
  void send(const ClientMessage& message);
  void send_when_open(const ClientMessage& message);
  void send_waiting();
  std::shared_ptr<CommitTicket> new_ticket();
  bool encode(CommitTicket& ticket, CommitRequest& request);
  void send(std::shared_ptr<CommitTicket> ticket);
  void finish(const std::shared_ptr<CommitTicket>& ticket, CommitOutcome&& outcome);
  void take_ids(const IdRange& range);
  std::shared_ptr<RequestTicket> new_request(RequestId id, ClientMessage message);
  void finish_request(RequestId id, Version version);
  void ask_for_ids();
  void report_oldest_open();

  const ClientIdentity identity_;
  net::ChannelBinding binding_;
  Phase phase_ = Phase::kHello;
  Error end_reason_;
  Error offline_reason_;
  std::unique_ptr<Cache> cache_;
  std::unique_ptr<Reload> reload_;
  std::vector<wire::EncodedMessage> outgoing_;
  std::vector<LinkEvent> link_events_;

  std::vector<std::string> server_features_;
  std::string actor_;
  HistoryId history_;
  HistoryId next_history_;  // of the session that is opening; that of the cache until it has loaded
  ObjectId connection_;
  std::vector<Schema> defined_;          // for a server that knows none of them
  std::set<std::string> stale_schemas_;  // may have grown unheard before the last reload
  std::uint32_t credits_ = 0;
  std::size_t commit_bytes_max_ = 0;
  std::chrono::milliseconds heartbeat_interval_{0};
  std::chrono::milliseconds silence_timeout_{0};
  Time now_;
  Time last_sent_;
  Time last_received_;

  RequestId last_request_;
  SubscriptionId last_subscription_;
  Sequence last_sequence_;
  std::map<RequestId, Request> requests_;
  std::map<RequestId, Load> loads_;
  std::map<RequestId, Releasing> releases_;
  boost::unordered_flat_map<SubscriptionId, SubscriptionEntry> subscriptions_;
  bool reports_oldest_ = false;  // from the first read on that asks the server for a version
  Version oldest_reported_;
  boost::unordered_flat_map<Sequence, std::shared_ptr<CommitTicket>> commits_;  // sent
  Sequence last_sent_sequence_;
  Sequence lowest_unresolved_{1};
  std::deque<std::shared_ptr<CommitTicket>> waiting_;
  std::size_t waiting_bytes_ = 0;
  ConflictCounters conflicts_;  // of this client's own commits
  std::vector<std::shared_ptr<CommitTicket>> completed_;
  std::vector<std::shared_ptr<CommitTicket>> spare_;

  std::deque<IdRange> ids_;
  std::vector<IdRange> granted_;  // in this history, whatever has become of them
  std::uint64_t ids_left_ = 0;
  std::uint64_t ids_asked_ = 0;  // under way
  std::uint64_t ids_last_grant_ = 0;
  boost::unordered_flat_map<TypeId, IdChunk> id_chunks_;
};

}  // namespace odb::detail
