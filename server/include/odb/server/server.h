// Server: an odb server inside this process. odb_server is a command line around it; tests and
// small programs embed it.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "odb/core/conflict_counters.h"
#include "odb/core/error.h"
#include "odb/net/socket.h"
#include "odb/net/token_table.h"
#include "odb/server/limits.h"
#include "odb/server/statistics.h"
#include "odb/server/store.h"

namespace odb::server {

enum class Listening : std::uint8_t {
  kTcp,
  kNot,  // reached through Server::open_link only
};

// Whether a server has the store, and serves; or waits for it, and refuses connections.
enum class Role : std::uint8_t { kOwner, kStandby };

// Of a server that waits for as long as another one owns the store, and does so again when it has
// lost the store to another one.
struct StandbyOptions {
  // Makes the store, each time that this server begins to wait: one that was lost is of no use any
  // more. Its load() should wait while another server has what it stands for. Any thread.
  std::function<std::unique_ptr<Store>()> make_store;
  // Called on the server's thread with each role, the first one too. `port`: Server::port().
  std::function<void(Role role, std::uint16_t port)> on_role{};
  // Called once, on the server's thread, when waiting is in vain, because of a wrong password for
  // example: it will never serve again.
  std::function<void(const Error& reason)> on_failed{};
};

struct ServerOptions {
  Listening listening = Listening::kTcp;
  std::string host = "localhost";
  std::uint16_t port = 0;  // 0: a free one
  // Whoever presents one of these tokens is in. None: the server makes a strong one, see token().
  std::vector<net::NamedToken> tokens;
  // PEM files. Both empty: the server makes a self-signed certificate for itself; clients are
  // protected by the token's proof, which is bound to the channel.
  std::string tls_certificate_file;
  std::string tls_key_file;
  Limits limits{};
  std::unique_ptr<Store> store;  // null: memory
  // Called once, on the server's thread, when the store is not this server's any more or has lost
  // commits. Clients can still read; nothing is committed until the server is started anew.
  std::function<void(const Error& reason)> on_store_lost{};
  // Takes the place of `store` and `on_store_lost`.
  std::optional<StandbyOptions> standby{};
};

// Runs on one thread of its own from start() to stop(). The members may be called from any thread.
class Server {
 public:
  // Has loaded what the store holds, and listens, when it returns; with a standby it waits for the
  // store then, and its port is refused to others. kAddressInUse, kBadConfiguration, and what
  // Store::load() says.
  static Result<std::unique_ptr<Server>> start(ServerOptions options);

  // Stops as stop() does.
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  Role role() const;
  std::uint16_t port() const;        // 0 when it does not listen
  const std::string& token() const;  // the first one accepted
  std::size_t session_count() const;
  std::string store_name() const;
  std::string certificate_fingerprint() const;  // SHA-256, hex

  // A new connection from within this process, a pair of sockets without port or name: the end for
  // the client, see odb::connect_over(). It speaks what TCP connections speak. kShuttingDown after
  // stop() and while it is standby, kTooManySessions when the process has no descriptors left.
  Result<net::Socket> open_link();

  // On which fields, indexes and types commits have conflicted since the start, and how often; the
  // most frequent first.
  std::vector<ConflictCount> conflict_counts() const;

  // How the server is doing, asked on its thread, which may take a while when it is busy; as of its
  // end after stop().
  Statistics statistics() const;
  // The same within `timeout`: nothing when the thread does not answer by then.
  std::optional<Statistics> statistics_within(std::chrono::milliseconds timeout) const;
  std::optional<std::vector<ConflictCount>> conflict_counts_within(
      std::chrono::milliseconds timeout) const;

  // Stops accepting, answers what has arrived once it is durable, says goodbye to every client, and
  // ends the thread: within Limits::linger. Then gives up the store. Idempotent.
  void stop();

 private:
  class Impl;
  explicit Server(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// Servers write to spdlog's default logger, which a program may set up. This makes it one on stderr
// that tells of trouble only, and not of connections that come and go.
void log_trouble_to_stderr();

}  // namespace odb::server
