#include "odb/net/socket.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <system_error>

namespace odb::net {
namespace {

using std::chrono::steady_clock;

constexpr auto kCancelInterval = std::chrono::milliseconds(50);
constexpr int kSharedPortAttemptsMax = 16;

std::string errno_text(int error) { return std::generic_category().message(error); }

struct AddressListDeleter {
  void operator()(addrinfo* list) const { freeaddrinfo(list); }
};
using AddressList = std::unique_ptr<addrinfo, AddressListDeleter>;

// Null and `reason` filled when the name does not resolve.
AddressList resolve(const Endpoint& endpoint, int flags, std::string& reason) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = flags | AI_NUMERICSERV;
  addrinfo* list = nullptr;
  const int status = getaddrinfo(endpoint.host.empty() ? nullptr : endpoint.host.c_str(),
                                 std::to_string(endpoint.port).c_str(), &hints, &list);
  if (status != 0) {
    reason = status == EAI_SYSTEM ? errno_text(errno) : gai_strerror(status);
    return nullptr;
  }
  return AddressList(list);
}

std::string address_text(const sockaddr* address, socklen_t size) {
  char host[NI_MAXHOST];
  char port[NI_MAXSERV];
  if (getnameinfo(address, size, host, sizeof host, port, sizeof port,
                  NI_NUMERICHOST | NI_NUMERICSERV) != 0) {
    return "unconnected";
  }
  const std::string text = address->sa_family == AF_INET6 ? "[" + std::string(host) + "]" : host;
  return text + ":" + port;
}

std::uint16_t port_of(const sockaddr_storage& address) {
  if (address.ss_family == AF_INET) {
    return ntohs(reinterpret_cast<const sockaddr_in&>(address).sin_port);
  }
  if (address.ss_family == AF_INET6) {
    return ntohs(reinterpret_cast<const sockaddr_in6&>(address).sin6_port);
  }
  return 0;
}

void set_port(sockaddr* address, std::uint16_t port) {
  if (address->sa_family == AF_INET) {
    reinterpret_cast<sockaddr_in*>(address)->sin_port = htons(port);
  } else if (address->sa_family == AF_INET6) {
    reinterpret_cast<sockaddr_in6*>(address)->sin6_port = htons(port);
  }
}

void set_option(const Socket& socket, int level, int name) {
  const int on = 1;
  setsockopt(socket.descriptor(), level, name, &on, sizeof on);
}

Socket open_socket(const addrinfo& address) {
  return Socket(::socket(address.ai_family, address.ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC,
                         address.ai_protocol));
}

// Connecting to a free port of the ephemeral range on this machine can, by bad luck, meet itself.
bool is_connected_to_itself(const Socket& socket) {
  sockaddr_storage local{};
  sockaddr_storage remote{};
  socklen_t local_size = sizeof local;
  socklen_t remote_size = sizeof remote;
  if (getsockname(socket.descriptor(), reinterpret_cast<sockaddr*>(&local), &local_size) != 0 ||
      getpeername(socket.descriptor(), reinterpret_cast<sockaddr*>(&remote), &remote_size) != 0) {
    return false;
  }
  return local_size == remote_size && std::memcmp(&local, &remote, local_size) == 0;
}

enum class WaitOutcome : std::uint8_t { kReady, kTimeout, kCancelled };

WaitOutcome wait_writable(const Socket& socket, Deadline deadline,
                          const std::function<bool()>& is_cancelled) {
  for (;;) {
    if (is_cancelled && is_cancelled()) return WaitOutcome::kCancelled;
    const auto now = steady_clock::now();
    if (now >= deadline) return WaitOutcome::kTimeout;
    auto pause = std::chrono::ceil<std::chrono::milliseconds>(deadline - now);
    pause = std::min(pause, is_cancelled ? kCancelInterval : std::chrono::milliseconds(60'000));
    pollfd wanted{socket.descriptor(), POLLOUT, 0};
    if (::poll(&wanted, 1, static_cast<int>(pause.count())) > 0) return WaitOutcome::kReady;
  }
}

// One address, one attempt: kTimeout when its time ran out or the caller cancelled.
Result<Socket> connect_address(const addrinfo& address, Deadline deadline,
                               const std::function<bool()>& is_cancelled) {
  Socket socket = open_socket(address);
  if (!socket.is_open()) return Error{ErrorCode::kConnectFailed, errno_text(errno)};
  set_option(socket, IPPROTO_TCP, TCP_NODELAY);
  // A connect that a signal interrupts goes on by itself, like one that has to wait.
  if (::connect(socket.descriptor(), address.ai_addr, address.ai_addrlen) != 0) {
    if (errno != EINPROGRESS && errno != EINTR) {
      return Error{ErrorCode::kConnectFailed, errno_text(errno)};
    }
    switch (wait_writable(socket, deadline, is_cancelled)) {
      case WaitOutcome::kReady:
        break;
      case WaitOutcome::kTimeout:
        return Error{ErrorCode::kTimeout, "no answer in time"};
      case WaitOutcome::kCancelled:
        return Error{ErrorCode::kTimeout, "cancelled"};
    }
    int error = 0;
    socklen_t size = sizeof error;
    getsockopt(socket.descriptor(), SOL_SOCKET, SO_ERROR, &error, &size);
    if (error != 0) return Error{ErrorCode::kConnectFailed, errno_text(error)};
  }
  if (is_connected_to_itself(socket)) {
    return Error{ErrorCode::kConnectFailed, errno_text(ECONNREFUSED)};
  }
  return socket;
}

Error listen_error(const Endpoint& endpoint, int error) {
  if (error == EADDRINUSE) {
    return {ErrorCode::kAddressInUse,
            "cannot listen on " + to_string(endpoint) + ": another program uses this port"};
  }
  return {ErrorCode::kBadConfiguration,
          "cannot listen on " + to_string(endpoint) + ": " + errno_text(error)};
}

enum class Listening : std::uint8_t { kNow, kLater };

// A socket on this address, or the errno that prevented it.
Socket listen_address(const addrinfo& address, Listening listening, bool is_one_of_several,
                      int& error) {
  Socket socket = open_socket(address);
  if (socket.is_open()) {
    set_option(socket, SOL_SOCKET, SO_REUSEADDR);
    // Beside an IPv4 socket on the same port, an IPv6 one must not claim IPv4 as well.
    if (is_one_of_several && address.ai_family == AF_INET6) {
      set_option(socket, IPPROTO_IPV6, IPV6_V6ONLY);
    }
    if (::bind(socket.descriptor(), address.ai_addr, address.ai_addrlen) == 0 &&
        (listening == Listening::kLater || ::listen(socket.descriptor(), SOMAXCONN) == 0)) {
      return socket;
    }
  }
  error = errno;
  return Socket();
}

// All addresses on one port. A machine without IPv6 may still resolve names to it, so an address
// that is not of this machine only counts when there is no other.
std::vector<Socket> listen_addresses(addrinfo* list, Listening listening, std::uint16_t port,
                                     int& error) {
  std::vector<Socket> sockets;
  int skipped_error = EADDRNOTAVAIL;
  for (addrinfo* address = list; address != nullptr; address = address->ai_next) {
    set_port(address->ai_addr, port);
    int address_error = 0;
    Socket socket = listen_address(*address, listening, list->ai_next != nullptr, address_error);
    if (socket.is_open()) {
      if (port == 0) port = local_port(socket);
      sockets.push_back(std::move(socket));
    } else if (address_error == EADDRNOTAVAIL || address_error == EAFNOSUPPORT) {
      skipped_error = address_error;
    } else {
      error = address_error;
      return {};
    }
  }
  if (sockets.empty()) error = skipped_error;
  return sockets;
}

Result<std::vector<Socket>> bind_all(const Endpoint& endpoint, Listening listening) {
  std::string reason;
  const AddressList list = resolve(endpoint, AI_PASSIVE, reason);
  if (!list) {
    return Error{ErrorCode::kBadConfiguration,
                 "cannot listen on " + to_string(endpoint) + ": " + reason};
  }
  int error = 0;
  // With port 0, the port that is free on the first address may be taken on the second.
  for (int attempt = 0; attempt < kSharedPortAttemptsMax; ++attempt) {
    std::vector<Socket> sockets = listen_addresses(list.get(), listening, endpoint.port, error);
    if (!sockets.empty()) return sockets;
    if (endpoint.port != 0 || error != EADDRINUSE) break;
  }
  return listen_error(endpoint, error);
}

}  // namespace

std::string to_string(const Endpoint& endpoint) {
  const bool is_ipv6 = endpoint.host.find(':') != std::string::npos;
  return (is_ipv6 ? "[" + endpoint.host + "]" : endpoint.host) + ":" +
         std::to_string(endpoint.port);
}

void Socket::close() {
  if (is_open()) ::close(release());
}

Result<Socket> connect_tcp(const Endpoint& endpoint, Deadline deadline,
                           const std::function<bool()>& is_cancelled) {
  const std::string failed = "cannot connect to " + to_string(endpoint) + ": ";
  std::string reason;
  const AddressList list = resolve(endpoint, AI_ADDRCONFIG, reason);
  if (!list) return Error{ErrorCode::kConnectFailed, failed + reason};

  int remaining = 0;
  for (const addrinfo* address = list.get(); address; address = address->ai_next) ++remaining;
  bool timed_out = false;
  for (const addrinfo* address = list.get(); address; address = address->ai_next, --remaining) {
    // An address that never answers leaves a share of the time to the others.
    const auto now = steady_clock::now();
    const Deadline share = now + std::max(deadline - now, steady_clock::duration(0)) / remaining;
    Result<Socket> socket = connect_address(*address, share, is_cancelled);
    if (socket) return socket;
    timed_out |= socket.error().code == ErrorCode::kTimeout;
    if (!reason.empty()) reason += "; ";
    reason += address_text(address->ai_addr, address->ai_addrlen) + ": " + socket.error().message;
    if (is_cancelled && is_cancelled()) break;
  }
  return Error{timed_out ? ErrorCode::kTimeout : ErrorCode::kConnectFailed, failed + reason};
}

Result<std::vector<Socket>> listen_tcp(const Endpoint& endpoint) {
  return bind_all(endpoint, Listening::kNow);
}

Result<std::vector<Socket>> bind_tcp(const Endpoint& endpoint) {
  return bind_all(endpoint, Listening::kLater);
}

Result<void> start_listening(const std::vector<Socket>& sockets, const Endpoint& endpoint) {
  for (const Socket& socket : sockets) {
    if (::listen(socket.descriptor(), SOMAXCONN) != 0) return listen_error(endpoint, errno);
  }
  return {};
}

Result<std::optional<Socket>> accept_tcp(const Socket& listener) {
  for (;;) {
    Socket socket(::accept4(listener.descriptor(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (socket.is_open()) {
      set_option(socket, IPPROTO_TCP, TCP_NODELAY);
      return std::optional<Socket>(std::move(socket));
    }
    switch (errno) {
      case EINTR:
      case ECONNABORTED:
        continue;
      case EMFILE:
      case ENFILE:
      case ENOBUFS:
      case ENOMEM:
        return Error{ErrorCode::kTooManySessions,
                     "cannot accept a connection: " + errno_text(errno)};
      default:  // EAGAIN, and network errors of the connection that accept(2) passes on
        return std::optional<Socket>();
    }
  }
}

Socket adopt_accepted(int descriptor) {
  Socket socket(descriptor);
  ::fcntl(descriptor, F_SETFL, ::fcntl(descriptor, F_GETFL) | O_NONBLOCK);
  ::fcntl(descriptor, F_SETFD, FD_CLOEXEC);
  set_option(socket, IPPROTO_TCP, TCP_NODELAY);
  return socket;
}

Result<std::pair<Socket, Socket>> socket_pair() {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) != 0) {
    return Error{ErrorCode::kTooManySessions,
                 "no connection inside the process: " + std::generic_category().message(errno)};
  }
  return std::pair(Socket(ends[0]), Socket(ends[1]));
}

std::uint16_t local_port(const Socket& socket) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  if (getsockname(socket.descriptor(), reinterpret_cast<sockaddr*>(&address), &size) != 0) return 0;
  return port_of(address);
}

std::string peer_name(const Socket& socket) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  if (getpeername(socket.descriptor(), reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    return "unconnected";
  }
  if (address.ss_family == AF_UNIX) return "this process";
  return address_text(reinterpret_cast<const sockaddr*>(&address), size);
}

}  // namespace odb::net
