// Dialer: opens links to a server, the first one and those that take its place.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <vector>

#include "odb/core/error.h"
#include "odb/net/byte_stream.h"
#include "odb/net/socket.h"
#include "odb/net/tls_context.h"

namespace odb::detail {

// One thread at a time.
class Dialer {
 public:
  // Requires a server.
  Dialer(std::vector<net::Endpoint> servers, net::TlsClientContext tls)
      : servers_(std::move(servers)), tls_(std::move(tls)) {}

  // Over this socket, connected already, and only once.
  Dialer(net::Socket socket, net::TlsClientContext tls)
      : servers_({{"localhost", 0}}), tls_(std::move(tls)), given_(std::move(socket)) {}

  // A link past its TLS handshake, to the first server that answers; the next call begins with that
  // one. Of several none holds up the others for long: one that does not answer soon is tried again
  // later, with more patience. Calls `while_waiting` every 50 ms, and at signals; what that throws
  // passes through. Fails with what the last server tried gave: kConnectFailed, kTimeout,
  // kServerNotTrusted.
  Result<std::unique_ptr<net::ByteStream>> dial(net::Deadline deadline,
                                                const std::function<void()>& while_waiting);

  // Whether one of the others takes connections; the next dial() begins with that one then. Servers
  // that wait as standby refuse them.
  bool find_other(net::Deadline deadline, const std::function<void()>& while_waiting);
  // The next dial() begins with the one after the last.
  void skip() { next_ = (next_ + 1) % servers_.size(); }
  std::size_t server_count() const { return servers_.size(); }

  const net::Endpoint& server() const { return servers_[next_]; }  // that of the last link

 private:
  Result<std::unique_ptr<net::ByteStream>> dial_one(const net::Endpoint& server,
                                                    net::Deadline deadline,
                                                    const std::function<void()>& while_waiting);

  const std::vector<net::Endpoint> servers_;
  const net::TlsClientContext tls_;
  std::size_t next_ = 0;
  net::Socket given_;
};

// Until the descriptor is ready, or the deadline: false. Calls `while_waiting` meanwhile.
bool wait_ready(int descriptor, bool for_writing, net::Deadline deadline,
                const std::function<void()>& while_waiting);

}  // namespace odb::detail
