// Listeners: the port on which a server takes connections.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <cstdint>
#include <functional>
#include <vector>

#include "odb/core/error.h"
#include "odb/net/socket.h"

namespace odb::server {

// One for each address of the host's name. All on the thread that runs `io`.
class Listeners {
 public:
  // `sockets` are bound to `endpoint`, whose port may be 0 for one of the system's choice. None: a
  // server that is not reached through the network, for which everything here does nothing.
  Listeners(boost::asio::io_context& io, net::Endpoint endpoint, std::vector<net::Socket> sockets,
            std::function<void(net::Socket)> on_connection);
  ~Listeners() { close(); }
  Listeners(const Listeners&) = delete;
  Listeners& operator=(const Listeners&) = delete;

  std::uint16_t port() const { return endpoint_.port; }

  // For sockets that are only bound: connections are not refused any more, and wait for accept().
  Result<void> listen();
  // Hands connections over from now on.
  void accept();
  // Connections are refused from now on; the port stays this server's.
  void refuse();
  // The port is anybody's.
  void close();

 private:
  void await(std::size_t listener);
  void take_waiting(std::size_t listener);
  void stop_accepting();

  boost::asio::io_context& io_;
  net::Endpoint endpoint_;
  std::vector<net::Socket> sockets_;
  const std::function<void(net::Socket)> on_connection_;
  std::vector<boost::asio::posix::stream_descriptor> listeners_;  // those of sockets_, in use
  std::uint64_t turn_ = 0;  // of accepting; what an earlier one began is over
};

}  // namespace odb::server
