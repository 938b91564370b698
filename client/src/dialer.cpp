#include "dialer.h"

#include <poll.h>

#include <algorithm>
#include <exception>
#include <utility>

#include "odb/net/tls_stream.h"

namespace odb::detail {

namespace {

constexpr std::chrono::milliseconds kWhileWaitingInterval{50};
// For one of several servers, at first.
constexpr std::chrono::milliseconds kPatienceFirst{500};

Result<net::Socket> connect(const net::Endpoint& server, net::Deadline deadline,
                            const std::function<void()>& while_waiting) {
  std::exception_ptr interrupted;
  auto socket = net::connect_tcp(server, deadline, [&] {
    try {
      if (while_waiting) while_waiting();
      return false;
    } catch (...) {
      interrupted = std::current_exception();
      return true;
    }
  });
  if (interrupted) std::rethrow_exception(interrupted);
  return socket;
}

}  // namespace

bool wait_ready(int descriptor, bool for_writing, net::Deadline deadline,
                const std::function<void()>& while_waiting) {
  for (;;) {
    const auto now = std::chrono::steady_clock::now();
    if (now >= deadline) return false;
    pollfd poll_for{.fd = descriptor,
                    .events = static_cast<short>(POLLIN | (for_writing ? POLLOUT : 0)),
                    .revents = 0};
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - now);
    const int ready =
        ::poll(&poll_for, 1, static_cast<int>(std::min(left, kWhileWaitingInterval).count()));
    if (ready > 0) return true;
    if (while_waiting) while_waiting();
  }
}

Result<std::unique_ptr<net::ByteStream>> Dialer::dial(net::Deadline deadline,
                                                      const std::function<void()>& while_waiting) {
  if (servers_.size() == 1) return dial_one(servers_.front(), deadline, while_waiting);
  Error last;
  for (auto patience = kPatienceFirst;; patience *= 2) {
    bool is_slow = false;
    for (std::size_t tried = 0; tried < servers_.size(); ++tried) {
      const auto now = std::chrono::steady_clock::now();
      auto stream = dial_one(servers_[next_], std::min(deadline, now + patience), while_waiting);
      if (stream) return stream;
      last = std::move(stream.error());
      is_slow = is_slow || last.code == ErrorCode::kTimeout;
      skip();
    }
    if (!is_slow || std::chrono::steady_clock::now() >= deadline) return last;
  }
}

bool Dialer::find_other(net::Deadline deadline, const std::function<void()>& while_waiting) {
  for (std::size_t i = 1; i < servers_.size(); ++i) {
    const std::size_t other = (next_ + i) % servers_.size();
    if (!connect(servers_[other], deadline, while_waiting)) continue;
    next_ = other;
    return true;
  }
  return false;
}

Result<std::unique_ptr<net::ByteStream>> Dialer::dial_one(
    const net::Endpoint& server, net::Deadline deadline,
    const std::function<void()>& while_waiting) {
  auto socket = given_.is_open() ? Result<net::Socket>(std::exchange(given_, {}))
                                 : connect(server, deadline, while_waiting);
  if (!socket) return socket.error();
  auto stream = std::make_unique<net::TlsStream>(tls_, *std::move(socket), server);
  for (;;) {
    const net::StreamProgress progress = stream->handshake();
    if (progress.status == net::StreamStatus::kOk) {
      return std::unique_ptr<net::ByteStream>(std::move(stream));
    }
    if (progress.status == net::StreamStatus::kFailed) return stream->error();
    if (progress.status == net::StreamStatus::kClosed) {
      return Error{ErrorCode::kConnectFailed,
                   net::to_string(server) + " closed the connection before the session was open"};
    }
    const bool for_writing = progress.status == net::StreamStatus::kWantsWrite;
    if (!wait_ready(stream->descriptor(), for_writing, deadline, while_waiting)) {
      return Error{ErrorCode::kTimeout,
                   "no TLS session with " + net::to_string(server) + " in time"};
    }
  }
}

}  // namespace odb::detail
