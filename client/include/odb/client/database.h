// Database: a connection to an odb server, with the cache of what this program subscribes to.
#pragma once

#include <chrono>
#include <concepts>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "odb/client/errors.h"
#include "odb/client/object_ref.h"
#include "odb/client/schema.h"
#include "odb/client/transaction.h"
#include "odb/client/typed_fwd.h"
#include "odb/client/view.h"
#include "odb/core/conflict_counters.h"
#include "odb/core/interest.h"
#include "odb/core/server_status.h"

namespace odb {

struct Connection;  // core_schema.h

// What became of the link to the server.
struct LinkEvent {
  enum class Kind : std::uint8_t {
    kConnected,     // again: what was missed has come in
    kReconnecting,  // the link broke; views and handlers live on, and so does what is under way
    kGone,  // for good: everything that waits throws, and so does every later call but view()
  };
  Kind kind = Kind::kConnected;
  Error reason;              // why it broke or ended
  bool new_history = false;  // the server knows nothing of before: objects of then are no more
};

// Where a server may be.
struct ServerAddress {
  std::string host;
  std::uint16_t port = 0;
};

struct ConnectOptions {
  std::chrono::milliseconds timeout{10'000};          // to be connected and authenticated
  std::chrono::milliseconds request_timeout{60'000};  // default of everything that waits later
  bool retry = false;  // keep trying until `timeout` while there is no server yet
  // A link that breaks is made again, for as long as this; 0: that is the end of the connection.
  std::chrono::milliseconds reconnect_for{10 * 60'000};
  // Meanwhile views go on, and calls that need the server wait for it, for as long as this; then
  // they throw DisconnectedError, having done nothing. Commits that had been sent are asked after
  // when the server is back by then, and take effect at most once; later their outcome is unknown.
  // Nothing: 1 s, or 15 s when there are several servers, of which another one may take over.
  std::optional<std::chrono::milliseconds> offline_wait{};
  std::function<void(const LinkEvent&)> on_link;  // called as handlers are
  // What this program calls itself where others see it (Connection::name): at most 256 bytes.
  // Empty: its executable's name.
  std::string name;
  // On top of the token's proof, which already detects a man in the middle:
  std::string ca_file;      // the certificate must be signed by one of these and name the host
  std::string fingerprint;  // the certificate must have this SHA-256, hex
  // Called every now and then, and at signals, on a thread that waits; may throw to end the wait.
  std::function<void()> while_waiting;
  // Runs the waits inside reads and the making of objects, which mostly need none: calls its
  // argument, once, on the same thread. A language with a global lock lets go of it meanwhile.
  // Null: just calls it.
  std::function<void(const std::function<void()>&)> around_wait;
};

// What one commit changed, as far as this client's subscriptions show it.
struct Change {
  struct Object {
    ObjectRef object;
    std::vector<FieldId> fields;  // written ones
  };
  struct IndexEntry {
    IndexId index;
    std::vector<Value> values;
    ObjectRef object;
  };

  Version version;
  std::string actor;            // whose commit: the name of the token
  std::vector<Object> created;  // or moved into what is subscribed to
  std::vector<Object> changed;
  std::vector<Object> deleted;  // or moved out of it
  std::vector<IndexEntry> index_additions;
  std::vector<IndexEntry> index_removals;
  View view;  // just after the change

  // Those of a described struct, of all schemas that define it; none when none does.
  // typed_database.h
  template <class T>
  std::vector<Ref<T>> created_of() const;
  template <class T>
  std::vector<Ref<T>> changed_of() const;
  template <class T>
  std::vector<Ref<T>> deleted_of() const;
  // Whether it wrote this member of an object that was there before and after.
  template <auto Member, class T>
  bool wrote(Ref<T> object) const;
};
using ChangeHandler = std::function<void(const Change&)>;

// Names a handler, to remove it. Dropping it does nothing.
struct HandlerId {
  std::uint64_t value = 0;
  friend bool operator==(const HandlerId&, const HandlerId&) = default;
};

namespace detail {

template <class Selection>
concept Selects = requires(const Selection& selection, const ClientCatalog& catalog) {
  { selection.interest(catalog) } -> std::same_as<Interest>;
};

}  // namespace detail

// A subscription, or several that were made together. Dropping the handle leaves it in place.
class Subscription {
 public:
  Subscription(std::shared_ptr<detail::Connection> connection, std::vector<SubscriptionId> ids)
      : connection_(std::move(connection)), ids_(std::move(ids)) {}
  bool is_loaded() const;
  // Until loaded. Throws TimeoutError, DisconnectedError, or what the server refused it with.
  void wait(std::optional<std::chrono::milliseconds> timeout = {}) const;
  // How many objects have arrived so far.
  std::uint64_t objects_loaded() const;
  // Ends it, and returns when what no other subscription covers has left the cache; views that are
  // open keep it. One that is still loading stops at once, and wait() throws.
  void unsubscribe(std::optional<std::chrono::milliseconds> timeout = {});

 private:
  std::shared_ptr<detail::Connection> connection_;
  std::vector<SubscriptionId> ids_;
};

// All members may be called from any thread. Handlers and completions run on the database's
// background thread, one at a time, changes in version order; they may use the database, waiting
// included. When the link breaks it is made again, see ConnectOptions::reconnect_for: handlers then
// see what was missed as if they had been there, or, when that was too much for the server to keep,
// one change by which the cache differs from before.
class Database {
 public:
  explicit Database(std::shared_ptr<detail::Connection> connection)
      : connection_(std::move(connection)) {}
  Database(Database&&) noexcept = default;
  Database& operator=(Database&& other) noexcept;
  ~Database();  // disconnects

  // Makes the server and this connection know the schema's types. Throws SchemaError when they
  // contradict those that are stored.
  void define(const Schema& schema, std::optional<std::chrono::milliseconds> timeout = {});

  // Defines the schema, subscribes to all of it, and returns when it is loaded.
  Subscription subscribe(const Schema& schema,
                         std::optional<std::chrono::milliseconds> timeout = {});
  // With Loading::kLazy identities and indexed fields arrive at once, other fields when they are
  // first read, as of the version of the view that reads them; see View::load.
  Subscription subscribe(const Schema& schema, Loading loading,
                         std::optional<std::chrono::milliseconds> timeout = {});
  // To each of its types but some: excluding<Log, Audit>(), or Excluding{{}, {"Log"}}. Types that
  // others add to the schema are not part of it. Throws SchemaError for a type that the schema does
  // not define.
  Subscription subscribe(const Schema& schema, const Excluding& excluding,
                         Loading loading = Loading::kEager,
                         std::optional<std::chrono::milliseconds> timeout = {});
  // The dynamic form; returns when it is loaded.
  Subscription subscribe(Interest interest, std::optional<std::chrono::milliseconds> timeout = {});
  Subscription subscribe(Interest interest, Loading loading,
                         std::optional<std::chrono::milliseconds> timeout = {});
  // Returns at once; see Subscription::wait.
  Subscription subscribe_async(Interest interest, Loading loading = Loading::kEager);

  // An object that this client created stays in its cache, covered or not, until it is deleted or
  // released here. Returns when what no subscription covers has left the cache.
  void release(std::span<const ObjectRef> objects,
               std::optional<std::chrono::milliseconds> timeout = {});

  // where<&Task::status>("open"), type<Task>() or objects(refs), see typed_query.h. Throws
  // SchemaError until the schema is defined here.
  template <detail::Selects Selection>
  Subscription subscribe(const Selection& selection,
                         std::optional<std::chrono::milliseconds> timeout = {}) {
    return subscribe(selection.interest(view().snapshot().catalog()), timeout);
  }
  template <detail::Selects Selection>
  Subscription subscribe(const Selection& selection, Loading loading,
                         std::optional<std::chrono::milliseconds> timeout = {}) {
    return subscribe(selection.interest(view().snapshot().catalog()), loading, timeout);
  }
  template <detail::Selects Selection>
  Subscription subscribe_async(const Selection& selection) {
    return subscribe_async(selection.interest(view().snapshot().catalog()));
  }

  // Whether loaded subscriptions hold all of this. Throws SchemaError, ValueError for what cannot
  // be subscribed to.
  bool is_subscribed(const Interest& interest) const;
  bool is_subscribed(const Schema& schema) const;
  template <detail::Selects Selection>
  bool is_subscribed(const Selection& selection) const {
    return is_subscribed(selection.interest(view().snapshot().catalog()));
  }

  View view() const;
  Transaction transaction();
  // At an older version, back to the server's horizon: what the loaded subscriptions cover is read
  // again as it was then, which takes a round trip for each of them, and the memory for it. Throw
  // TooOldError behind the horizon, UsageError for a version that is not there yet.
  View view(Version version) const;
  Transaction transaction(Version version);

  // Runs `body(transaction)` and commits, again after each conflict, at most `attempts` times;
  // those who want the same thing get it in turns, as they came. Then it throws the last
  // ConflictError. Other exceptions pass through and nothing is committed. Returns the version.
  template <class Body>
  Version transact(Body&& body, int attempts = 100);

  HandlerId on_commit(ChangeHandler handler);
  // It does not run again once this returns, unless it calls this itself.
  void remove_handler(HandlerId handler);

  // Returns when the cache holds everything that was committed anywhere before the call.
  Version flush(std::optional<std::chrono::milliseconds> timeout = {});

  // How the server is. Throws Exception with kUnsupported when it is too old to say.
  ServerStatus status(std::optional<std::chrono::milliseconds> timeout = {});

  // Return when the cache is at this version or a later one, or shows something that the view does
  // not: a commit, or a subscription that loaded or ended. Throw TimeoutError, DisconnectedError.
  void wait_for_version(Version version, std::optional<std::chrono::milliseconds> timeout = {});
  void wait_for_change(const View& since, std::optional<std::chrono::milliseconds> timeout = {});

  // This connection as an object, which others can refer to and see, and which is gone when the
  // connection ends. Makes "core" known here at the first call, which takes a round trip.
  Ref<Connection> connection_object();
  ObjectId connection_identity() const;  // of that object; for the dynamic form

  Version version() const;  // of the cache
  std::shared_ptr<const Catalog> catalog() const;
  const std::string& actor() const;  // the server's name for this client's token
  HistoryId history() const;
  // On which fields, indexes and types the commits of this connection have conflicted, and how
  // often; the most frequent first.
  std::vector<ConflictCount> conflict_counts() const;
  bool is_connected() const;  // now
  void disconnect();          // everything that waits throws DisconnectedError; idempotent

  const std::shared_ptr<detail::Connection>& connection() const { return connection_; }

  // How long to sleep after this attempt, the first being 1, where the server gives no turns:
  // random, and longer the later it is, at most 12.8 ms.
  static std::chrono::microseconds conflict_pause(int attempt);

 private:
  void pause_after_conflict(int attempt);

  std::shared_ptr<detail::Connection> connection_;
};

// Connects, authenticates, and opens a session. Throws ConnectError (with host and port),
// AuthenticationError, TimeoutError.
Database connect(const std::string& host, std::uint16_t port, const std::string& token,
                 ConnectOptions options = {});
// To the first of these servers that answers; likewise when a link is made again.
Database connect(std::vector<ServerAddress> servers, const std::string& token,
                 ConnectOptions options = {});

// The same over a stream socket that is connected already: to a server inside this process, whose
// Server::open_link() made it. Takes the descriptor over. `retry` means nothing.
Database connect_over(int descriptor, const std::string& token, ConnectOptions options = {});

template <class Body>
Version Database::transact(Body&& body, int attempts) {
  for (int attempt = 1;; ++attempt) {
    Transaction transaction = this->transaction();
    if (attempt < attempts) transaction.state().will_try_again();
    body(transaction);
    try {
      return transaction.commit();
    } catch (const ConflictError&) {
      if (attempt >= attempts) throw;
      pause_after_conflict(attempt);
    }
  }
}

}  // namespace odb
