// TCP sockets: an owned descriptor, and how to get one by connecting, listening and accepting.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "odb/core/error.h"

namespace odb::net {

// A host name or address as the user wrote it, and a port.
struct Endpoint {
  std::string host;
  std::uint16_t port = 0;

  friend bool operator==(const Endpoint&, const Endpoint&) = default;
};

// "localhost:8000", "[::1]:8000".
std::string to_string(const Endpoint& endpoint);

// Owns one descriptor and closes it.
class Socket {
 public:
  Socket() = default;
  explicit Socket(int descriptor) : descriptor_(descriptor) {}
  Socket(Socket&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  Socket& operator=(Socket&& other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    return *this;
  }
  ~Socket() { close(); }

  int descriptor() const { return descriptor_; }
  bool is_open() const { return descriptor_ >= 0; }
  int release() { return std::exchange(descriptor_, -1); }
  void close();

 private:
  int descriptor_ = -1;
};

using Deadline = std::chrono::steady_clock::time_point;

// Connects to the first address of the host that answers; the only function of this layer that
// waits. All addresses share the time until `deadline` (looking up the name can exceed it, the
// resolver has time limits of its own). While it waits, `is_cancelled`, when given, is asked every
// 50 ms and at every signal; true ends the attempt. The socket is non-blocking, with TCP_NODELAY.
// Fails with kConnectFailed naming host, port and every address's reason, kTimeout likewise.
Result<Socket> connect_tcp(const Endpoint& endpoint, Deadline deadline,
                           const std::function<bool()>& is_cancelled = {});

// One listening socket for each address of the host ("localhost" has an IPv4 and an IPv6 one), all
// on the same port; port 0 picks a free one. An empty host means every interface. Non-blocking,
// SO_REUSEADDR. Fails with kAddressInUse naming host and port, or with kBadConfiguration when the
// host is not one of this machine or the port may not be used.
Result<std::vector<Socket>> listen_tcp(const Endpoint& endpoint);

// The same, but connections are refused until start_listening(): for who may have to wait.
Result<std::vector<Socket>> bind_tcp(const Endpoint& endpoint);
// With those of bind_tcp(endpoint). kAddressInUse when another program listens there meanwhile.
Result<void> start_listening(const std::vector<Socket>& sockets, const Endpoint& endpoint);

// The next connection, or nothing when none waits (a connection that its peer has given up already
// counts as none). Fails with kTooManySessions when the process has no descriptors left.
Result<std::optional<Socket>> accept_tcp(const Socket& listener);

// Makes a connection accepted elsewhere (by Asio, say) ready for a stream: non-blocking,
// close-on-exec, TCP_NODELAY. Takes the descriptor over.
Socket adopt_accepted(int descriptor);

// Two sockets connected to each other, without address: a link inside this process. Non-blocking,
// close-on-exec. kTooManySessions when the process has no descriptors left.
Result<std::pair<Socket, Socket>> socket_pair();

// The port this socket is bound to; 0 when it is not bound.
std::uint16_t local_port(const Socket& socket);

// "127.0.0.1:41234", "[::1]:41234"; "this process" for one of a socket_pair(); "unconnected" when
// there is no peer.
std::string peer_name(const Socket& socket);

}  // namespace odb::net
