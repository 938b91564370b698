// Peers that do not belong on a TLS 1.3 port, and servers that a client must not trust.
#include <gmock/gmock.h>
#include <openssl/ssl.h>

#include "certificate_support.h"
#include "stream_support.h"

namespace odb::net {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

const Endpoint kServer{"localhost", 8000};

// What a server says to a client that sends these bytes and nothing else.
Error server_error_after(std::string_view bytes) {
  SocketPair sockets = make_tcp_pair();
  TlsStream server(shared_server_context(), std::move(sockets.server));
  ::send(sockets.client.descriptor(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
  ::shutdown(sockets.client.descriptor(), SHUT_WR);
  StreamStatus status;
  while ((status = server.handshake().status) == StreamStatus::kWantsRead) {
    wait_for(server, status);
  }
  EXPECT_EQ(status, StreamStatus::kFailed);
  return server.error();
}

// What a client says to a server that answers its hello with these bytes.
Error client_error_after(std::string_view bytes) {
  SocketPair sockets = make_tcp_pair();
  TlsStream client(trusting_client_context(), std::move(sockets.client), kServer);
  EXPECT_EQ(client.handshake().status, StreamStatus::kWantsRead);
  ::send(sockets.server.descriptor(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
  ::shutdown(sockets.server.descriptor(), SHUT_WR);
  StreamStatus status;
  while ((status = client.handshake().status) == StreamStatus::kWantsRead) {
    wait_for(client, status);
  }
  EXPECT_EQ(status, StreamStatus::kFailed);
  return client.error();
}

TEST(TlsServer, RefusesPlainText) {
  const Error error = server_error_after("{\"hello\": \"server\"}\n");
  EXPECT_EQ(error.code, ErrorCode::kMalformedFrame);
  EXPECT_THAT(error.message, AllOf(HasSubstr("127.0.0.1:"), HasSubstr("does not speak TLS")));
}

TEST(TlsServer, RecognisesHttp) {
  const Error error = server_error_after("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
  EXPECT_EQ(error.code, ErrorCode::kMalformedFrame);
  EXPECT_THAT(error.message, HasSubstr("HTTP without TLS"));
}

TEST(TlsServer, RefusesGarbageOfAnyKind) {
  std::mt19937 random(20240501);
  for (int round = 0; round < 200; ++round) {
    std::string bytes(1 + random() % 600, '\0');
    for (char& byte : bytes) byte = static_cast<char>(random());
    // Half of them begin like a TLS record.
    if (round % 2 == 0) bytes.replace(0, std::min<std::size_t>(3, bytes.size()), "\x16\x03\x01");
    const Error error = server_error_after(bytes);
    EXPECT_THAT(error.code, ::testing::AnyOf(ErrorCode::kMalformedFrame, ErrorCode::kDisconnected,
                                             ErrorCode::kUnsupportedProtocol))
        << error.message;
  }
}

TEST(TlsServer, SaysThatAPeerLeftDuringTheHandshake) {
  const Error error = server_error_after("");
  EXPECT_EQ(error.code, ErrorCode::kDisconnected);
  EXPECT_THAT(error.message, HasSubstr("during the TLS handshake"));
}

TEST(TlsClient, NamesHostAndPortOfAServerWithoutTls) {
  for (const std::string_view answer :
       {"+PONG\r\n", "HTTP/1.1 400 Bad Request\r\n\r\n", "SSH-2.0-OpenSSH_9.2\r\n"}) {
    const Error error = client_error_after(answer);
    EXPECT_EQ(error.code, ErrorCode::kConnectFailed);
    EXPECT_THAT(error.message, AllOf(HasSubstr("no TLS 1.3 server at localhost:8000"),
                                     HasSubstr("does not speak TLS")));
  }
}

TEST(TlsClient, SaysThatTheServerHungUp) {
  const Error error = client_error_after("");
  EXPECT_EQ(error.code, ErrorCode::kConnectFailed);
  EXPECT_THAT(error.message,
              AllOf(HasSubstr("localhost:8000"), HasSubstr("closed the connection")));
}

// A peer of another TLS version, straight from OpenSSL.
class OldTls {
 public:
  OldTls(const SSL_METHOD* method, const Socket& socket)
      : context_(SSL_CTX_new(method), SSL_CTX_free) {
    SSL_CTX_set_max_proto_version(context_.get(), TLS1_2_VERSION);
    const Identity identity = make_identity(Role::kServer, "DNS:localhost");
    SSL_CTX_use_certificate(context_.get(), identity.certificate.get());
    SSL_CTX_use_PrivateKey(context_.get(), identity.key.get());
    ssl_.reset(SSL_new(context_.get()), SSL_free);
    SSL_set_fd(ssl_.get(), socket.descriptor());
  }
  SSL* ssl() { return ssl_.get(); }

 private:
  std::shared_ptr<SSL_CTX> context_;
  std::shared_ptr<SSL> ssl_;
};

TEST(TlsServer, RefusesTls12) {
  SocketPair sockets = make_unix_pair();
  TlsStream server(shared_server_context(), std::move(sockets.server));
  OldTls client(TLS_client_method(), sockets.client);
  SSL_connect(client.ssl());
  EXPECT_EQ(server.handshake().status, StreamStatus::kFailed);
  EXPECT_EQ(server.error().code, ErrorCode::kUnsupportedProtocol);
  EXPECT_THAT(server.error().message, HasSubstr("does not offer TLS 1.3"));
  EXPECT_LE(SSL_connect(client.ssl()), 0);
  EXPECT_FALSE(SSL_is_init_finished(client.ssl()));
}

TEST(TlsClient, RefusesTls12) {
  SocketPair sockets = make_unix_pair();
  TlsStream client(trusting_client_context(), std::move(sockets.client), kServer);
  OldTls server(TLS_server_method(), sockets.server);
  EXPECT_EQ(client.handshake().status, StreamStatus::kWantsRead);
  SSL_accept(server.ssl());
  while (client.handshake().status == StreamStatus::kWantsRead) wait_for(client, {});
  EXPECT_EQ(client.error().code, ErrorCode::kConnectFailed);
  EXPECT_THAT(client.error().message, AllOf(HasSubstr("no TLS 1.3 server at localhost:8000"),
                                            HasSubstr("does not offer TLS 1.3")));
}

// How a client with these options ends its handshake with a server of this identity.
struct TrustCase {
  TrustCase() : authority(make_identity(Role::kAuthority, "")) {
    ca_file = folder.write("ca.pem", authority.certificate_pem());
  }

  Error connect(const Identity& identity, TlsClientOptions options, Endpoint server = kServer) {
    const auto server_context =
        TlsServerContext::from_files(folder.write("server.pem", identity.certificate_pem()),
                                     folder.write("server.key", identity.key_pem()));
    const auto client_context = TlsClientContext::create(std::move(options));
    SocketPair sockets = make_tcp_pair();
    TlsStream client(*client_context, std::move(sockets.client), std::move(server));
    TlsStream peer(*server_context, std::move(sockets.server));
    const HandshakeOutcome outcome = shake_hands(client, peer);
    EXPECT_EQ(outcome.client == StreamStatus::kOk, client.error().code == ErrorCode::kNone);
    fingerprint = server_context->fingerprint();
    return client.error();
  }

  TemporaryFolder folder;
  Identity authority;
  std::string ca_file;
  std::string fingerprint;
};

TEST(TlsTrust, TakesACertificateOfTheAuthorityForTheRightHost) {
  TrustCase test;
  const Identity server = make_identity(Role::kServer, "DNS:localhost", &test.authority);
  EXPECT_EQ(test.connect(server, {.ca_file = test.ca_file}), Error());
}

TEST(TlsTrust, TakesACertificateForTheRightAddress) {
  TrustCase test;
  const Identity server = make_identity(Role::kServer, "IP:127.0.0.1", &test.authority);
  EXPECT_EQ(test.connect(server, {.ca_file = test.ca_file}, {"127.0.0.1", 8000}), Error());
}

TEST(TlsTrust, TakesAnotherHostNameWhenTheOptionsSaySo) {
  TrustCase test;
  const Identity server = make_identity(Role::kServer, "DNS:db.example", &test.authority);
  EXPECT_EQ(test.connect(server, {.ca_file = test.ca_file, .host_name = "db.example"}), Error());
}

TEST(TlsTrust, TakesTheServersOwnCertificateAsAuthority) {
  TrustCase test;
  const Identity server = make_identity(Role::kServer, "DNS:localhost");
  const std::string file = test.folder.write("own.pem", server.certificate_pem());
  EXPECT_EQ(test.connect(server, {.ca_file = file}), Error());
}

TEST(TlsTrust, RefusesACertificateOfNoKnownAuthority) {
  TrustCase test;
  const Error error =
      test.connect(make_identity(Role::kServer, "DNS:localhost"), {.ca_file = test.ca_file});
  EXPECT_EQ(error.code, ErrorCode::kServerNotTrusted);
  EXPECT_THAT(error.message, AllOf(HasSubstr("localhost:8000"), HasSubstr("self-signed"),
                                   HasSubstr(test.ca_file)));
}

TEST(TlsTrust, RefusesACertificateForAnotherHost) {
  TrustCase test;
  const Identity server = make_identity(Role::kServer, "DNS:elsewhere", &test.authority);
  const Error error = test.connect(server, {.ca_file = test.ca_file});
  EXPECT_EQ(error.code, ErrorCode::kServerNotTrusted);
  EXPECT_THAT(error.message, AllOf(HasSubstr("hostname mismatch"), HasSubstr("localhost")));
}

TEST(TlsTrust, RefusesACertificateForAnotherAddress) {
  TrustCase test;
  const Identity server = make_identity(Role::kServer, "IP:127.0.0.2", &test.authority);
  const Error error = test.connect(server, {.ca_file = test.ca_file}, {"127.0.0.1", 8000});
  EXPECT_EQ(error.code, ErrorCode::kServerNotTrusted);
  EXPECT_THAT(error.message, HasSubstr("IP address mismatch"));
}

TEST(TlsTrust, RefusesAnExpiredCertificate) {
  TrustCase test;
  const Identity server = make_identity(Role::kServer, "DNS:localhost", &test.authority, -1);
  const Error error = test.connect(server, {.ca_file = test.ca_file});
  EXPECT_EQ(error.code, ErrorCode::kServerNotTrusted);
  EXPECT_THAT(error.message, HasSubstr("expired"));
}

TEST(TlsTrust, TakesThePinnedCertificateInAnySpelling) {
  TrustCase test;
  const Identity server = make_identity(Role::kServer, "");
  EXPECT_EQ(test.connect(server, {}), Error());
  EXPECT_EQ(test.connect(server, {.fingerprint = test.fingerprint}), Error());
  std::string with_colons;
  for (std::size_t i = 0; i < test.fingerprint.size(); i += 2) {
    if (i > 0) with_colons += ':';
    for (std::size_t k = i; k < i + 2; ++k) {
      with_colons += static_cast<char>(std::toupper(test.fingerprint[k]));
    }
  }
  EXPECT_EQ(test.connect(server, {.fingerprint = with_colons}), Error());
}

TEST(TlsTrust, RefusesAnyOtherThanThePinnedCertificate) {
  TrustCase test;
  const std::string pinned(64, 'a');
  const Error error = test.connect(make_identity(Role::kServer, ""), {.fingerprint = pinned});
  EXPECT_EQ(error.code, ErrorCode::kServerNotTrusted);
  EXPECT_THAT(error.message, AllOf(HasSubstr("localhost:8000"), HasSubstr("expected " + pinned),
                                   HasSubstr(test.fingerprint)));
}

TEST(TlsTrust, DemandsAuthorityAndPinWhenBothAreGiven) {
  TrustCase test;
  const Identity server = make_identity(Role::kServer, "DNS:localhost", &test.authority);
  const Error error =
      test.connect(server, {.ca_file = test.ca_file, .fingerprint = std::string(64, 'a')});
  EXPECT_EQ(error.code, ErrorCode::kServerNotTrusted);
  EXPECT_EQ(test.connect(server, {.ca_file = test.ca_file, .fingerprint = test.fingerprint}),
            Error());
}

}  // namespace
}  // namespace odb::net
