#include "odb/net/message_stream.h"

#include <gmock/gmock.h>

#include "odb/net/memory_link.h"
#include "stream_support.h"

namespace odb::net {
namespace {

using ::testing::ElementsAre;
using Delivery = MemoryLink::Delivery;
using Direction = MemoryLink::Direction;

constexpr std::size_t kMessageBytesMax = 64 * 1024 * 1024;
constexpr std::uint64_t kLast = 999999;

// Two message streams over a link whose bytes move when `carry` is called.
class Channel {
 public:
  virtual ~Channel() = default;
  virtual std::size_t carry(std::size_t bytes_max) = 0;

  std::unique_ptr<MessageStream> client;
  std::unique_ptr<MessageStream> server;
};

class MemoryChannel : public Channel {
 public:
  explicit MemoryChannel(std::size_t capacity = 64 * 1024)
      : link({.capacity_bytes = capacity, .delivery = Delivery::kManual}) {
    client = std::make_unique<MessageStream>(link.take_client_end(), kMessageBytesMax);
    server = std::make_unique<MessageStream>(link.take_server_end(), kMessageBytesMax);
  }
  std::size_t carry(std::size_t bytes_max) override {
    const std::size_t bytes = link.deliver(Direction::kToServer, bytes_max);
    return bytes + link.deliver(Direction::kToClient, bytes_max);
  }

  MemoryLink link;
};

class TlsChannel : public Channel {
 public:
  TlsChannel() {
    TlsPair pair = make_tls_pair(courier_);
    client = std::make_unique<MessageStream>(std::move(pair.client), kMessageBytesMax);
    server = std::make_unique<MessageStream>(std::move(pair.server), kMessageBytesMax);
  }
  std::size_t carry(std::size_t bytes_max) override { return courier_.carry(bytes_max); }

 private:
  Courier courier_;
};

using ChannelMaker = std::unique_ptr<Channel> (*)();

class MessageStreamOver : public ::testing::TestWithParam<ChannelMaker> {
 protected:
  // Takes whole messages until there are none for now, checking every byte.
  static StreamStatus receive_all(MessageStream& stream, std::vector<std::uint64_t>& numbers) {
    for (;;) {
      const MessageStream::Received received = stream.receive();
      if (received.status != StreamStatus::kOk) return received.status;
      EXPECT_TRUE(is_intact(received.payload));
      numbers.push_back(number_of(received.payload));
    }
  }

  std::unique_ptr<Channel> channel = GetParam()();
  MessageStream& client = *channel->client;
  MessageStream& server = *channel->server;
};

std::vector<std::uint64_t> numbers_up_to(std::uint64_t count) {
  std::vector<std::uint64_t> numbers(count);
  for (std::uint64_t i = 0; i < count; ++i) numbers[i] = i;
  return numbers;
}

TEST_P(MessageStreamOver, CarriesOneMessage) {
  client.send(make_message(7, 100));
  EXPECT_EQ(client.queued_bytes(), 8u + 96u);
  EXPECT_EQ(client.flush(), StreamStatus::kOk);
  EXPECT_EQ(client.queued_bytes(), 0u);
  channel->carry(100000);
  std::vector<std::uint64_t> numbers;
  EXPECT_EQ(receive_all(server, numbers), StreamStatus::kWantsRead);
  EXPECT_THAT(numbers, ElementsAre(7));
  EXPECT_GE(server.bytes_received(), 104u);
  EXPECT_EQ(server.bytes_received(), client.bytes_sent());
}

TEST_P(MessageStreamOver, KeepsMessagesOfAllSizesWholeUnderRandomDelivery) {
  for (std::uint32_t seed = 1; seed <= 10; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    std::vector<std::uint64_t> to_server;
    std::vector<std::uint64_t> to_client;
    std::uint64_t sent = 0;
    while (sent < 200 || to_server.size() < sent || to_client.size() < sent) {
      for (std::uint32_t i = random() % 20; i > 0 && sent < 200; --i) {
        const std::size_t scale = std::size_t{16} << random() % 16;  // up to 512 KiB
        const auto message = make_message(sent++, random() % scale);
        client.send(message);
        server.send(message);
      }
      client.flush();
      server.flush();
      channel->carry(1 + random() % (std::size_t{1} << random() % 18));
      receive_all(server, to_server);
      receive_all(client, to_client);
    }
    EXPECT_EQ(to_server, numbers_up_to(200));
    EXPECT_EQ(to_client, numbers_up_to(200));
    EXPECT_EQ(client.queued_bytes(), 0u);
  }
}

TEST_P(MessageStreamOver, CarriesTenMebibytesBetweenSmallOnes) {
  client.send(make_message(0, 100));
  client.send(make_message(1, 10 * 1024 * 1024));
  client.send(make_message(2, 100));
  std::vector<std::uint64_t> numbers;
  while (numbers.size() < 3) {
    client.flush();
    channel->carry(50000);
    receive_all(server, numbers);
  }
  EXPECT_EQ(numbers, numbers_up_to(3));
}

TEST_P(MessageStreamOver, WantsWriteWhileThePeerDoesNotRead) {
  constexpr std::size_t kCount = 100;
  for (std::uint64_t i = 0; i < kCount; ++i) client.send(make_message(i, 64 * 1024));
  const std::size_t all = client.queued_bytes();
  EXPECT_EQ(client.flush(), StreamStatus::kWantsWrite);
  const std::size_t left = client.queued_bytes();
  EXPECT_LT(left, all);
  EXPECT_GT(left, all / 2);
  EXPECT_EQ(client.flush(), StreamStatus::kWantsWrite);
  client.send(make_message(kCount, 64 * 1024));
  EXPECT_EQ(client.queued_bytes(), left + 64 * 1024 + 8);

  std::vector<std::uint64_t> numbers;
  while (numbers.size() <= kCount) {
    channel->carry(100000);
    receive_all(server, numbers);
    client.flush();
  }
  EXPECT_EQ(numbers, numbers_up_to(kCount + 1));
  EXPECT_EQ(client.flush(), StreamStatus::kOk);
}

// However far the queue got, the peer receives the first few messages whole, then the last one.
TEST_P(MessageStreamOver, DeliversALastMessageWholeAfterItsQueueWasDropped) {
  std::uint64_t next = 0;
  for (std::uint32_t seed = 1; seed <= 30; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    const std::uint64_t first = next;
    std::vector<std::uint64_t> numbers;
    for (int i = 0; i < 500; ++i) {
      const std::size_t scale = std::size_t{16} << random() % 17;  // up to 1 MiB
      client.send(make_message(next++, random() % scale));
    }
    for (std::uint32_t i = random() % 40; i > 0; --i) {
      client.flush();
      channel->carry(random() % 30000);
      receive_all(server, numbers);
    }
    client.drop_queue();
    EXPECT_LE(client.queued_bytes(), 1024u * 1024u + 64);
    client.send(make_message(kLast, 100));
    while (numbers.empty() || numbers.back() != kLast) {
      client.flush();
      channel->carry(100000);
      ASSERT_EQ(receive_all(server, numbers), StreamStatus::kWantsRead);
    }
    EXPECT_EQ(client.queued_bytes(), 0u);
    numbers.pop_back();
    for (std::size_t i = 0; i < numbers.size(); ++i) ASSERT_EQ(numbers[i], first + i);
    EXPECT_LT(numbers.size(), 500u);
  }
}

TEST_P(MessageStreamOver, DropsEverythingThatWasNeverOffered) {
  for (std::uint64_t i = 0; i < 10; ++i) client.send(make_message(i, 1000));
  client.drop_queue();
  EXPECT_EQ(client.queued_bytes(), 0u);
  EXPECT_EQ(client.flush(), StreamStatus::kOk);
}

TEST_P(MessageStreamOver, EndsInOrder) {
  client.send(make_message(1, 100));
  client.flush();
  client.bytes().close();
  channel->carry(100000);
  std::vector<std::uint64_t> numbers;
  EXPECT_EQ(receive_all(server, numbers), StreamStatus::kClosed);
  EXPECT_THAT(numbers, ElementsAre(1));
}

TEST_P(MessageStreamOver, RefusesWhatIsNoFrame) {
  auto garbage = std::make_shared<Bytes>(64, std::byte{'x'});
  client.send(garbage);
  client.flush();
  channel->carry(100000);
  std::vector<std::uint64_t> numbers;
  StreamStatus status;
  while ((status = receive_all(server, numbers)) == StreamStatus::kWantsRead) {
  }
  EXPECT_EQ(status, StreamStatus::kFailed);
  EXPECT_EQ(server.error().code, ErrorCode::kMalformedFrame);
  EXPECT_EQ(server.receive().status, StreamStatus::kFailed);
}

TEST_P(MessageStreamOver, RefusesAMessageAboveItsLimit) {
  server.set_message_bytes_max(1000);
  client.send(make_message(1, 1000));
  client.send(make_message(2, 1008));
  client.flush();
  channel->carry(100000);
  std::vector<std::uint64_t> numbers;
  StreamStatus status;
  while ((status = receive_all(server, numbers)) == StreamStatus::kWantsRead) {
  }
  EXPECT_EQ(status, StreamStatus::kFailed);
  EXPECT_EQ(server.error().code, ErrorCode::kMessageTooLarge);
  EXPECT_THAT(numbers, ElementsAre(1));
}

INSTANTIATE_TEST_SUITE_P(
    , MessageStreamOver,
    ::testing::Values<ChannelMaker>(
        +[]() -> std::unique_ptr<Channel> { return std::make_unique<MemoryChannel>(); },
        +[]() -> std::unique_ptr<Channel> { return std::make_unique<TlsChannel>(); }),
    [](const auto& param) { return param.index == 0 ? "Memory" : "Tls"; });

TEST(MessageStream, WritesManySmallMessagesAtOnce) {
  const TlsPair pair = make_tls_pair();
  const std::uint64_t before = pair.client->link_bytes_sent();
  class Borrowed : public ByteStream {
   public:
    explicit Borrowed(ByteStream& stream) : stream_(stream) {}
    StreamProgress handshake() override { return stream_.handshake(); }
    StreamProgress read(std::span<std::byte> out) override { return stream_.read(out); }
    StreamProgress write(std::span<const std::byte> bytes) override {
      ++writes;
      return stream_.write(bytes);
    }
    bool has_buffered_input() const override { return stream_.has_buffered_input(); }
    ChannelBinding channel_binding() const override { return stream_.channel_binding(); }
    int descriptor() const override { return stream_.descriptor(); }
    std::uint64_t link_bytes_received() const override { return stream_.link_bytes_received(); }
    std::uint64_t link_bytes_sent() const override { return stream_.link_bytes_sent(); }
    void close() override { stream_.close(); }
    const Error& error() const override { return stream_.error(); }
    std::string peer() const override { return stream_.peer(); }
    int writes = 0;

   private:
    ByteStream& stream_;
  };
  auto borrowed = std::make_unique<Borrowed>(*pair.client);
  Borrowed& counted = *borrowed;
  MessageStream stream(std::move(borrowed), kMessageBytesMax);
  for (std::uint64_t i = 0; i < 100; ++i) stream.send(make_message(i, 96));
  EXPECT_EQ(stream.flush(), StreamStatus::kOk);
  EXPECT_EQ(counted.writes, 1);
  EXPECT_LT(pair.client->link_bytes_sent() - before, 100u * 104u + 50u);
}

// A scripted exchange of requests and answers, broken at every byte of either direction: each side
// has received a prefix of what the other sent, whole messages only, and knows that the link ended.
TEST(MessageStream, SurvivesABreakAtEveryByte) {
  const auto run = [](std::optional<std::pair<Direction, std::uint64_t>> break_at,
                      std::uint64_t* bytes_to_server) {
    MemoryLink link;
    MessageStream client(link.take_client_end(), kMessageBytesMax);
    MessageStream server(link.take_server_end(), kMessageBytesMax);
    if (break_at) link.break_at(break_at->first, break_at->second);
    constexpr std::uint64_t kRounds = 5;
    std::uint64_t answered = 0;
    std::uint64_t served = 0;
    client.send(make_message(0, 40));
    for (int step = 0; step < 20; ++step) {
      client.flush();
      for (auto got = server.receive(); got.status == StreamStatus::kOk; got = server.receive()) {
        EXPECT_TRUE(is_intact(got.payload));
        EXPECT_EQ(number_of(got.payload), served);
        server.send(make_message(served++, 24));
      }
      server.flush();
      for (auto got = client.receive(); got.status == StreamStatus::kOk; got = client.receive()) {
        EXPECT_TRUE(is_intact(got.payload));
        EXPECT_EQ(number_of(got.payload), answered);
        if (++answered < kRounds) client.send(make_message(answered, 40));
      }
    }
    if (bytes_to_server) *bytes_to_server = link.bytes_delivered(Direction::kToServer);
    EXPECT_LE(answered, served);
    if (!break_at) {
      EXPECT_EQ(answered, kRounds);
      return;
    }
    EXPECT_EQ(client.receive().status, StreamStatus::kFailed);
    EXPECT_EQ(client.error().code, ErrorCode::kDisconnected);
    EXPECT_EQ(server.receive().status, StreamStatus::kFailed);
    EXPECT_EQ(server.error().code, ErrorCode::kDisconnected);
    EXPECT_EQ(link.bytes_delivered(break_at->first), break_at->second);
  };
  std::uint64_t bytes = 0;
  run(std::nullopt, &bytes);
  EXPECT_EQ(bytes, 5u * 48u);
  for (std::uint64_t position = 0; position <= 5 * 48; ++position) {
    run(std::pair(Direction::kToServer, position), nullptr);
  }
  for (std::uint64_t position = 0; position <= 5 * 32; ++position) {
    run(std::pair(Direction::kToClient, position), nullptr);
  }
}

}  // namespace
}  // namespace odb::net
