// Bytes that no honest peer sends: a typed error or a valid message, never a crash, and no more
// memory than the bytes are worth.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <random>

#include "schemas/message.capnp.h"
#include "wire/payload.h"
#include "wire/random_messages.h"
#include "wire/sample_messages.h"

namespace odb::wire {
namespace {

using testing::HasSubstr;

// Whatever decodes is a message as good as any: it can be encoded, and comes back equal.
void expect_typed_or_valid(const Bytes& payload, const ClientMessage*) {
  const auto message = decode_client(payload);
  if (message) {
    const auto again = decode_client(payload_of(*message));
    ASSERT_TRUE(again.has_value()) << again.error().message;
    ASSERT_TRUE(*again == *message);
  } else {
    ASSERT_TRUE(message.error().code == ErrorCode::kMalformedMessage ||
                message.error().code == ErrorCode::kMessageTooDeep);
    ASSERT_FALSE(message.error().message.empty());
  }
}
void expect_typed_or_valid(const Bytes& payload, const ServerMessage*) {
  const auto message = decode_server(payload);
  if (message) {
    const auto again = decode_server(payload_of(*message));
    ASSERT_TRUE(again.has_value()) << again.error().message;
    ASSERT_TRUE(*again == *message);
  } else {
    ASSERT_TRUE(message.error().code == ErrorCode::kMalformedMessage ||
                message.error().code == ErrorCode::kMessageTooDeep);
    ASSERT_FALSE(message.error().message.empty());
  }
}

template <class Message>
void truncate_everywhere(const Samples<Message>& samples) {
  for (const auto& [name, message] : samples) {
    SCOPED_TRACE(name);
    const Bytes payload = payload_of(message);
    for (std::size_t size = 0; size < payload.size(); ++size) {
      SCOPED_TRACE(size);
      const Bytes cut(payload.begin(), payload.begin() + static_cast<std::ptrdiff_t>(size));
      expect_typed_or_valid(cut, &message);
      if (testing::Test::HasFatalFailure()) return;
    }
  }
}

template <class Message>
void flip_every_bit(const Samples<Message>& samples) {
  for (const auto& [name, message] : samples) {
    SCOPED_TRACE(name);
    Bytes payload = payload_of(message);
    for (std::size_t bit = 0; bit < payload.size() * 8; ++bit) {
      SCOPED_TRACE(bit);
      const std::byte mask{static_cast<std::uint8_t>(1 << bit % 8)};
      payload[bit / 8] ^= mask;
      expect_typed_or_valid(payload, &message);
      if (testing::Test::HasFatalFailure()) return;
      payload[bit / 8] ^= mask;
    }
  }
}

template <class Message>
void flip_many_bits(const Samples<Message>& samples, int rounds) {
  for (const auto& [name, message] : samples) {
    SCOPED_TRACE(name);
    const Bytes original = payload_of(message);
    for (int seed = 0; seed < rounds; ++seed) {
      SCOPED_TRACE("seed " + std::to_string(seed));
      std::mt19937_64 random(static_cast<std::uint64_t>(seed));
      Bytes payload = original;
      for (std::uint64_t flips = random() % 8 + 2; flips > 0; --flips) {
        const std::size_t bit = random() % (payload.size() * 8);
        payload[bit / 8] ^= std::byte{static_cast<std::uint8_t>(1 << bit % 8)};
      }
      expect_typed_or_valid(payload, &message);
      if (testing::Test::HasFatalFailure()) return;
    }
  }
}

TEST(HostileMessage, TruncatedAnywhereIsRefusedOrValid) {
  truncate_everywhere(client_samples());
  truncate_everywhere(server_samples());
}

TEST(HostileMessage, WithAnyBitFlippedIsRefusedOrValid) {
  flip_every_bit(client_samples());
  flip_every_bit(server_samples());
}

TEST(HostileMessage, WithManyBitsFlippedIsRefusedOrValid) {
  flip_many_bits(client_samples(), 200);
  flip_many_bits(server_samples(), 200);
}

TEST(HostileMessage, OfNoiseIsRefusedOrValid) {
  for (std::uint64_t seed = 0; seed < 2000; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937_64 random(seed);
    Bytes payload(random() % 64 * 8);
    for (std::byte& byte : payload) byte = static_cast<std::byte>(random() & random());
    expect_typed_or_valid(payload, static_cast<const ClientMessage*>(nullptr));
    expect_typed_or_valid(payload, static_cast<const ServerMessage*>(nullptr));
  }
}

TEST(HostileMessage, WithoutARootIsMalformed) {
  EXPECT_EQ(code_of(decode_client({})), ErrorCode::kMalformedMessage);
  EXPECT_EQ(code_of(decode_client(Bytes(8))), ErrorCode::kMalformedMessage);
  EXPECT_EQ(code_of(decode_server(Bytes(16))), ErrorCode::kMalformedMessage);
}

TEST(HostileMessage, OfAnUnknownKindIsAnUnknownMessage) {
  for (const std::uint16_t kind : {std::uint16_t{16}, std::uint16_t{300}, std::uint16_t{65535}}) {
    const ClientMessage message = UnknownMessage{kind};
    const auto decoded = decode_client(payload_of(message));
    ASSERT_TRUE(decoded.has_value());
    EXPECT_TRUE(*decoded == message);
  }
  const ServerMessage message = UnknownMessage{20};
  EXPECT_TRUE(*decode_server(payload_of(message)) == message);
}

// An unknown kind as a newer peer sends it: with contents.
TEST(HostileMessage, OfAnUnknownKindMayHaveAnyContents) {
  Bytes payload = payload_of(client_samples().back().second);
  payload[8] = std::byte{99};
  const auto decoded = decode_client(payload);
  ASSERT_TRUE(decoded.has_value());
  EXPECT_TRUE(*decoded == ClientMessage(UnknownMessage{99}));
}

Value nested(int levels) {
  Value value = Value::integer(1);
  for (int i = 0; i < levels; ++i) value = Value::list({value});
  return value;
}
ClientMessage with_value(Value value) {
  return Subscribe{{1}, IndexInterest{{1}, {std::move(value)}}};
}

TEST(HostileMessage, MayNestValuesToTheLimitAndNotBeyond) {
  const ClientMessage at_limit = with_value(nested(kDepthMax));
  EXPECT_TRUE(*decode_client(payload_of(at_limit)) == at_limit);
  const auto decoded = decode_client(payload_of(with_value(nested(kDepthMax + 1))));
  ASSERT_EQ(code_of(decoded), ErrorCode::kMessageTooDeep);
  EXPECT_THAT(decoded.error().message, HasSubstr("values nested more than 64"));
}

TEST(HostileMessage, NestedFarBeyondTheLimitIsTooDeep) {
  for (const auto init : {&schema::Value::Builder::initList, &schema::Value::Builder::initDict}) {
    const auto decoded = decode_client(hand_made<schema::ClientMessage>([&](auto root) {
      auto value = root.initSubscribe().initInterest().initIndex().initKey(1)[0];
      for (int i = 0; i < 20'000; ++i) value = (value.*init)(2)[1];
    }));
    EXPECT_EQ(code_of(decoded), ErrorCode::kMessageTooDeep);
  }
}

TEST(HostileMessage, MayNestTypesToTheLimitAndNotBeyond) {
  const auto message = [](int levels) {
    Type type = Type::literal_of(nested(kDepthMax));
    for (int i = 0; i < levels; ++i) type = Type::list(std::move(type));
    return ClientMessage(DefineSchema{{1}, {"s", {{"t", {{"f", std::move(type)}}, {}}}}});
  };
  EXPECT_TRUE(*decode_client(payload_of(message(kDepthMax))) == message(kDepthMax));
  for (const int levels : {kDepthMax + 1, 200}) {
    EXPECT_EQ(code_of(decode_client(payload_of(message(levels)))), ErrorCode::kMessageTooDeep);
  }
}

TEST(HostileMessage, WithAPointerInACircleIsTooDeepOrMalformed) {
  Bytes payload = payload_of(with_value(Value::list({Value::list({Value::none()})})));
  // The last list pointer leads to the list that holds it.
  for (std::size_t at = payload.size() - 8; at > 0; at -= 8) {
    std::uint64_t word;
    std::memcpy(&word, payload.data() + at, 8);
    if ((word & 3) != 1) continue;
    const std::int32_t offset = -4;  // back to the tag of this value's own list
    word = (word & ~std::uint64_t{0xFFFFFFFF}) | static_cast<std::uint32_t>(offset) << 2 | 1;
    std::memcpy(payload.data() + at, &word, 8);
    const auto decoded = decode_client(payload);
    EXPECT_EQ(code_of(decoded), ErrorCode::kMessageTooDeep);
    return;
  }
  FAIL() << "no list found";
}

TEST(HostileMessage, WithAListOfNothingsIsMalformed) {
  for (const unsigned count : {1'000u, 100'000u, 500'000'000u}) {
    const auto decoded = decode_client(hand_made<schema::ClientMessage>([&](auto root) {
      auto commit = root.initCommit();
      commit.setSequence(1);
      capnp::AnyStruct::Builder(kj::mv(commit))
          .getPointerSection()[0]
          .initAsAnyList(capnp::ElementSize::VOID, count);
    }));
    EXPECT_EQ(code_of(decoded), ErrorCode::kMalformedMessage) << count;
  }
}

TEST(HostileMessage, WithAListOfEmptyStructsIsMalformed) {
  const auto decoded = decode_client(hand_made<schema::ClientMessage>([&](auto root) {
    auto types = root.initDefineSchema().initSchema();
    capnp::AnyStruct::Builder(kj::mv(types))
        .getPointerSection()[1]
        .initAsListOfAnyStruct(0, 0, 100'000);
  }));
  EXPECT_EQ(code_of(decoded), ErrorCode::kMalformedMessage);
}

// Within what may be traversed, because a long name makes the message large, yet 5 MB from 80 KB.
TEST(HostileMessage, WithMoreNothingsThanItsBytesAreWorthIsMalformed) {
  const auto decoded = decode_client(hand_made<schema::ClientMessage>([&](auto root) {
    auto types = root.initDefineSchema().initSchema().initTypes(1);
    types[0].initName(80'000);
    capnp::AnyStruct::Builder(types[0]).getPointerSection()[1].initAsAnyList(
        capnp::ElementSize::VOID, 25'000);
  }));
  ASSERT_EQ(code_of(decoded), ErrorCode::kMalformedMessage);
  EXPECT_THAT(decoded.error().message, HasSubstr("list of 25000 items"));
}

// 4,000 index reads whose keys are all the same 64 KB: 256 MB from 130 KB.
TEST(HostileMessage, WithManyPointersToTheSameBytesIsMalformed) {
  constexpr unsigned kReads = 4000;
  constexpr std::uint64_t kKeyBytes = 65536;
  Bytes payload = hand_made<schema::ClientMessage>([&](auto root) {
    auto commit = root.initCommit();
    commit.setSequence(1);
    auto reads = commit.initBroadReads().initIndexes(kReads);
    reads[kReads - 1].initKey(kKeyBytes);
  });
  const std::uint64_t upper = kKeyBytes << 3 | 2;  // a list of that many bytes
  for (std::size_t at = 0; at < payload.size(); at += 8) {
    std::uint64_t word;
    std::memcpy(&word, payload.data() + at, 8);
    if (word >> 32 != upper || (word & 3) != 1) continue;
    for (std::size_t i = 1; i < kReads; ++i) {
      const std::uint64_t copy = word + (i * 2 << 2);  // two words a read, further away
      std::memcpy(payload.data() + at - i * 16, &copy, 8);
    }
    const auto decoded = decode_client(payload);
    ASSERT_EQ(code_of(decoded), ErrorCode::kMalformedMessage);
    return;
  }
  FAIL() << "no key found";
}

TEST(HostileMessage, WithATokenOrProofOfAnotherLengthIsMalformed) {
  for (const unsigned size : {0u, 15u, 17u, 32u}) {
    const auto decoded = decode_client(hand_made<schema::ClientMessage>([&](auto root) {
      auto authenticate = root.initAuthenticate();
      authenticate.initToken(size);
      authenticate.initProof(32);
    }));
    ASSERT_EQ(code_of(decoded), ErrorCode::kMalformedMessage);
    EXPECT_THAT(decoded.error().message, HasSubstr("expected 16"));
  }
  EXPECT_EQ(code_of(decode_server(hand_made<schema::ServerMessage>(
                [&](auto root) { root.initAuthenticated().initProof(31); }))),
            ErrorCode::kMalformedMessage);
}

// Every union and enum of the schema, with a member of a newer schema.
template <class Builder>
void set_tag(Builder builder, std::size_t byte) {
  capnp::AnyStruct::Builder(kj::mv(builder)).getDataSection()[byte] = 250;
}

TEST(HostileMessage, WithAnUnknownUnionMemberOrEnumerantIsMalformed) {
  const auto client = [](auto fill) {
    return code_of(decode_client(hand_made<schema::ClientMessage>(fill)));
  };
  const auto server = [](auto fill) {
    return code_of(decode_server(hand_made<schema::ServerMessage>(fill)));
  };
  using C = schema::ClientMessage::Builder;
  using S = schema::ServerMessage::Builder;
  constexpr auto kMalformed = ErrorCode::kMalformedMessage;
  EXPECT_EQ(client([](C root) { set_tag(root.initSubscribe().initInterest(), 0); }), kMalformed);
  EXPECT_EQ(client([](C root) {
              set_tag(root.initSubscribe().initInterest().initIndex().initKey(1)[0], 0);
            }),
            kMalformed);
  const auto first_type = [](C root) {
    return root.initDefineSchema().initSchema().initTypes(1)[0];
  };
  EXPECT_EQ(client([&](C root) { set_tag(first_type(root).initFields(1)[0].initType(), 0); }),
            kMalformed);
  EXPECT_EQ(client([&](C root) { set_tag(first_type(root).initIndexes(1)[0], 0); }), kMalformed);
  EXPECT_EQ(server([](S root) { set_tag(root.initCommitDone(), 16); }), kMalformed);
  EXPECT_EQ(server([](S root) { set_tag(root.initCommitDone().initConflict().initKey(), 0); }),
            kMalformed);
  EXPECT_EQ(server([](S root) { set_tag(root.initRequestRefused(), 0); }), kMalformed);
}

TEST(HostileMessage, WithTypesThatLackPartsIsMalformed) {
  const auto code = [](auto fill) {
    return code_of(decode_client(hand_made<schema::ClientMessage>([&](auto root) {
      auto types = root.initDefineSchema().initSchema().initTypes(1);
      fill(types[0].initFields(1)[0].initType());
    })));
  };
  using T = schema::Type::Builder;
  EXPECT_EQ(code([](T type) { type.initList(1); }), ErrorCode::kNone);
  EXPECT_EQ(code([](T type) { type.initList(0); }), ErrorCode::kMalformedMessage);
  EXPECT_EQ(code([](T type) { type.initList(2); }), ErrorCode::kMalformedMessage);
  EXPECT_EQ(code([](T type) { type.initDict(1); }), ErrorCode::kMalformedMessage);
  EXPECT_EQ(code([](T type) { type.initStructure().initFields(1); }), ErrorCode::kMalformedMessage);
  EXPECT_EQ(code([](T type) { type.initVariant().initNames(1); }), ErrorCode::kMalformedMessage);
}

TEST(HostileMessage, WithADictKeyWithoutValueIsMalformed) {
  const auto decoded = decode_client(hand_made<schema::ClientMessage>([&](auto root) {
    root.initSubscribe().initInterest().initIndex().initKey(1)[0].initDict(3);
  }));
  EXPECT_EQ(code_of(decoded), ErrorCode::kMalformedMessage);
}

TEST(HostileMessage, WithAnIndexOverFieldsThatDoNotExistIsMalformed) {
  const auto decoded = decode_server(hand_made<schema::ServerMessage>([&](auto root) {
    auto types = root.initSchemaDefined().initTypes(1);
    types[0].initIndexes(1)[0].initFields(1);
  }));
  EXPECT_EQ(code_of(decoded), ErrorCode::kMalformedMessage);
}

TEST(HostileMessage, WithIdentitiesBeyond64BitsIsMalformed) {
  const auto code = [](std::uint64_t first, std::uint64_t count) {
    return code_of(decode_server(payload_of(ServerMessage(IdsGranted{{{first}, count}}))));
  };
  EXPECT_EQ(code(1, ~0ull), ErrorCode::kNone);
  EXPECT_EQ(code(0, 0), ErrorCode::kNone);
  EXPECT_EQ(code(2, ~0ull), ErrorCode::kMalformedMessage);
  EXPECT_EQ(code(0, 1), ErrorCode::kMalformedMessage);
}

}  // namespace
}  // namespace odb::wire
