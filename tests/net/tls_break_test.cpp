// A TLS connection cut at every byte of either direction, handshake included.
#include <gmock/gmock.h>

#include "stream_support.h"

namespace odb::net {
namespace {

constexpr std::string_view kRequest = "a request";
constexpr std::string_view kAnswer = "an answer";

struct Carried {
  std::size_t to_server = 0;
  std::size_t to_client = 0;
};

// One end of the exchange: handshake, then send its text, then take the other's.
struct Party {
  TlsStream stream;
  std::string_view to_send;
  StreamStatus status = StreamStatus::kWantsRead;
  std::string received{};

  void step() {
    if (status == StreamStatus::kFailed || status == StreamStatus::kClosed) return;
    status = stream.handshake().status;
    if (status != StreamStatus::kOk) return;
    if (!to_send.empty()) {
      const StreamProgress progress = stream.write(bytes_of(to_send));
      to_send.remove_prefix(progress.bytes);
    }
    received += read_all(stream, &status);
  }
};

// Runs the exchange, carrying at most that many bytes each way and then cutting the connection.
Carried run(std::size_t to_server_max, std::size_t to_client_max) {
  Courier courier;
  SocketPair ends = courier.take_ends();
  Party client{TlsStream(trusting_client_context(), std::move(ends.client), {"localhost", 8000}),
               kRequest};
  Party server{TlsStream(shared_server_context(), std::move(ends.server)), kAnswer};
  Carried carried;
  for (bool is_idle = false; !is_idle;) {
    client.step();
    server.step();
    const std::size_t to_server = courier.carry_to_server(to_server_max - carried.to_server);
    const std::size_t to_client = courier.carry_to_client(to_client_max - carried.to_client);
    carried.to_server += to_server;
    carried.to_client += to_client;
    is_idle = to_server + to_client == 0;
  }
  courier.cut();
  client.step();
  server.step();
  for (Party* party : {&client, &server}) {
    EXPECT_EQ(party->status, StreamStatus::kFailed);
    EXPECT_THAT(party->stream.error().code,
                ::testing::AnyOf(ErrorCode::kDisconnected, ErrorCode::kConnectFailed));
    EXPECT_NE(party->stream.error().message, "");
  }
  EXPECT_TRUE(server.received.empty() || server.received == kRequest) << server.received;
  EXPECT_TRUE(client.received.empty() || client.received == kAnswer) << client.received;
  return carried;
}

TEST(TlsStream, SurvivesACutAtEveryByte) {
  constexpr std::size_t kEverything = 1000000;
  const Carried whole = run(kEverything, kEverything);
  EXPECT_GT(whole.to_server, 200u);
  EXPECT_GT(whole.to_client, 500u);
  for (std::size_t position = 0; position < whole.to_server; ++position) {
    SCOPED_TRACE(position);
    run(position, kEverything);
  }
  for (std::size_t position = 0; position < whole.to_client; ++position) {
    SCOPED_TRACE(position);
    run(kEverything, position);
  }
}

}  // namespace
}  // namespace odb::net
