// What an idle connection costs.
#include <malloc.h>

#include "odb/net/message_stream.h"
#include "stream_support.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define ODB_OTHER_MALLOC 1
#else
#define ODB_OTHER_MALLOC 0
#endif

namespace odb::net {
namespace {

constexpr std::size_t kConnections = 300;
constexpr std::size_t kServerBytesMax = 16 * 1024;
constexpr std::size_t kClientBytesMax = 21 * 1024;  // it also keeps the server's certificate

std::size_t bytes_in_use() {
  const auto info = mallinfo2();
  return info.uordblks + info.hblkhd;
}

TEST(TlsStream, CostsLittleWhileIdle) {
  if (ODB_OTHER_MALLOC) GTEST_SKIP() << "the sanitizer's malloc is not measured";
  struct Connection {
    std::unique_ptr<MessageStream> client;
    std::unique_ptr<MessageStream> server;
  };
  std::vector<Connection> connections;
  connections.reserve(kConnections);
  // The first one pays for what all share.
  for (std::size_t i = 0; i <= kConnections; ++i) {
    static std::size_t before;
    if (i == 1) before = bytes_in_use();
    TlsPair pair = make_tls_pair();
    Connection connection{std::make_unique<MessageStream>(std::move(pair.client), 1 << 20),
                          std::make_unique<MessageStream>(std::move(pair.server), 1 << 20)};
    // Each has sent and received something before it falls idle.
    for (auto [from, to] : {std::pair(&connection.client, &connection.server),
                            std::pair(&connection.server, &connection.client)}) {
      (*from)->send(make_message(1, 100000));
      bool has_arrived = false;
      while (!has_arrived || (*from)->queued_bytes() > 0) {
        (*from)->flush();
        has_arrived |= (*to)->receive().status == StreamStatus::kOk;
      }
      while ((*to)->receive().status != StreamStatus::kWantsRead) {
      }
    }
    if (i > 0) {
      connections.push_back(std::move(connection));
    }
    if (i == kConnections) {
      const std::size_t both = bytes_in_use() - before;
      for (Connection& one : connections) one.client.reset();
      const std::size_t servers = bytes_in_use() - before;
      RecordProperty("server_bytes", static_cast<int>(servers / kConnections));
      RecordProperty("client_bytes", static_cast<int>((both - servers) / kConnections));
      EXPECT_LT(servers / kConnections, kServerBytesMax);
      EXPECT_LT((both - servers) / kConnections, kClientBytesMax);
    }
  }
}

}  // namespace
}  // namespace odb::net
