// SimClient: one client, from its first connection to its end: ClientCore over a link of the
// simulation.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "client_core.h"
#include "model/attempt.h"
#include "model/cache_check.h"
#include "odb/net/memory_link.h"
#include "odb/net/message_stream.h"
#include "world.h"

namespace odb::sim {

// A snapshot that somebody keeps: it must never change.
struct KeptSnapshot {
  std::shared_ptr<const detail::Snapshot> snapshot;
  std::uint64_t digest = 0;
};

class SimClient {
 public:
  SimClient(World& world, const detail::ClientIdentity& identity, std::string actor,
            std::unique_ptr<net::ByteStream> end);
  SimClient(const SimClient&) = delete;
  SimClient& operator=(const SimClient&) = delete;

  // ---- the link ----
  void pump();  // takes in some of the messages that have arrived
  void flush();
  void tick();
  void leave();  // says goodbye
  // Its link broke, which the server need not know yet.
  void notice_broken_link();
  bool is_open() const { return core_.is_open(); }
  // Has been open once, so that its program goes on, link or no link.
  bool is_usable() const { return core_.history() != HistoryId{} && !core_.has_ended(); }
  bool has_ended() const { return core_.has_ended(); }
  // Its program has waited for a link long enough: what is under way is not kept for later.
  void give_up_commits();
  bool is_offline() const { return core_.is_offline(); }
  void attach(std::unique_ptr<net::ByteStream> end);

  // ---- what a program asks of it ----
  void define(const Schema& schema);
  void subscribe(Interest interest, Loading loading = Loading::kEager);
  void unsubscribe_something();
  void release_something();
  std::shared_ptr<detail::LoadTicket> load(const detail::SnapshotOrigin& origin, Interest what);
  // What a load brought of rows that the snapshot holds in part.
  void complete(const detail::Snapshot& snapshot, const ObjectsInterest& what,
                std::vector<RowBlock> blocks);
  std::shared_ptr<detail::RequestTicket> begin_flush();
  std::shared_ptr<const detail::Snapshot> snapshot();
  // `told`, if any, hears the outcome.
  void submit(std::shared_ptr<Attempt> attempt, bool with_callback, CommitCallback told = nullptr);

  const Catalog& catalog() const { return *core_.cache().catalog()->catalog; }
  detail::ClientCore& core() { return core_; }
  ClientId id() const { return id_; }
  const std::string& actor() const { return actor_; }
  std::size_t commits_in_flight() const { return in_flight_; }
  std::size_t subscription_count() const { return subscriptions_.size(); }
  // What it has asked for, but for what was refused.
  std::vector<HeldInterest> interests() const;

  // ---- checks ----
  void check_cache();
  void keep_snapshot();
  void reread_snapshots();
  // Everything is quiet and a flush is done: the cache must be at this version.
  void check_is_at(Version version);
  bool is_waiting() const;  // for an answer
  std::string waits_for() const;

 private:
  struct PendingFlush {
    std::shared_ptr<detail::RequestTicket> ticket;
    Version acknowledged;  // to anybody, when it was asked for
    HistoryId history;     // of that version
  };
  struct PendingCommit {
    std::shared_ptr<detail::CommitTicket> ticket;
    Sequence sequence;
    HistoryId history;
    CommitCallback told;
  };

  void receive(ServerMessage message);
  void lose_link(Error reason);
  void note_reload(const std::shared_ptr<const detail::Snapshot>& before);
  void begin_history(const detail::Snapshot& before);
  void check_link_events();
  void settle();  // looks at what was asked for
  void on_told(Sequence sequence, HistoryId history, const CommitOutcome& outcome);

  World& world_;
  const ClientId id_;
  const bool reconnects_;
  const std::string actor_;
  std::unique_ptr<net::MessageStream> messages_;
  detail::ClientCore core_;
  std::uint64_t bytes_seen_ = 0;
  bool is_opened_ = false;
  bool has_handler_ = false;
  bool has_reloaded_ = false;
  bool has_left_ = false;
  bool is_giving_up_ = false;
  std::uint64_t server_ = 0;  // the number of the one that it was connected to last
  HistoryId connected_to_;    // when it was last told that it is connected

  struct Subscribed {
    SubscriptionId id;
    Interest interest;
    std::shared_ptr<detail::RequestTicket> ending;  // null: it is to stay
  };
  struct Releasing {
    std::shared_ptr<detail::RequestTicket> ticket;
    ObjectRef object;
  };

  std::vector<Subscribed> subscriptions_;
  std::vector<Releasing> releases_;
  std::vector<std::shared_ptr<detail::LoadTicket>> loads_;
  std::vector<std::shared_ptr<detail::RequestTicket>> definitions_;
  CreatedObjects created_;
  std::vector<PendingFlush> flushes_;
  std::vector<PendingCommit> commits_;
  std::size_t in_flight_ = 0;
  Version must_have_seen_;  // by flushes, its own commits, and earlier snapshots
  std::vector<KeptSnapshot> kept_;
};

}  // namespace odb::sim
