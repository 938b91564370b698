#include "odb/net/tls_stream.h"

#include <gmock/gmock.h>
#include <openssl/ssl.h>

#include "stream_support.h"

namespace odb::net {
namespace {

using ::testing::HasSubstr;
using ::testing::MatchesRegex;

TEST(TlsStream, CarriesBytesBothWays) {
  const TlsPair pair = make_tls_pair();
  EXPECT_EQ(pair.client->write(bytes_of("hello")).bytes, 5u);
  EXPECT_EQ(read_exactly(*pair.server, 5), "hello");
  EXPECT_EQ(pair.server->write(bytes_of("welcome")).bytes, 7u);
  EXPECT_EQ(read_exactly(*pair.client, 7), "welcome");
}

TEST(TlsStream, WantsReadWhenNothingHasCome) {
  const TlsPair pair = make_tls_pair();
  std::byte buffer[10];
  EXPECT_EQ(pair.client->read(buffer).status, StreamStatus::kWantsRead);
  EXPECT_EQ(pair.server->read(buffer).status, StreamStatus::kWantsRead);
}

TEST(TlsStream, BindsBothEndsOfAChannelAndNoOther) {
  const TlsPair one = make_tls_pair();
  const TlsPair other = make_tls_pair();
  EXPECT_EQ(one.client->channel_binding(), one.server->channel_binding());
  EXPECT_NE(one.client->channel_binding(), other.client->channel_binding());
  EXPECT_NE(one.client->channel_binding(), ChannelBinding{});
}

TEST(TlsStream, NamesItsPeer) {
  const TlsPair pair = make_tls_pair();
  EXPECT_THAT(pair.server->peer(), MatchesRegex("127.0.0.1:[0-9]+"));
  EXPECT_THAT(pair.client->peer(), MatchesRegex("127.0.0.1:[0-9]+"));
  EXPECT_NE(pair.server->peer(), pair.client->peer());
}

TEST(TlsStream, TellsTheServersFingerprintToTheClient) {
  const TlsPair pair = make_tls_pair();
  EXPECT_EQ(pair.client->peer_fingerprint(), shared_server_context().fingerprint());
  EXPECT_EQ(pair.server->peer_fingerprint(), "");
}

TEST(TlsStream, KnowsWhatIsBuffered) {
  const TlsPair pair = make_tls_pair();
  EXPECT_FALSE(pair.server->has_buffered_input());
  pair.client->write(bytes_of("one"));
  pair.client->write(bytes_of("two"));

  // The first read brings both records in; the descriptor has nothing any more.
  EXPECT_EQ(read_exactly(*pair.server, 1), "o");
  EXPECT_TRUE(pair.server->has_buffered_input());
  EXPECT_EQ(read_exactly(*pair.server, 3), "net");
  EXPECT_TRUE(pair.server->has_buffered_input());
  EXPECT_EQ(read_exactly(*pair.server, 2), "wo");
  EXPECT_FALSE(pair.server->has_buffered_input());
}

TEST(TlsStream, DoesNotCallHalfARecordBuffered) {
  Courier courier;
  const TlsPair pair = make_tls_pair(courier);
  pair.client->write(bytes_of("a whole record"));
  courier.carry_to_server(10);
  std::byte buffer[100];
  wait_for(*pair.server, StreamStatus::kWantsRead);
  while (pair.server->read(buffer).status != StreamStatus::kWantsRead) {
  }
  EXPECT_FALSE(pair.server->has_buffered_input());
  courier.carry_to_server(1000);
  EXPECT_EQ(read_exactly(*pair.server, 14), "a whole record");
}

TEST(TlsStream, ReadsManySmallRecordsAtOnce) {
  const TlsPair pair = make_tls_pair();
  std::string sent;
  for (int i = 0; i < 100; ++i) {
    const std::string text = std::to_string(i) + ";";
    pair.client->write(bytes_of(text));
    sent += text;
  }
  std::string received;
  char buffer[1000];
  int reads = 0;
  while (received.size() < sent.size()) {
    wait_for(*pair.server, StreamStatus::kWantsRead);
    received.append(buffer, pair.server->read(std::as_writable_bytes(std::span(buffer))).bytes);
    ++reads;
  }
  EXPECT_EQ(received, sent);
  EXPECT_LT(reads, 20);  // one, unless the kernel hands them over in pieces
}

TEST(TlsStream, CountsWhatCrossesTheLink) {
  const TlsPair pair = make_tls_pair();
  const std::uint64_t sent_before = pair.client->link_bytes_sent();
  EXPECT_GT(sent_before, 0u);
  EXPECT_EQ(sent_before, pair.server->link_bytes_received());
  pair.client->write(bytes_of("hello"));
  read_exactly(*pair.server, 5);
  EXPECT_GE(pair.client->link_bytes_sent(), sent_before + 5);
  EXPECT_EQ(pair.client->link_bytes_sent(), pair.server->link_bytes_received());
}

TEST(TlsStream, EndsInOrderAfterClose) {
  const TlsPair pair = make_tls_pair();
  pair.server->write(bytes_of("the reason"));
  pair.server->close();
  pair.server->close();
  std::byte buffer[10];
  EXPECT_EQ(pair.server->read(buffer).status, StreamStatus::kClosed);
  EXPECT_EQ(pair.server->write(bytes_of("more")).status, StreamStatus::kClosed);
  EXPECT_FALSE(pair.server->has_buffered_input());

  EXPECT_EQ(read_exactly(*pair.client, 10), "the reason");
  StreamStatus status{};
  wait_for(*pair.client, StreamStatus::kWantsRead);
  EXPECT_EQ(read_all(*pair.client, &status), "");
  EXPECT_EQ(status, StreamStatus::kClosed);
}

TEST(TlsStream, FailsWhenThePeerDies) {
  TlsPair pair = make_tls_pair();
  pair.server.reset();
  wait_for(*pair.client, StreamStatus::kWantsRead);
  StreamStatus status{};
  EXPECT_EQ(read_all(*pair.client, &status), "");
  EXPECT_EQ(status, StreamStatus::kFailed);
  EXPECT_EQ(pair.client->error().code, ErrorCode::kDisconnected);
  EXPECT_THAT(pair.client->error().message, HasSubstr("localhost:8000"));
}

TEST(TlsStream, FailsWhenThePeerResets) {
  TlsPair pair = make_tls_pair();
  const linger at_once{1, 0};
  setsockopt(pair.server->descriptor(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  pair.server.reset();
  wait_for(*pair.client, StreamStatus::kWantsRead);
  StreamStatus status{};
  read_all(*pair.client, &status);
  EXPECT_EQ(status, StreamStatus::kFailed);
  EXPECT_EQ(pair.client->error().code, ErrorCode::kDisconnected);
  EXPECT_THAT(pair.client->error().message, HasSubstr("reset"));
}

// SIGPIPE would end this program.
TEST(TlsStream, StillGivesThePeersLastWordsAfterAWriteFailed) {
  TlsPair pair = make_tls_pair();
  pair.server->write(bytes_of("the reason"));
  pair.server->close();
  pair.server.reset();
  const std::string block(100000, 'x');
  StreamProgress progress;
  do {
    progress = pair.client->write(bytes_of(block));
  } while (progress.status == StreamStatus::kOk);
  EXPECT_EQ(progress.status, StreamStatus::kFailed);
  EXPECT_EQ(pair.client->error().code, ErrorCode::kDisconnected);
  EXPECT_EQ(pair.client->write(bytes_of(block)).status, StreamStatus::kFailed);
  EXPECT_EQ(read_exactly(*pair.client, 10), "the reason");
}

// More than the peer's window takes: the rest waits in the kernel, and a reset would discard it.
TEST(TlsStream, DeliversItsLastWordsAlthoughItLeftInputUnread) {
  SocketPair sockets = make_tcp_pair();
  set_send_buffer(sockets.server, 1 << 20);
  TlsPair pair = make_tls_pair(std::move(sockets));
  const std::string reason(200000, 'r');
  pair.client->write(bytes_of(std::string(50000, 'x')));
  ASSERT_EQ(pair.server->write(bytes_of(reason)).bytes, reason.size());
  pair.server->close();
  pair.server.reset();
  EXPECT_EQ(read_exactly(*pair.client, reason.size()), reason);
  StreamStatus status{};
  wait_for(*pair.client, StreamStatus::kWantsRead);
  read_all(*pair.client, &status);
  EXPECT_EQ(status, StreamStatus::kClosed);
}

TEST(TlsStream, WantsWriteWhenThePeerDoesNotRead) {
  const TlsPair pair = make_tls_pair(make_unix_pair());
  const std::string block(1000000, 'x');
  std::size_t taken = 0;
  StreamProgress progress;
  while ((progress = pair.client->write(bytes_of(block).subspan(taken))).status ==
         StreamStatus::kOk) {
    taken += progress.bytes;
    ASSERT_LT(taken, block.size());
  }
  EXPECT_EQ(progress.status, StreamStatus::kWantsWrite);

  std::string received;
  while (received.size() < block.size()) {
    received += read_all(*pair.server);
    taken += pair.client->write(bytes_of(block).subspan(taken)).bytes;
  }
  EXPECT_EQ(received, block);
}

TEST(TlsStream, FailsWhenARecordIsDamaged) {
  Courier courier;
  const TlsPair pair = make_tls_pair(courier);
  pair.client->write(bytes_of("hello"));
  courier.corrupt_next_byte();
  courier.carry_to_server(100000);
  StreamStatus status{};
  EXPECT_EQ(read_all(*pair.server, &status), "");
  EXPECT_EQ(status, StreamStatus::kFailed);
  EXPECT_EQ(pair.server->error().code, ErrorCode::kDisconnected);
  EXPECT_THAT(pair.server->error().message, HasSubstr("damaged"));
}

// Seen from a foreign TLS client: what the server's context promises.
TEST(TlsStream, OffersTls13WithAes128AndNoTickets) {
  SocketPair sockets = make_unix_pair();
  TlsStream server(shared_server_context(), std::move(sockets.server));
  const std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context(SSL_CTX_new(TLS_client_method()),
                                                                  &SSL_CTX_free);
  static int sessions;
  sessions = 0;
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_CLIENT);
  SSL_CTX_sess_set_new_cb(context.get(), [](SSL*, SSL_SESSION*) { return ++sessions * 0; });
  const std::unique_ptr<SSL, decltype(&SSL_free)> client(SSL_new(context.get()), &SSL_free);
  SSL_set_fd(client.get(), sockets.client.descriptor());
  SSL_set_connect_state(client.get());
  for (bool is_done = false; !is_done;) {
    is_done = SSL_do_handshake(client.get()) == 1;
    is_done &= server.handshake().status == StreamStatus::kOk;
    ASSERT_EQ(server.error().message, "");
  }
  EXPECT_EQ(SSL_version(client.get()), TLS1_3_VERSION);
  EXPECT_STREQ(SSL_get_cipher_name(client.get()), "TLS_AES_128_GCM_SHA256");
  server.write(bytes_of("hello"));
  char buffer[5];
  EXPECT_EQ(SSL_read(client.get(), buffer, sizeof buffer), 5);
  EXPECT_EQ(sessions, 0);
}

}  // namespace
}  // namespace odb::net
