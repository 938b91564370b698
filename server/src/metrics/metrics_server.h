// MetricsServer: /metrics, /healthz and /readyz over HTTP, for one odb_server.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "odb/core/error.h"
#include "odb/net/socket.h"

namespace odb::server {
class Server;
}

namespace odb::server::metrics {

// Runs on one thread of its own, and asks the server what it wants to know; a server that does not
// answer within a second is not waited for. Whoever reaches the port may read: nothing that it says
// is secret, but the names of types are in it.
//
// /metrics is the text that Prometheus scrapes. /healthz says 200 while the server's thread answers
// or has not begun, /readyz while it takes commits; else both say 503 and why.
class MetricsServer {
 public:
  // Listens when it returns, and says that the server is starting. kAddressInUse,
  // kBadConfiguration.
  static Result<std::unique_ptr<MetricsServer>> start(const net::Endpoint& endpoint);
  ~MetricsServer();
  MetricsServer(const MetricsServer&) = delete;
  MetricsServer& operator=(const MetricsServer&) = delete;

  std::uint16_t port() const;

  // Why it is not ready while it serves nothing, for people: "the store is being loaded".
  void set_waiting(std::string reason);

  // Asks `server` until serve_no_more(), which must come before the server goes.
  void serve(const Server& server);
  // From here on it is not ready, but still asked.
  void begin_stop();
  void serve_no_more();

 private:
  class Impl;
  explicit MetricsServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace odb::server::metrics
