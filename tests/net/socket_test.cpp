#include "odb/net/socket.h"

#include <gmock/gmock.h>

#include "stream_support.h"

namespace odb::net {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

TEST(Endpoint, PutsIpv6AddressesInBrackets) {
  EXPECT_EQ(to_string(Endpoint{"localhost", 8000}), "localhost:8000");
  EXPECT_EQ(to_string(Endpoint{"::1", 8000}), "[::1]:8000");
}

TEST(Socket, IsMovedAndClosedOnce) {
  Socket first = std::move(make_unix_pair().client);
  const int descriptor = first.descriptor();
  Socket second = std::move(first);
  EXPECT_FALSE(first.is_open());
  EXPECT_EQ(second.descriptor(), descriptor);
  second.close();
  second.close();
  EXPECT_FALSE(second.is_open());
}

TEST(Listening, OnPortZeroPicksAFreeOneForAllAddresses) {
  auto listeners = listen_tcp({"localhost", 0});
  ASSERT_TRUE(listeners) << listeners.error().message;
  ASSERT_FALSE(listeners->empty());
  const std::uint16_t port = local_port(listeners->front());
  EXPECT_NE(port, 0);
  for (const Socket& listener : *listeners) EXPECT_EQ(local_port(listener), port);
}

TEST(Listening, OnATakenPortNamesHostAndPort) {
  auto first = listen_tcp({"127.0.0.1", 0});
  const std::uint16_t port = local_port(first->front());
  auto second = listen_tcp({"127.0.0.1", port});
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::kAddressInUse);
  EXPECT_THAT(second.error().message, HasSubstr("127.0.0.1:" + std::to_string(port)));
}

TEST(Listening, OnAForeignAddressIsABadConfiguration) {
  auto listeners = listen_tcp({"192.0.2.1", 0});  // reserved for documentation
  ASSERT_FALSE(listeners);
  EXPECT_EQ(listeners.error().code, ErrorCode::kBadConfiguration);
  EXPECT_THAT(listeners.error().message, HasSubstr("192.0.2.1"));
}

TEST(Listening, OnAnUnknownNameIsABadConfiguration) {
  auto listeners = listen_tcp({"no-such-host.invalid", 8000});
  ASSERT_FALSE(listeners);
  EXPECT_EQ(listeners.error().code, ErrorCode::kBadConfiguration);
  EXPECT_THAT(listeners.error().message, HasSubstr("no-such-host.invalid:8000"));
}

TEST(Listening, OnEveryInterfaceTakesConnectionsToAny) {
  auto listeners = listen_tcp({"", 0});
  ASSERT_TRUE(listeners) << listeners.error().message;
  EXPECT_TRUE(connect_tcp({"127.0.0.1", local_port(listeners->front())}, soon()));
}

TEST(Accepting, GivesNothingWhileNobodyConnects) {
  auto listeners = listen_tcp({"127.0.0.1", 0});
  auto accepted = accept_tcp(listeners->front());
  ASSERT_TRUE(accepted);
  EXPECT_FALSE(accepted->has_value());
}

TEST(Connecting, ByNameReachesAListenerOnIpv4Only) {
  auto listeners = listen_tcp({"127.0.0.1", 0});
  const std::uint16_t port = local_port(listeners->front());
  auto socket = connect_tcp({"localhost", port}, soon());
  ASSERT_TRUE(socket) << socket.error().message;
  EXPECT_EQ(peer_name(*socket), "127.0.0.1:" + std::to_string(port));
}

TEST(Connecting, ReachesAListenerOnIpv6) {
  auto listeners = listen_tcp({"::1", 0});
  if (!listeners) GTEST_SKIP() << "this machine has no IPv6: " << listeners.error().message;
  const std::uint16_t port = local_port(listeners->front());
  auto socket = connect_tcp({"::1", port}, soon());
  ASSERT_TRUE(socket) << socket.error().message;
  EXPECT_EQ(peer_name(*socket), "[::1]:" + std::to_string(port));
}

TEST(Connecting, ToAClosedPortNamesHostPortAndReason) {
  std::uint16_t port = 0;
  {
    auto listeners = listen_tcp({"127.0.0.1", 0});
    port = local_port(listeners->front());
  }
  auto socket = connect_tcp({"localhost", port}, soon());
  ASSERT_FALSE(socket);
  EXPECT_EQ(socket.error().code, ErrorCode::kConnectFailed);
  EXPECT_THAT(socket.error().message, AllOf(HasSubstr("localhost:" + std::to_string(port)),
                                            HasSubstr("Connection refused")));
}

TEST(Connecting, ToAnUnknownNameNamesIt) {
  auto socket = connect_tcp({"no-such-host.invalid", 8000}, soon());
  ASSERT_FALSE(socket);
  EXPECT_EQ(socket.error().code, ErrorCode::kConnectFailed);
  EXPECT_THAT(socket.error().message, HasSubstr("no-such-host.invalid:8000"));
}

// A listener whose queue is full answers nobody, which is what an unreachable host looks like.
class FullListener {
 public:
  FullListener() : listener_(std::move(listen_tcp({"127.0.0.1", 0}).value().front())) {
    ::listen(listener_.descriptor(), 0);
    for (int i = 0; i < 2; ++i) {
      auto socket = connect_tcp(endpoint(), std::chrono::steady_clock::now());
      if (socket) fillers_.push_back(std::move(*socket));
    }
  }
  Endpoint endpoint() const { return {"127.0.0.1", local_port(listener_)}; }

 private:
  Socket listener_;
  std::vector<Socket> fillers_;
};

TEST(Connecting, EndsAtItsDeadline) {
  const FullListener full;
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(30);
  auto socket = connect_tcp(full.endpoint(), deadline);
  ASSERT_FALSE(socket);
  EXPECT_EQ(socket.error().code, ErrorCode::kTimeout);
  EXPECT_GE(std::chrono::steady_clock::now(), deadline);
}

TEST(Connecting, EndsWhenCancelled) {
  const FullListener full;
  int asked = 0;
  auto socket = connect_tcp(full.endpoint(), soon(), [&] { return ++asked > 1; });
  ASSERT_FALSE(socket);
  EXPECT_EQ(socket.error().code, ErrorCode::kTimeout);
  EXPECT_THAT(socket.error().message, HasSubstr("cancelled"));
}

}  // namespace
}  // namespace odb::net
