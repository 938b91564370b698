// Connection: drives a ClientCore over a real link, with threads.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "client_core.h"
#include "dialer.h"
#include "odb/client/database.h"
#include "odb/net/message_stream.h"
#include "odb/net/socket.h"

namespace odb::detail {

// Threads: everything behind one mutex. Whoever waits for the server takes the role of driver,
// sends and receives for itself, and wakes the others when their answers came along; a background
// thread has the role when nobody waits. While a caller drives, the socket is disarmed in the
// background thread's epoll set, so that thread sleeps on. Handlers run on the background thread
// with the mutex free.
class Connection : public ObjectSource, public std::enable_shared_from_this<Connection> {
 public:
  static std::shared_ptr<Connection> open(std::vector<net::Endpoint> servers,
                                          const std::string& token, ConnectOptions options);
  // Over this socket.
  static std::shared_ptr<Connection> open(net::Socket socket, const std::string& token,
                                          ConnectOptions options);
  ~Connection() override;
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  using Timeout = std::optional<std::chrono::milliseconds>;

  void define(const Schema& schema, Timeout timeout);
  SubscriptionId subscribe(Interest interest, Loading loading);
  std::uint64_t objects_loaded(SubscriptionId subscription);
  bool is_loaded(SubscriptionId subscription);
  void wait_loaded(SubscriptionId subscription, Timeout timeout);
  void unsubscribe(SubscriptionId subscription, Timeout timeout);
  void release(TypeId type, std::vector<ObjectId> objects, Timeout timeout);
  // ObjectSource; any thread.
  std::vector<RowBlock> load(const SnapshotOrigin& origin, Interest what) override;
  void complete(const std::vector<std::pair<ObjectId, const Row*>>& partial,
                std::vector<RowBlock> blocks) override;
  std::shared_ptr<const Snapshot> snapshot();
  // Of an older version: what the subscriptions cover is read from the server again.
  std::shared_ptr<const Snapshot> snapshot_at(Version version);
  ObjectId allocate(TypeId type, Timeout timeout);
  // Of a transaction on a snapshot of this history.
  CommitOutcome commit(CommitRequest request, HistoryId history, Timeout timeout);
  void commit_async(CommitRequest request, HistoryId history, CommitCallback done);
  Version flush(Timeout timeout);
  ServerStatus status(Timeout timeout);
  void wait_for_version(Version version, Timeout timeout);
  void wait_for_change(Version step, Timeout timeout);  // of the cache
  HandlerId on_commit(ChangeHandler handler);
  void remove_handler(HandlerId handler);

  // A watch is told each change as soon as the cache has it, on the thread that received it; so
  // what a commit or flush brought along is judged when that returns.
  void add_watch(std::shared_ptr<ReadWatch> watch);
  void remove_watch(const ReadWatch& watch);  // it is told nothing once this returns
  const ConnectOptions& options() const { return options_; }
  // Sleeps, so that those who met do not meet again; not where the server sees to that.
  void pause_after_conflict(int attempt);

  Version version();
  std::shared_ptr<const Catalog> catalog();
  const std::string& actor() const { return actor_; }
  HistoryId history();
  std::vector<ConflictCount> conflict_counts();
  Ref<odb::Connection> connection_object();
  ObjectId connection_identity();
  bool is_connected();
  // Ends the link; what is under way ends with kDisconnected. Joins the background thread unless
  // called on it.
  void disconnect();

 private:
  // How often heartbeats are looked at.
  static constexpr std::chrono::milliseconds kTickInterval{250};

  struct Handler {
    HandlerId id;
    ChangeHandler call;
  };
  using Lock = std::unique_lock<std::mutex>;

  static std::shared_ptr<Connection> open(std::unique_ptr<Dialer> dialer, const std::string& token,
                                          ConnectOptions options);
  Connection(std::unique_ptr<Dialer> dialer, std::unique_ptr<net::MessageStream> stream,
             std::unique_ptr<ClientCore> core, ConnectOptions options);
  void start();

  // Throws when the process was forked after connecting.
  void check_process() const;
  void check_connected(const Lock& lock) const;

  // Drives, or waits for who drives, until `is_done` (called with the lock) or the time is up:
  // false. Throws what ConnectOptions::while_waiting throws, and DisconnectedError when there has
  // been no link for ConnectOptions::offline_wait.
  bool wait(Lock& lock, Timeout timeout, const std::function<bool()>& is_done);
  void drive(Lock& lock, Time deadline, const std::function<bool()>& is_done);
  void call_while_waiting(Lock& lock);
  void run_wait(const std::function<void()>& body);
  void check_offline() const;
  bool is_offline_too_long() const;
  std::chrono::milliseconds offline_wait() const;
  Error offline_error() const;
  std::vector<RowBlock> load_waiting(const SnapshotOrigin& origin, Interest what);
  ObjectId allocate_waiting(TypeId type, Timeout timeout);
  void wait_until(const std::function<bool()>& is_done, Timeout timeout, const char* what);
  void finish(Lock& lock, const RequestTicket& ticket, Timeout timeout, std::string_view what);

  // With the lock held.
  void send_outgoing();
  void pump();
  void close_link();
  void note_link_lost();
  void install_link(std::unique_ptr<net::ByteStream> link);
  void arm(std::uint32_t events);
  void arm_for_background();
  void wake_background();
  bool may_hold() const;
  void hold();
  bool has_work_for_handlers() const;

  void run_background();
  void reconnect(Lock& lock);
  void look_for_another(Lock& lock);
  void run_handlers(Lock& lock);

  const ConnectOptions options_;
  const std::string actor_;
  std::atomic<bool> knows_core_ = false;  // core_schema() is defined here
  const net::Socket epoll_;
  const net::Socket wakeup_;
  const net::Socket hold_timer_;
  const std::uint64_t process_;

  std::mutex mutex_;
  std::condition_variable changed_;
  const std::unique_ptr<Dialer> dialer_;  // the background thread's, once it runs
  std::unique_ptr<net::MessageStream> stream_;
  std::unique_ptr<ClientCore> core_;
  std::optional<Time> down_since_;  // no session since then
  std::chrono::milliseconds backoff_{0};
  bool is_opening_ = false;  // a session, on a link that was made again
  Time looked_for_another_{};
  bool driving_ = false;      // a caller drives
  int followers_ = 0;         // callers that wait for the driver
  bool wants_write_ = false;  // the stream did not take everything
  std::uint32_t armed_ = 0;   // events the background thread waits for
  bool holds_ = false;        // hold_timer_ runs: commits wait for others to share a write
  bool has_more_ = false;     // pump() stopped before it had taken in everything
  std::uint64_t bytes_seen_ = 0;
  std::atomic<bool> stopping_ = false;
  std::vector<std::shared_ptr<Handler>> handlers_;
  HandlerId last_handler_;
  std::shared_ptr<Handler> running_handler_;
  bool in_handlers_ = false;  // on the background thread
  std::mutex join_mutex_;     // disconnect() may be called by several at once
  std::thread background_;
  std::thread::id background_id_;
};

}  // namespace odb::detail
