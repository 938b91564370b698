#include "odb/core/key_codec.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "support/random_value.h"

namespace odb {
namespace {

std::string key(const Value& value) {
  std::string out;
  append_key(out, value);
  return out;
}

std::string hex(std::string_view bytes) {
  std::string out;
  for (const char c : bytes) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    out += kDigits[static_cast<unsigned char>(c) >> 4];
    out += kDigits[static_cast<unsigned char>(c) & 15];
  }
  return out;
}

// The order of keys: memcmp, shorter first.
std::strong_ordering order(std::string_view a, std::string_view b) { return a.compare(b) <=> 0; }

// Keys may lie on disk: these bytes never change.
TEST(KeyCodec, HasGoldenBytes) {
  EXPECT_EQ(hex(key(Value::none())), "01");
  EXPECT_EQ(hex(key(Value::boolean(false))), "0200");
  EXPECT_EQ(hex(key(Value::boolean(true))), "0201");
  EXPECT_EQ(hex(key(Value::integer(0))), "0380");
  EXPECT_EQ(hex(key(Value::integer(255))), "0381ff");
  EXPECT_EQ(hex(key(Value::integer(256))), "03820100");
  EXPECT_EQ(hex(key(Value::integer(-1))), "037f");
  EXPECT_EQ(hex(key(Value::integer(-2))), "037efe");
  EXPECT_EQ(hex(key(Value::integer(-257))), "037dfeff");
  EXPECT_EQ(hex(key(Value::integer(INT64_MIN))), "03778000000000000000");
  EXPECT_EQ(hex(key(Value::integer(INT64_MAX))), "03887fffffffffffffff");
  EXPECT_EQ(hex(key(Value::real(0))), "048000000000000000");
  EXPECT_EQ(hex(key(Value::real(1))), "04bff0000000000000");
  EXPECT_EQ(hex(key(Value::real(-1))), "04400fffffffffffff");
  EXPECT_EQ(hex(key(Value::text("ab"))), "0561620001");
  EXPECT_EQ(hex(key(Value::text(std::string_view("\0a", 2)))), "0500ff610001");
  EXPECT_EQ(hex(key(Value::data({}))), "060001");
  EXPECT_EQ(hex(key(Value::timestamp(1))), "078101");
  EXPECT_EQ(hex(key(Value::reference(TypeId{1}, ObjectId{258}))), "080101020102");
  EXPECT_EQ(hex(key(Value::list({Value::none()}))), "090100");
  EXPECT_EQ(hex(key(Value::tuple({}))), "0a00");
  EXPECT_EQ(hex(key(Value::dict({{Value::none(), Value::integer(0)}}))), "0b01038000");
  EXPECT_EQ(hex(key(Value::structure({Value::none()}))), "0c0100");
  EXPECT_EQ(hex(key(Value::variant(2, {Value::none()}))), "0d01020100");
}

TEST(KeyCodec, DecodesWhatItEncoded) {
  const std::uint64_t seed = test::random_seed();
  SCOPED_TRACE("ODB_TEST_SEED=" + std::to_string(seed));
  test::Random random(seed);
  for (int round = 0; round < 5000; ++round) {
    std::vector<Value> parts;
    const std::size_t count = 1 + test::below(random, 3);
    for (std::size_t i = 0; i < count; ++i) parts.push_back(test::random_value(random, 3));
    const std::string encoded = encode_key(parts);
    const auto decoded = decode_key(encoded);
    ASSERT_TRUE(decoded.has_value()) << hex(encoded);
    ASSERT_EQ(*decoded, parts) << hex(encoded);
    // No part of it but whole values is a key.
    const std::string_view cut = std::string_view(encoded).substr(0, encoded.size() - 1);
    const auto shorter = decode_key(cut);
    ASSERT_TRUE(!shorter || shorter->size() < parts.size()) << hex(encoded);
  }
  EXPECT_EQ(decode_key("")->size(), 0u);
  for (const char* malformed : {"\x0f", "\x03\xff",
                                "\x05"
                                "ab",
                                "\x09\x01"}) {
    EXPECT_FALSE(decode_key(malformed).has_value()) << malformed;
  }
}

TEST(KeyCodec, OrdersAsTheValuesDoAndIsPrefixFree) {
  const std::uint64_t seed = test::random_seed();
  SCOPED_TRACE("ODB_TEST_SEED=" + std::to_string(seed));
  test::Random random(seed);
  std::vector<std::pair<Value, std::string>> values;
  for (int i = 0; i < 600; ++i) {
    Value value = test::random_value(random);
    std::string encoding = key(value);
    values.emplace_back(std::move(value), std::move(encoding));
  }
  for (const auto& [a, key_a] : values) {
    for (const auto& [b, key_b] : values) {
      ASSERT_EQ(order(key_a, key_b), a <=> b) << to_string(a) << " and " << to_string(b);
      if (a != b) {
        ASSERT_FALSE(key_a.starts_with(key_b)) << to_string(a) << " and " << to_string(b);
      }
    }
  }
}

TEST(KeyCodec, OrdersNeighbouringNumbers) {
  const std::uint64_t seed = test::random_seed();
  SCOPED_TRACE("ODB_TEST_SEED=" + std::to_string(seed));
  test::Random random(seed);
  for (int i = 0; i < 10000; ++i) {
    const std::int64_t number = test::random_integer(random);
    if (number == INT64_MAX) continue;
    ASSERT_LT(key(Value::integer(number)), key(Value::integer(number + 1))) << number;
    ASSERT_LT(key(Value::timestamp(number)), key(Value::timestamp(number + 1))) << number;
  }
}

TEST(KeyCodec, EqualValuesHaveOneEncoding) {
  EXPECT_EQ(key(Value::real(0.0)), key(Value::real(-0.0)));
  EXPECT_EQ(key(Value::real(std::nan("1"))), key(Value::real(-std::nan("2"))));
}

TEST(KeyCodec, CompoundKeyIsTheConcatenationOfItsParts) {
  const std::vector<Value> parts = {Value::text("open"), Value::integer(3)};
  EXPECT_EQ(encode_key(parts), key(parts[0]) + key(parts[1]));
  EXPECT_EQ(encode_key({}), "");
}

TEST(KeyCodec, CompoundKeysOrderPartByPart) {
  const std::uint64_t seed = test::random_seed();
  SCOPED_TRACE("ODB_TEST_SEED=" + std::to_string(seed));
  test::Random random(seed);
  for (int i = 0; i < 20000; ++i) {
    std::vector<Value> a = {test::random_value(random, 1), test::random_value(random, 1)};
    std::vector<Value> b = {test::random_value(random, 1), test::random_value(random, 1)};
    if (test::below(random, 2) == 0) b[0] = a[0];
    const auto expected =
        std::lexicographical_compare_three_way(a.begin(), a.end(), b.begin(), b.end());
    ASSERT_EQ(order(encode_key(a), encode_key(b)), expected);
    const bool shares_prefix = encode_key(b).starts_with(key(a[0]));
    ASSERT_EQ(shares_prefix, a[0] == b[0]);
  }
}

TEST(KeyCodec, AppendsToWhatIsThere) {
  std::string out = "x";
  append_key(out, Value::none());
  EXPECT_EQ(out, "x\x01");
}

}  // namespace
}  // namespace odb
