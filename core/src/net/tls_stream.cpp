#include "odb/net/tls_stream.h"

#include <arpa/inet.h>
#include <sys/socket.h>

#include <system_error>
#include <utility>

#include "net/openssl.h"
#include "net/tls_link.h"

namespace odb::net {
namespace {

// SSL_get_error needs an empty queue; emptying an empty one is costly, and so it nearly always is.
void clear_errors() {
  if (ERR_peek_error() != 0) ERR_clear_error();
}

constexpr char kBindingLabel[] = "EXPORTER-Channel-Binding";  // RFC 9266

// What a destroyed stream reads away at most, see ~TlsStream.
constexpr int kDrainReceivesMax = 64;

bool is_ip_address(const std::string& host) {
  unsigned char address[sizeof(in6_addr)];
  return inet_pton(AF_INET, host.c_str(), address) == 1 ||
         inet_pton(AF_INET6, host.c_str(), address) == 1;
}

bool is_ssl_reason(unsigned long error, std::initializer_list<int> reasons) {
  if (ERR_GET_LIB(error) != ERR_LIB_SSL) return false;
  for (const int reason : reasons) {
    if (ERR_GET_REASON(error) == reason) return true;
  }
  return false;
}

bool is_not_tls(unsigned long error) {
  return is_ssl_reason(
      error, {SSL_R_WRONG_VERSION_NUMBER, SSL_R_HTTP_REQUEST, SSL_R_HTTPS_PROXY_REQUEST,
              SSL_R_PACKET_LENGTH_TOO_LONG, SSL_R_WRONG_SSL_VERSION, SSL_R_BAD_RECORD_TYPE});
}

bool is_other_version(unsigned long error) {
  return is_ssl_reason(error, {SSL_R_UNSUPPORTED_PROTOCOL, SSL_R_TLSV1_ALERT_PROTOCOL_VERSION,
                               SSL_R_VERSION_TOO_LOW, SSL_R_NO_PROTOCOLS_AVAILABLE});
}

bool is_alert(unsigned long error) {
  return ERR_GET_LIB(error) == ERR_LIB_SSL && ERR_GET_REASON(error) > SSL_AD_REASON_OFFSET;
}

}  // namespace

void TlsStream::SslDeleter::operator()(ssl_st* ssl) const { SSL_free(ssl); }

TlsStream::TlsStream(ssl_ctx_st* context, Socket socket, std::unique_ptr<const ClientSide> client)
    : socket_(std::move(socket)),
      ssl_(SSL_new(context)),
      peer_(peer_name(socket_)),
      client_(std::move(client)) {
  ODB_CHECK(ssl_ != nullptr);
  link_.descriptor = socket_.descriptor();
  BIO* bio = TlsLinkCallbacks::make_bio(link_);
  SSL_set_bio(ssl_.get(), bio, bio);
}

TlsStream::TlsStream(const TlsServerContext& context, Socket socket)
    : TlsStream(context.native(), std::move(socket), nullptr) {
  SSL_set_accept_state(ssl_.get());
}

TlsStream::TlsStream(const TlsClientContext& context, Socket socket, Endpoint server)
    : TlsStream(
          context.native(), std::move(socket),
          std::make_unique<const ClientSide>(ClientSide{std::move(server), context.options()})) {
  SSL_set_connect_state(ssl_.get());
  prepare_client();
}

// Closing a socket that holds unread bytes resets the connection, and the peer may then lose what
// was sent last: the reason why it ended. So a closed stream reads a bounded amount away first.
TlsStream::~TlsStream() {
  if (phase_ != Phase::kClosed) return;
  char discarded[4096];
  for (int i = 0; i < kDrainReceivesMax; ++i) {
    if (::recv(socket_.descriptor(), discarded, sizeof discarded, MSG_DONTWAIT) <= 0) break;
  }
}

void TlsStream::prepare_client() {
  const std::string& wanted = client_->options.host_name;
  const std::string& host = wanted.empty() ? client_->server.host : wanted;
  bool ok = true;
  if (is_ip_address(host)) {
    ok = X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl_.get()), host.c_str()) == 1;
  } else {
    // A host that cannot be a server name cannot match any certificate either.
    ok = SSL_set1_host(ssl_.get(), host.c_str()) == 1 &&
         SSL_ctrl(ssl_.get(), SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
                  const_cast<char*>(host.c_str())) == 1;
  }
  if (!ok) {
    ERR_clear_error();
    fail({ErrorCode::kConnectFailed, "\"" + host + "\" is not a host name"});
  }
}

StreamProgress TlsStream::handshake() {
  if (phase_ == Phase::kOpen) return {StreamStatus::kOk};
  if (read_end_ != StreamStatus::kOk) return {read_end_};
  ERR_clear_error();
  const int result = SSL_do_handshake(ssl_.get());
  if (result == 1) return check_fingerprint();
  switch (const int ssl_error = SSL_get_error(ssl_.get(), result)) {
    case SSL_ERROR_WANT_READ:
      return {StreamStatus::kWantsRead};
    case SSL_ERROR_WANT_WRITE:
      return {StreamStatus::kWantsWrite};
    default:
      return fail_handshake(ssl_error);
  }
}

StreamProgress TlsStream::check_fingerprint() {
  if (client_ && !client_->options.fingerprint.empty()) {
    const std::string found = peer_fingerprint();
    if (found != client_->options.fingerprint) {
      return fail({ErrorCode::kServerNotTrusted,
                   "the server at " + to_string(client_->server) +
                       " is not trusted: its certificate has the fingerprint " + found +
                       ", expected " + client_->options.fingerprint});
    }
  }
  phase_ = Phase::kOpen;
  return {StreamStatus::kOk};
}

StreamProgress TlsStream::read(std::span<std::byte> out) {
  ODB_CHECK(phase_ != Phase::kHandshake || read_end_ != StreamStatus::kOk);
  std::size_t total = 0;
  do {
    if (read_end_ != StreamStatus::kOk) {
      if (total > 0) break;
      is_end_reported_ = true;
      return {read_end_};
    }
    clear_errors();
    std::size_t moved = 0;
    const int result = SSL_read_ex(ssl_.get(), out.data() + total, out.size() - total, &moved);
    total += moved;
    is_starved_ = false;
    if (result == 1) continue;
    switch (const int ssl_error = SSL_get_error(ssl_.get(), result)) {
      case SSL_ERROR_WANT_READ:
        is_starved_ = true;
        return {total > 0 ? StreamStatus::kOk : StreamStatus::kWantsRead, total};
      case SSL_ERROR_WANT_WRITE:
        return {total > 0 ? StreamStatus::kOk : StreamStatus::kWantsWrite, total};
      case SSL_ERROR_ZERO_RETURN:
        read_end_ = StreamStatus::kClosed;
        break;
      default:
        fail_open(ssl_error);
        read_end_ = StreamStatus::kFailed;
    }
  } while (read_end_ != StreamStatus::kOk ||
           (total < out.size() && SSL_has_pending(ssl_.get()) == 1));
  return {StreamStatus::kOk, total};
}

StreamProgress TlsStream::write(std::span<const std::byte> bytes) {
  ODB_CHECK(phase_ != Phase::kHandshake || write_end_ != StreamStatus::kOk);
  if (write_end_ != StreamStatus::kOk) return {write_end_};
  std::size_t total = 0;
  while (total < bytes.size()) {
    clear_errors();
    std::size_t moved = 0;
    const int result = SSL_write_ex(ssl_.get(), bytes.data() + total, bytes.size() - total, &moved);
    total += moved;
    if (result == 1) continue;
    const int ssl_error = SSL_get_error(ssl_.get(), result);
    StreamStatus status = StreamStatus::kFailed;
    if (ssl_error == SSL_ERROR_WANT_READ) {
      status = StreamStatus::kWantsRead;
    } else if (ssl_error == SSL_ERROR_WANT_WRITE) {
      status = StreamStatus::kWantsWrite;
    } else {
      fail_open(ssl_error);
    }
    return {total > 0 ? StreamStatus::kOk : status, total};
  }
  return {StreamStatus::kOk, total};
}

bool TlsStream::take_drained() {
  return std::exchange(link_.is_drained, false) && !has_buffered_input();
}

bool TlsStream::has_buffered_input() const {
  if (phase_ != Phase::kOpen) return false;
  if (read_end_ != StreamStatus::kOk) return !is_end_reported_;
  return !is_starved_ && SSL_has_pending(ssl_.get()) == 1;
}

ChannelBinding TlsStream::channel_binding() const {
  ODB_CHECK(phase_ != Phase::kHandshake);
  ChannelBinding binding;
  const int result = SSL_export_keying_material(
      ssl_.get(), reinterpret_cast<unsigned char*>(binding.data()), binding.size(), kBindingLabel,
      sizeof kBindingLabel - 1, nullptr, 0, 0);
  ODB_CHECK(result == 1);
  return binding;
}

std::string TlsStream::peer_fingerprint() const {
  return certificate_fingerprint(SSL_get0_peer_certificate(ssl_.get()));
}

void TlsStream::close() {
  if (phase_ == Phase::kClosed) return;
  if (phase_ == Phase::kOpen && write_end_ == StreamStatus::kOk) {
    ERR_clear_error();
    SSL_shutdown(ssl_.get());
    ERR_clear_error();
  }
  ::shutdown(socket_.descriptor(), SHUT_WR);
  phase_ = Phase::kClosed;
  read_end_ = write_end_ = StreamStatus::kClosed;
}

StreamProgress TlsStream::fail(Error error) {
  ERR_clear_error();
  if (error_.code == ErrorCode::kNone) error_ = std::move(error);
  read_end_ = write_end_ = StreamStatus::kFailed;
  return {StreamStatus::kFailed};
}

std::string TlsStream::link_reason() const {
  if (link_.last_errno != 0) return std::generic_category().message(link_.last_errno);
  return "the peer closed the connection";
}

StreamProgress TlsStream::fail_handshake(int ssl_error) {
  const unsigned long error = ssl_error == SSL_ERROR_SSL ? ERR_peek_error() : 0;
  if (client_ && is_ssl_reason(error, {SSL_R_CERTIFICATE_VERIFY_FAILED})) {
    const std::string& wanted = client_->options.host_name;
    return fail({ErrorCode::kServerNotTrusted,
                 "the server at " + to_string(client_->server) + " is not trusted: " +
                     X509_verify_cert_error_string(SSL_get_verify_result(ssl_.get())) +
                     " (its certificate was checked against the CA file " +
                     client_->options.ca_file + " and the host name " +
                     (wanted.empty() ? client_->server.host : wanted) + ")"});
  }

  ErrorCode code = ErrorCode::kMalformedFrame;
  std::string reason;
  if (error == 0) {
    code = ErrorCode::kDisconnected;
    reason = link_reason() + " during the TLS handshake";
  } else if (is_not_tls(error)) {
    reason = "what answers there does not speak TLS";
    if (!client_) reason = "it does not speak TLS";
    if (is_ssl_reason(error, {SSL_R_HTTP_REQUEST, SSL_R_HTTPS_PROXY_REQUEST})) {
      reason = "it speaks HTTP without TLS";
    }
  } else if (is_other_version(error)) {
    code = ErrorCode::kUnsupportedProtocol;
    reason = "it does not offer TLS 1.3";
  } else if (is_alert(error)) {
    code = ErrorCode::kDisconnected;
    reason = "it refused the TLS handshake (" + take_openssl_error() + ")";
  } else {
    reason = "the TLS handshake failed (" + take_openssl_error() + ")";
  }
  if (client_) {
    return fail({ErrorCode::kConnectFailed,
                 "no TLS 1.3 server at " + to_string(client_->server) + ": " + reason});
  }
  return fail({code, "no TLS 1.3 client at " + peer_ + ": " + reason});
}

// A link that can no longer be written to may still hold what the peer sent before it went, so only
// an error of TLS itself ends both directions.
StreamProgress TlsStream::fail_open(int ssl_error) {
  const std::string reason = ssl_error == SSL_ERROR_SSL
                                 ? "the TLS stream is damaged (" + take_openssl_error() + ")"
                                 : link_reason();
  const std::string name = client_ ? to_string(client_->server) : peer_;
  const StreamStatus read_end = read_end_;
  fail({ErrorCode::kDisconnected, "the connection to " + name + " ended: " + reason});
  if (ssl_error != SSL_ERROR_SSL) read_end_ = read_end;
  return {StreamStatus::kFailed};
}

}  // namespace odb::net
