#include "odb/net/memory_link.h"

#include <gmock/gmock.h>

#include "stream_support.h"

namespace odb::net {
namespace {

using ::testing::HasSubstr;
using Direction = MemoryLink::Direction;
using Delivery = MemoryLink::Delivery;

struct Linked {
  explicit Linked(MemoryLink::Options options = {})
      : link(std::move(options)), client(link.take_client_end()), server(link.take_server_end()) {}

  MemoryLink link;
  std::unique_ptr<ByteStream> client;
  std::unique_ptr<ByteStream> server;
};

// Everything that can be read now, and how that ended.
std::pair<std::string, StreamStatus> drain(ByteStream& stream) {
  StreamStatus status{};
  std::string text = read_all(stream, &status);
  return {text, status};
}

TEST(MemoryLink, CarriesBytesBothWays) {
  Linked linked;
  EXPECT_EQ(linked.client->handshake().status, StreamStatus::kOk);
  linked.client->write(bytes_of("hello"));
  linked.server->write(bytes_of("welcome"));
  EXPECT_TRUE(linked.server->has_buffered_input());
  EXPECT_EQ(drain(*linked.server), std::pair(std::string("hello"), StreamStatus::kWantsRead));
  EXPECT_EQ(drain(*linked.client), std::pair(std::string("welcome"), StreamStatus::kWantsRead));
  EXPECT_FALSE(linked.server->has_buffered_input());
}

TEST(MemoryLink, HasTheGivenBindingAndNamesAtItsEnds) {
  MemoryLink::Options options;
  options.binding.fill(std::byte{42});
  options.client_name = "c";
  options.server_name = "s";
  const Linked linked(options);
  EXPECT_EQ(linked.client->channel_binding(), options.binding);
  EXPECT_EQ(linked.server->channel_binding(), options.binding);
  EXPECT_EQ(linked.client->peer(), "s");
  EXPECT_EQ(linked.server->peer(), "c");
  EXPECT_EQ(linked.client->descriptor(), -1);
}

TEST(MemoryLink, DeliversAsManyBytesAsItsOwnerSays) {
  Linked linked({.delivery = Delivery::kManual});
  linked.client->write(bytes_of("hello"));
  EXPECT_EQ(drain(*linked.server).first, "");
  EXPECT_EQ(linked.link.deliver(Direction::kToServer, 2), 2u);
  EXPECT_EQ(linked.link.deliver(Direction::kToClient, 2), 0u);
  EXPECT_EQ(drain(*linked.server).first, "he");
  EXPECT_EQ(linked.link.bytes_on_the_way(Direction::kToServer), 3u);
  EXPECT_EQ(linked.link.deliver_all(), 3u);
  EXPECT_EQ(drain(*linked.server).first, "llo");
  EXPECT_EQ(linked.link.bytes_written(Direction::kToServer), 5u);
  EXPECT_EQ(linked.link.bytes_delivered(Direction::kToServer), 5u);
}

TEST(MemoryLink, DeliversTheRestWhenItBecomesAutomatic) {
  Linked linked({.delivery = Delivery::kManual});
  linked.client->write(bytes_of("hello"));
  linked.link.set_delivery(Delivery::kAutomatic);
  EXPECT_EQ(drain(*linked.server).first, "hello");
}

TEST(MemoryLink, TakesNoMoreThanItsCapacity) {
  Linked linked({.capacity_bytes = 4});
  EXPECT_EQ(linked.client->write(bytes_of("hello")).bytes, 4u);
  EXPECT_EQ(linked.client->write(bytes_of("o")).status, StreamStatus::kWantsWrite);
  EXPECT_EQ(drain(*linked.server).first, "hell");
  EXPECT_EQ(linked.client->write(bytes_of("o")).bytes, 1u);
}

TEST(MemoryLink, HoldsBackABlockedDirectionOnly) {
  Linked linked({.capacity_bytes = 4});
  linked.link.block(Direction::kToServer);
  linked.client->write(bytes_of("hello"));
  linked.server->write(bytes_of("on"));
  EXPECT_EQ(linked.link.deliver_all(), 0u);
  EXPECT_EQ(drain(*linked.server).first, "");
  EXPECT_EQ(drain(*linked.client).first, "on");
  EXPECT_EQ(linked.client->write(bytes_of("o")).status, StreamStatus::kWantsWrite);
  linked.link.unblock(Direction::kToServer);
  EXPECT_EQ(drain(*linked.server).first, "hell");
}

TEST(MemoryLink, EndsInOrderAfterClose) {
  Linked linked({.delivery = Delivery::kManual});
  linked.client->write(bytes_of("bye"));
  linked.client->close();
  linked.client->close();
  EXPECT_EQ(drain(*linked.server).second, StreamStatus::kWantsRead);
  linked.link.deliver(Direction::kToServer, 3);
  EXPECT_EQ(drain(*linked.server), std::pair(std::string("bye"), StreamStatus::kClosed));
  EXPECT_EQ(linked.client->write(bytes_of("x")).status, StreamStatus::kClosed);
  EXPECT_EQ(drain(*linked.client).second, StreamStatus::kClosed);
  EXPECT_EQ(linked.server->write(bytes_of("x")).status, StreamStatus::kFailed);
  EXPECT_EQ(linked.server->error().code, ErrorCode::kDisconnected);
}

TEST(MemoryLink, FailsWhenAnEndDiesAndBytesSentBeforeArrive) {
  Linked linked;
  linked.client->write(bytes_of("last"));
  linked.client.reset();
  EXPECT_EQ(drain(*linked.server), std::pair(std::string("last"), StreamStatus::kFailed));
  EXPECT_EQ(linked.server->error().code, ErrorCode::kDisconnected);
  EXPECT_THAT(linked.server->error().message, HasSubstr("memory-client"));
}

TEST(MemoryLink, LosesWhatIsOnTheWayWhenItBreaks) {
  Linked linked({.delivery = Delivery::kManual});
  linked.client->write(bytes_of("hello"));
  linked.link.deliver(Direction::kToServer, 2);
  linked.link.break_link();
  EXPECT_TRUE(linked.link.is_broken());
  EXPECT_EQ(linked.link.deliver_all(), 0u);
  EXPECT_EQ(drain(*linked.server), std::pair(std::string("he"), StreamStatus::kFailed));
  EXPECT_EQ(drain(*linked.client).second, StreamStatus::kFailed);
  EXPECT_EQ(linked.client->write(bytes_of("x")).status, StreamStatus::kFailed);
  EXPECT_EQ(linked.client->error().code, ErrorCode::kDisconnected);
  EXPECT_EQ(linked.server->error().code, ErrorCode::kDisconnected);
}

TEST(MemoryLink, BreaksAtTheGivenByte) {
  for (std::size_t position = 0; position <= 5; ++position) {
    Linked linked;
    linked.link.break_at(Direction::kToServer, position);
    linked.client->write(bytes_of("he"));
    linked.client->write(bytes_of("llo"));
    EXPECT_EQ(drain(*linked.server),
              std::pair(std::string("hello").substr(0, position), StreamStatus::kFailed));
    EXPECT_EQ(drain(*linked.client).second, StreamStatus::kFailed);
  }
}

TEST(MemoryLink, GoesOnBeforeTheByteWhereItBreaks) {
  Linked linked;
  linked.link.break_at(Direction::kToServer, 6);
  linked.client->write(bytes_of("hello"));
  EXPECT_FALSE(linked.link.is_broken());
  EXPECT_EQ(drain(*linked.server), std::pair(std::string("hello"), StreamStatus::kWantsRead));
}

TEST(MemoryLink, EndsMayOutliveIt) {
  std::unique_ptr<ByteStream> client;
  std::unique_ptr<ByteStream> server;
  {
    MemoryLink link;
    client = link.take_client_end();
    server = link.take_server_end();
  }
  client->write(bytes_of("hello"));
  EXPECT_EQ(drain(*server).first, "hello");
}

// Against the obvious model: what is read is a prefix of what was written.
TEST(MemoryLink, KeepsOrderUnderRandomUse) {
  for (std::uint32_t seed = 1; seed <= 50; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    Linked linked({.capacity_bytes = 1 + random() % 100, .delivery = Delivery::kManual});
    std::string written;
    std::string received;
    for (int step = 0; step < 1000; ++step) {
      switch (random() % 3) {
        case 0: {
          std::string text(1 + random() % 50, '\0');
          for (char& c : text) c = static_cast<char>(random());
          written += text.substr(0, linked.client->write(bytes_of(text)).bytes);
          break;
        }
        case 1:
          linked.link.deliver(Direction::kToServer, random() % 60);
          break;
        default: {
          char buffer[40];
          const auto room = std::as_writable_bytes(std::span(buffer)).first(1 + random() % 40);
          received.append(buffer, linked.server->read(room).bytes);
        }
      }
    }
    linked.link.deliver_all();
    received += drain(*linked.server).first;
    EXPECT_EQ(received, written);
  }
}

}  // namespace
}  // namespace odb::net
