// TlsStream: TLS 1.3 over a non-blocking TCP socket, with OpenSSL's state and nothing else per idle
// connection.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "odb/core/error.h"
#include "odb/net/byte_stream.h"
#include "odb/net/socket.h"
#include "odb/net/tls_context.h"

struct ssl_st;

namespace odb::net {

// Belongs to one thread at a time. handshake() comes first, repeated until it gives kOk.
//
// Failures of a client's handshake: kConnectFailed ("no TLS 1.3 server at host:port: ..."),
// kServerNotTrusted. Of a server's: kMalformedFrame (the peer does not speak TLS),
// kUnsupportedProtocol (no TLS 1.3), kDisconnected. Later: kDisconnected.
class TlsStream final : public ByteStream {
 public:
  // A server's end of an accepted connection.
  TlsStream(const TlsServerContext& context, Socket socket);
  // A client's end. `server` is what connect_tcp was given: errors and checks name it.
  TlsStream(const TlsClientContext& context, Socket socket, Endpoint server);
  ~TlsStream() override;
  TlsStream(const TlsStream&) = delete;
  TlsStream& operator=(const TlsStream&) = delete;

  StreamProgress handshake() override;
  StreamProgress read(std::span<std::byte> out) override;
  StreamProgress write(std::span<const std::byte> bytes) override;
  bool has_buffered_input() const override;
  bool take_drained() override;
  ChannelBinding channel_binding() const override;
  int descriptor() const override { return socket_.descriptor(); }
  std::uint64_t link_bytes_received() const override { return link_.bytes_received; }
  std::uint64_t link_bytes_sent() const override { return link_.bytes_sent; }
  void close() override;
  const Error& error() const override { return error_; }
  std::string peer() const override { return peer_; }

  // SHA-256 of the peer's certificate as TlsServerContext::fingerprint(); empty on servers.
  std::string peer_fingerprint() const;

 private:
  enum class Phase : std::uint8_t { kHandshake, kOpen, kClosed };
  struct SslDeleter {
    void operator()(ssl_st* ssl) const;
  };
  // What OpenSSL's input and output callbacks work on.
  struct Link {
    int descriptor = -1;
    int last_errno = 0;       // of the last call that failed for good
    bool at_end = false;      // the peer closed TCP
    bool is_drained = false;  // the last receive left the socket empty
    std::uint64_t bytes_received = 0;
    std::uint64_t bytes_sent = 0;
  };
  struct ClientSide {
    Endpoint server;
    TlsClientOptions options;
  };
  friend struct TlsLinkCallbacks;

  TlsStream(ssl_ctx_st* context, Socket socket, std::unique_ptr<const ClientSide> client);
  void prepare_client();
  StreamProgress fail(Error error);
  StreamProgress fail_handshake(int ssl_error);
  StreamProgress fail_open(int ssl_error);
  std::string link_reason() const;
  StreamProgress check_fingerprint();

  Socket socket_;
  Link link_;
  std::unique_ptr<ssl_st, SslDeleter> ssl_;
  std::string peer_;
  std::unique_ptr<const ClientSide> client_;  // null on servers
  Error error_;
  Phase phase_ = Phase::kHandshake;
  StreamStatus read_end_ = StreamStatus::kOk;   // kClosed or kFailed: nothing more to read
  StreamStatus write_end_ = StreamStatus::kOk;  // likewise
  bool is_end_reported_ = false;                // the caller has seen read_end_
  bool is_starved_ = false;                     // the last read gave kWantsRead
};

}  // namespace odb::net
