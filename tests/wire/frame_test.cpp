// Frames: the byte stream cut into messages, however it arrives.
#include "odb/wire/frame.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <random>

#include "odb/wire/codec.h"
#include "wire/payload.h"
#include "wire/random_messages.h"

namespace odb::wire {
namespace {

constexpr std::size_t kRoomMin = 16 * 1024;
constexpr std::size_t kUnlimited = kMessageBytesMax;

Bytes counting(std::size_t size) {
  Bytes out(size);
  for (std::size_t i = 0; i < size; ++i) out[i] = static_cast<std::byte>(i * 7 + i / 256);
  return out;
}

Bytes framed(const Bytes& payload) {
  Bytes out;
  append_frames(out, payload);
  return out;
}

// A frame as append_frames would not cut it.
Bytes frame(std::uint32_t size, const Bytes& payload, int flags = 0, int magic = 0xDB,
            int reserved = 0) {
  Bytes out(kFrameHeaderBytes);
  std::memcpy(out.data(), &size, sizeof size);
  out[4] = static_cast<std::byte>(magic);
  out[5] = static_cast<std::byte>(flags);
  out[6] = static_cast<std::byte>(reserved);
  out.insert(out.end(), payload.begin(), payload.end());
  return out;
}
Bytes fragment(const Bytes& payload, bool more) {
  return frame(static_cast<std::uint32_t>(payload.size()), payload, more ? 1 : 0);
}

Bytes operator+(Bytes a, const Bytes& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

// Feeds bytes in the given pieces and collects what comes out.
class Feed {
 public:
  explicit Feed(std::size_t message_bytes_max = kUnlimited) : reader(message_bytes_max) {}

  void write(std::span<const std::byte> bytes, std::size_t piece = SIZE_MAX) {
    while (!bytes.empty()) {
      const auto room = reader.prepare();
      ASSERT_GE(room.size(), kRoomMin);
      const auto part = bytes.first(std::min({bytes.size(), room.size(), piece}));
      std::memcpy(room.data(), part.data(), part.size());
      reader.commit(part.size());
      bytes = bytes.subspan(part.size());
      take();
    }
  }
  void take() {
    for (;;) {
      auto payload = reader.next();
      if (!payload) {
        error = payload.error().code;
        return;
      }
      if (!*payload) return;
      EXPECT_EQ(reinterpret_cast<std::uintptr_t>((*payload)->data()) % 8, 0u);
      messages.emplace_back((*payload)->begin(), (*payload)->end());
    }
  }

  FrameReader reader;
  std::vector<Bytes> messages;
  ErrorCode error = ErrorCode::kNone;
};

TEST(Frames, CutAMessageThatFitsIntoOne) {
  const Bytes payload = counting(kFramePayloadBytesMax);
  EXPECT_EQ(framed(payload), fragment(payload, false));
  EXPECT_EQ(framed_bytes(payload.size()), kFrameBytesMax);
}

TEST(Frames, CutALargerMessageIntoFragments) {
  const Bytes payload = counting(kFramePayloadBytesMax + 8);
  const Bytes first(payload.begin(), payload.end() - 8);
  const Bytes second(payload.end() - 8, payload.end());
  EXPECT_EQ(framed(payload), fragment(first, true) + fragment(second, false));
  EXPECT_EQ(framed_bytes(payload.size()), kFrameBytesMax + 16);
}

TEST(FrameReader, GivesNothingBeforeAMessageIsWhole) {
  FrameReader reader(kUnlimited);
  const auto payload = reader.next();
  ASSERT_TRUE(payload.has_value());
  EXPECT_FALSE(payload->has_value());
}

TEST(FrameReader, GivesPipelinedMessagesFromOneRead) {
  Feed feed;
  Bytes stream;
  std::vector<Bytes> sent;
  for (std::size_t i = 1; i <= 100; ++i) {
    sent.push_back(counting(8 * (i % 10 + 1)));
    append_frames(stream, sent.back());
  }
  ASSERT_LT(stream.size(), kRoomMin);
  const auto room = feed.reader.prepare();
  std::memcpy(room.data(), stream.data(), stream.size());
  feed.reader.commit(stream.size());
  feed.take();
  EXPECT_EQ(feed.messages, sent);
}

TEST(FrameReader, GivesPayloadsInThePlaceWhereTheyWereRead) {
  FrameReader reader(kUnlimited);
  const Bytes stream = framed(counting(64)) + framed(counting(8));
  const auto room = reader.prepare();
  std::memcpy(room.data(), stream.data(), stream.size());
  reader.commit(stream.size());
  const auto first = reader.next();
  EXPECT_EQ((*first)->data(), room.data() + kFrameHeaderBytes);
  const auto second = reader.next();
  EXPECT_EQ((*second)->data(), room.data() + 64 + 2 * kFrameHeaderBytes);
}

TEST(FrameReader, TakesMessagesSplitAnywhere) {
  const std::vector<Bytes> sent = {counting(24), counting(8), counting(40)};
  Bytes stream;
  for (const Bytes& payload : sent) append_frames(stream, payload);
  for (std::size_t split = 0; split <= stream.size(); ++split) {
    SCOPED_TRACE(split);
    Feed feed;
    feed.write(std::span(stream).first(split));
    feed.write(std::span(stream).subspan(split));
    EXPECT_EQ(feed.messages, sent);
  }
  for (const std::size_t piece : {1u, 3u, 7u, 8u, 9u}) {
    Feed feed;
    feed.write(stream, piece);
    EXPECT_EQ(feed.messages, sent);
  }
}

TEST(FrameReader, PutsFragmentsTogetherWhereverTheyAreCut) {
  const Bytes payload = counting(80);
  for (std::ptrdiff_t first = 8; first < 80; first += 8) {
    for (std::ptrdiff_t second = first; second < 80; second += 8) {
      Bytes stream = fragment(Bytes(payload.begin(), payload.begin() + first), true);
      if (second > first) {
        stream = stream + fragment(Bytes(payload.begin() + first, payload.begin() + second), true);
      }
      stream = stream + fragment(Bytes(payload.begin() + second, payload.end()), false);
      stream = stream + framed(counting(16));
      for (const std::size_t piece : {std::size_t{1}, std::size_t{11}, SIZE_MAX}) {
        Feed feed;
        feed.write(stream, piece);
        EXPECT_EQ(feed.messages, (std::vector<Bytes>{payload, counting(16)}));
      }
    }
  }
}

TEST(FrameReader, ReturnsMessagesOfManySizesReadInPiecesOfManySizes) {
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937_64 random(seed);
    std::vector<Bytes> sent;
    Bytes stream;
    for (int i = 0; i < 60; ++i) {
      const std::size_t size_max = std::size_t{1} << (random() % 17);
      sent.push_back(counting(8 * (random() % size_max + 1)));
      append_frames(stream, sent.back());
    }
    Feed feed;
    std::span<const std::byte> left(stream);
    while (!left.empty()) {
      const std::size_t piece = std::min<std::size_t>(random() % 70'000 + 1, left.size());
      feed.write(left.first(piece));
      left = left.subspan(piece);
    }
    EXPECT_TRUE(feed.messages == sent);
  }
}

TEST(FrameReader, GivesTheMemoryOfLargeMessagesBack) {
  Feed feed;
  const std::size_t usual = feed.reader.prepare().size();
  EXPECT_LE(usual, 2 * kRoomMin);
  feed.write(framed(counting(200'000)));
  feed.write(framed(counting(3'000'000)));
  feed.write(framed(counting(8)));
  EXPECT_EQ(feed.messages.size(), 3u);
  EXPECT_EQ(feed.reader.prepare().size(), usual);
}

TEST(FrameReader, KeepsItsMemoryWhileLargeFramesFollowEachOther) {
  Feed feed;
  feed.write(framed(counting(200'000)));
  EXPECT_GT(feed.reader.prepare().size(), 200'000u);
}

TEST(FrameReader, MakesRoomForTheWholeFrameThatHasBegun) {
  FrameReader reader(kUnlimited);
  const Bytes stream = framed(counting(100'000));
  const auto room = reader.prepare();
  std::memcpy(room.data(), stream.data(), 16);
  reader.commit(16);
  EXPECT_FALSE(reader.next()->has_value());
  EXPECT_GE(reader.prepare().size(), stream.size() - 16);
}

TEST(FrameReader, ClaimsNoMemoryForAFrameThatItWillRefuse) {
  FrameReader reader(1024);
  const Bytes header = frame(100'000, {});
  std::memcpy(reader.prepare().data(), header.data(), header.size());
  reader.commit(header.size());
  EXPECT_LE(reader.prepare().size(), 2 * kRoomMin);
}

ErrorCode error_of(const Bytes& stream, std::size_t message_bytes_max = kUnlimited) {
  Feed feed(message_bytes_max);
  feed.write(stream);
  EXPECT_TRUE(feed.messages.empty());
  return feed.error;
}

TEST(FrameReader, RefusesHeadersThatAreNotOurs) {
  EXPECT_EQ(error_of(frame(8, counting(8), 0, 0xDA)), ErrorCode::kMalformedFrame);
  EXPECT_EQ(error_of(frame(8, counting(8), 2)), ErrorCode::kMalformedFrame);
  EXPECT_EQ(error_of(frame(8, counting(8), 0, 0xDB, 1)), ErrorCode::kMalformedFrame);
  EXPECT_EQ(error_of(frame(0, {})), ErrorCode::kMalformedFrame);
  EXPECT_EQ(error_of(frame(12, counting(12))), ErrorCode::kMalformedFrame);
  const std::string_view http = "GET / HTTP/1.1\r\n\r\n";
  const auto bytes = std::as_bytes(std::span(http));
  EXPECT_EQ(error_of(Bytes(bytes.begin(), bytes.end())), ErrorCode::kMalformedFrame);
}

TEST(FrameReader, RefusesFramesAboveTheLimit) {
  EXPECT_EQ(error_of(frame(kFramePayloadBytesMax + 8, {})), ErrorCode::kFrameTooLarge);
  EXPECT_EQ(error_of(frame(0xFFFFFFF8, {})), ErrorCode::kFrameTooLarge);
}

TEST(FrameReader, RefusesMessagesAboveTheLimitAtTheirHeader) {
  Feed feed(64);
  feed.write(framed(counting(64)));
  EXPECT_EQ(feed.messages.size(), 1u);
  EXPECT_EQ(error_of(frame(72, {}), 64), ErrorCode::kMessageTooLarge);
  EXPECT_EQ(error_of(fragment(counting(40), true) + frame(32, {}), 64),
            ErrorCode::kMessageTooLarge);
  EXPECT_EQ(error_of(fragment(counting(40), true) + frame(24, {}), 64), ErrorCode::kNone);
}

TEST(FrameReader, TakesANewLimitBetweenMessages) {
  Feed feed(64);
  feed.reader.set_message_bytes_max(128);
  feed.write(framed(counting(128)));
  EXPECT_EQ(feed.messages.size(), 1u);
  feed.reader.set_message_bytes_max(64);
  feed.write(framed(counting(128)));
  EXPECT_EQ(feed.error, ErrorCode::kMessageTooLarge);
}

TEST(FrameReader, GivesTheSameErrorFromThenOn) {
  Feed feed;
  feed.write(framed(counting(8)) + frame(12, counting(12)) + framed(counting(8)));
  EXPECT_EQ(feed.messages.size(), 1u);
  EXPECT_EQ(feed.error, ErrorCode::kMalformedFrame);
  for (int i = 0; i < 100; ++i) {
    feed.write(framed(counting(8'000)));
    EXPECT_EQ(code_of(feed.reader.next()), ErrorCode::kMalformedFrame);
  }
  EXPECT_EQ(feed.messages.size(), 1u);
  EXPECT_LE(feed.reader.prepare().size(), 2 * kRoomMin);  // and it keeps nothing of what follows
}

TEST(FrameReader, WithFlippedBitsGivesTypedErrors) {
  Bytes stream;
  for (std::uint64_t seed = 0; seed < 5; ++seed) {
    append_encoded(stream, RandomMessages(seed).client_message());
  }
  for (std::size_t bit = 0; bit < stream.size() * 8; ++bit) {
    Bytes flipped = stream;
    flipped[bit / 8] ^= std::byte{static_cast<std::uint8_t>(1 << bit % 8)};
    Feed feed(1 << 20);
    feed.write(flipped);
    EXPECT_TRUE(feed.error == ErrorCode::kNone || feed.error == ErrorCode::kMalformedFrame ||
                feed.error == ErrorCode::kFrameTooLarge ||
                feed.error == ErrorCode::kMessageTooLarge);
  }
}

}  // namespace
}  // namespace odb::wire
