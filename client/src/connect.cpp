// Opening a connection: a link, authentication, session.
#include <cerrno>  // program_invocation_short_name
#include <thread>
#include <utility>

#include "connection.h"
#include "dialer.h"
#include "odb/net/random.h"
#include "odb/version.h"
#include "odb/wire/codec.h"

namespace odb::detail {

namespace {

constexpr std::chrono::milliseconds kRetryInterval{100};

struct Opened {
  std::unique_ptr<net::MessageStream> stream;
  std::unique_ptr<ClientCore> core;
};

// One attempt to open a session, with what it needs to wait and to explain itself.
class Attempt {
 public:
  Attempt(Dialer& dialer, const ConnectOptions& options, Time deadline)
      : dialer_(dialer), options_(options), deadline_(deadline) {}

  Result<Opened> run(const std::string& token) {
    auto bytes = dialer_.dial(deadline_, options_.while_waiting);
    if (!bytes) return bytes.error();
    Opened opened;
    opened.core = std::make_unique<ClientCore>(identity(token), (*bytes)->channel_binding(),
                                               std::chrono::steady_clock::now());
    opened.stream =
        std::make_unique<net::MessageStream>(*std::move(bytes), opened.core->message_bytes_max());
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
      } else if (!wait_ready(opened.stream->bytes().descriptor(), wants_write, deadline_,
                             options_.while_waiting)) {
        return out_of_time();
      }
      if (opened.core->has_ended()) return refused(opened.core->end_reason());
    }
    return opened;
  }

 private:
  ClientIdentity identity(const std::string& token) const {
    return {.client = net::make_client_id(),
            .token = token,
            .software = std::string("odb ") + kVersionText,
            .name = options_.name.empty() ? ::program_invocation_short_name : options_.name,
            .reconnects = options_.reconnect_for.count() > 0};
  }
  Error refused(Error reason) const {
    reason.message = net::to_string(dialer_.server()) + ": " + reason.message;
    return reason;
  }
  Error closed() const {
    return {ErrorCode::kConnectFailed, net::to_string(dialer_.server()) +
                                           " closed the connection before the session was open"};
  }
  Error out_of_time() const {
    return {ErrorCode::kTimeout, "no session with " + net::to_string(dialer_.server()) +
                                     " within " + std::to_string(options_.timeout.count()) + " ms"};
  }

  Dialer& dialer_;
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
  options.retry = false;
  options.reconnect_for = {};
  auto dialer = std::make_unique<Dialer>(std::move(socket), make_tls(options));
  return open(std::move(dialer), token, std::move(options));
}

std::shared_ptr<Connection> Connection::open(std::vector<net::Endpoint> servers,
                                             const std::string& token, ConnectOptions options) {
  if (servers.empty()) {
    throw_error({ErrorCode::kConnectFailed, "expected at least one address of a server"});
  }
  auto dialer = std::make_unique<Dialer>(std::move(servers), make_tls(options));
  return open(std::move(dialer), token, std::move(options));
}

std::shared_ptr<Connection> Connection::open(std::unique_ptr<Dialer> dialer,
                                             const std::string& token, ConnectOptions options) {
  const Time deadline = std::chrono::steady_clock::now() + options.timeout;
  for (;;) {
    auto opened = Attempt(*dialer, options, deadline).run(token);
    if (opened) {
      std::shared_ptr<Connection> connection(
          new Connection(std::move(dialer), std::move(opened->stream), std::move(opened->core),
                         std::move(options)));
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
