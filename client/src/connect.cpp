// Opening a connection: TCP, TLS, authentication, session.
#include <poll.h>

#include <algorithm>
#include <thread>
#include <utility>

#include "connection.h"
#include "odb/net/random.h"
#include "odb/net/socket.h"
#include "odb/net/tls_context.h"
#include "odb/net/tls_stream.h"
#include "odb/version.h"
#include "odb/wire/codec.h"

namespace odb::detail {

namespace {

constexpr std::chrono::milliseconds kRetryInterval{100};
constexpr std::chrono::milliseconds kWhileWaitingInterval{50};

// One attempt to connect, with what it needs to wait and to explain itself.
class Attempt {
 public:
  Attempt(const net::Endpoint& server, const ConnectOptions& options, Time deadline)
      : server_(server), options_(options), deadline_(deadline) {}

  struct Opened {
    std::unique_ptr<net::MessageStream> stream;
    std::unique_ptr<ClientCore> core;
  };

  Result<Opened> run(const net::TlsClientContext& tls, const std::string& token) {
    std::exception_ptr interrupted;
    auto socket = net::connect_tcp(server_, deadline_, [&] {
      try {
        if (options_.while_waiting) options_.while_waiting();
        return false;
      } catch (...) {
        interrupted = std::current_exception();
        return true;
      }
    });
    if (interrupted) std::rethrow_exception(interrupted);
    if (!socket) return socket.error();
    return run(tls, *std::move(socket), token);
  }

  Result<Opened> run(const net::TlsClientContext& tls, net::Socket socket,
                     const std::string& token) {
    auto stream = std::make_unique<net::TlsStream>(tls, std::move(socket), server_);
    if (auto shaken = shake_hands(*stream); !shaken) return shaken.error();
    return open_session(std::move(stream), token);
  }

 private:
  Result<void> shake_hands(net::TlsStream& stream) {
    for (;;) {
      const net::StreamProgress progress = stream.handshake();
      if (progress.status == net::StreamStatus::kOk) return {};
      if (progress.status == net::StreamStatus::kFailed) return stream.error();
      if (progress.status == net::StreamStatus::kClosed) return closed();
      if (!wait(stream.descriptor(), progress.status == net::StreamStatus::kWantsWrite)) {
        return out_of_time();
      }
    }
  }

  Result<Opened> open_session(std::unique_ptr<net::TlsStream> tls, const std::string& token) {
    Opened opened;
    opened.core = std::make_unique<ClientCore>(
        ClientIdentity{net::make_client_id(), token, std::string("odb ") + kVersionText},
        tls->channel_binding(), std::chrono::steady_clock::now());
    opened.stream =
        std::make_unique<net::MessageStream>(std::move(tls), opened.core->message_bytes_max());
    while (!opened.core->is_open()) {
      for (auto& message : opened.core->take_outgoing()) opened.stream->send(std::move(message));
      const bool wants_write = opened.stream->flush() == net::StreamStatus::kWantsWrite;
      const net::MessageStream::Received received = opened.stream->receive();
      if (received.status == net::StreamStatus::kOk) {
        auto message = wire::decode_server_message(received.payload);
        if (!message) return message.error();
        opened.core->receive(*std::move(message), std::chrono::steady_clock::now());
      } else if (received.status == net::StreamStatus::kClosed) {
        opened.core->fail(closed());
      } else if (received.status == net::StreamStatus::kFailed) {
        opened.core->fail(opened.stream->error());
      } else if (!wait(opened.stream->bytes().descriptor(), wants_write)) {
        return out_of_time();
      }
      if (opened.core->has_ended()) return refused(opened.core->end_reason());
    }
    return opened;
  }

  bool wait(int descriptor, bool for_writing) {
    for (;;) {
      const Time now = std::chrono::steady_clock::now();
      if (now >= deadline_) return false;
      pollfd poll_for{.fd = descriptor,
                      .events = static_cast<short>(POLLIN | (for_writing ? POLLOUT : 0)),
                      .revents = 0};
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline_ - now);
      const int ready =
          ::poll(&poll_for, 1, static_cast<int>(std::min(left, kWhileWaitingInterval).count()));
      if (ready > 0) return true;
      if (options_.while_waiting) options_.while_waiting();
    }
  }

  Error refused(Error reason) const {
    reason.message = net::to_string(server_) + ": " + reason.message;
    return reason;
  }
  Error closed() const {
    return {ErrorCode::kConnectFailed,
            net::to_string(server_) + " closed the connection before the session was open"};
  }
  Error out_of_time() const {
    return {ErrorCode::kTimeout, "no session with " + net::to_string(server_) + " within " +
                                     std::to_string(options_.timeout.count()) + " ms"};
  }

  const net::Endpoint& server_;
  const ConnectOptions& options_;
  const Time deadline_;
};

net::TlsClientContext make_tls(const ConnectOptions& options) {
  auto tls = net::TlsClientContext::create(
      {.ca_file = options.ca_file, .host_name = {}, .fingerprint = options.fingerprint});
  if (!tls) throw_error(tls.error());
  return *std::move(tls);
}

}  // namespace

std::shared_ptr<Connection> Connection::open(net::Socket socket, const std::string& token,
                                             ConnectOptions options) {
  const net::TlsClientContext tls = make_tls(options);
  const net::Endpoint server{"localhost", 0};
  const Time deadline = std::chrono::steady_clock::now() + options.timeout;
  auto opened = Attempt(server, options, deadline).run(tls, std::move(socket), token);
  if (!opened) throw_error(opened.error());
  std::shared_ptr<Connection> connection(
      new Connection(std::move(opened->stream), std::move(opened->core), std::move(options)));
  connection->start();
  return connection;
}

std::shared_ptr<Connection> Connection::open(const std::string& host, std::uint16_t port,
                                             const std::string& token, ConnectOptions options) {
  const net::Endpoint server{host, port};
  const net::TlsClientContext tls = make_tls(options);
  const Time deadline = std::chrono::steady_clock::now() + options.timeout;
  for (;;) {
    auto opened = Attempt(server, options, deadline).run(tls, token);
    if (opened) {
      std::shared_ptr<Connection> connection(
          new Connection(std::move(opened->stream), std::move(opened->core), std::move(options)));
      connection->start();
      return connection;
    }
    const bool may_retry = options.retry && opened.error().code == ErrorCode::kConnectFailed;
    if (!may_retry || std::chrono::steady_clock::now() + kRetryInterval >= deadline) {
      throw_error(opened.error());
    }
    std::this_thread::sleep_for(kRetryInterval);
    if (options.while_waiting) options.while_waiting();
  }
}

}  // namespace odb::detail
