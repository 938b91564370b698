#include "odb/core/utf8.h"

#include <gtest/gtest.h>

#include <string>

#include "support/random_value.h"

namespace odb {
namespace {

// The encoding of one code point, by the book; also of those that must not be encoded.
std::string encoded(char32_t c) {
  const auto byte = [](char32_t bits) {
    return static_cast<char>(static_cast<unsigned char>(bits));
  };
  if (c < 0x80) return {byte(c)};
  if (c < 0x800) return {byte(0xC0 | c >> 6), byte(0x80 | (c & 63))};
  if (c < 0x10000) return {byte(0xE0 | c >> 12), byte(0x80 | (c >> 6 & 63)), byte(0x80 | (c & 63))};
  return {byte(0xF0 | c >> 18), byte(0x80 | (c >> 12 & 63)), byte(0x80 | (c >> 6 & 63)),
          byte(0x80 | (c & 63))};
}

TEST(Utf8, AcceptsEveryCodePointButSurrogates) {
  for (char32_t c = 0; c < 0x110000; ++c) {
    const bool is_surrogate = c >= 0xD800 && c <= 0xDFFF;
    ASSERT_EQ(is_valid_utf8(encoded(c)), !is_surrogate) << std::hex << static_cast<unsigned>(c);
  }
}

TEST(Utf8, RefusesWhatLiesAboveTheLastCodePoint) {
  for (char32_t c = 0x110000; c < 0x200000; c += 0x11) ASSERT_FALSE(is_valid_utf8(encoded(c)));
  EXPECT_FALSE(is_valid_utf8("\xF5\x80\x80\x80"));
  EXPECT_FALSE(is_valid_utf8("\xFF"));
}

TEST(Utf8, RefusesOverlongForms) {
  for (const char* overlong : {"\xC0\x80", "\xC0\xAF", "\xC1\xBF", "\xE0\x80\xAF", "\xE0\x9F\xBF",
                               "\xF0\x80\x80\xAF", "\xF0\x8F\xBF\xBF"}) {
    EXPECT_FALSE(is_valid_utf8(overlong));
  }
}

TEST(Utf8, RefusesWhatIsCutOffAndLooseContinuations) {
  for (const std::string whole : {"\u00E9", "\u20AC", "\U0001F600"}) {
    for (std::size_t size = 1; size < whole.size(); ++size) {
      EXPECT_FALSE(is_valid_utf8(whole.substr(0, size)));
      EXPECT_FALSE(is_valid_utf8(whole.substr(0, size) + "abcdefgh"));
      EXPECT_FALSE(is_valid_utf8(whole.substr(size)));
    }
  }
}

TEST(Utf8, FindsABadByteAtEveryPosition) {
  for (std::size_t size = 1; size < 40; ++size) {
    for (std::size_t at = 0; at < size; ++at) {
      std::string text(size, 'a');
      EXPECT_TRUE(is_valid_utf8(text));
      text[at] = '\x80';
      EXPECT_FALSE(is_valid_utf8(text)) << at << " of " << size;
    }
  }
}

TEST(Utf8, AcceptsAnyMixOfCharacters) {
  const std::uint64_t seed = test::random_seed();
  SCOPED_TRACE("ODB_TEST_SEED=" + std::to_string(seed));
  test::Random random(seed);
  for (int i = 0; i < 1000; ++i) {
    std::string text;
    for (std::size_t n = test::below(random, 30); n > 0; --n) {
      text +=
          encoded(static_cast<char32_t>(test::below(random, 0xD800) >> test::below(random, 16)));
    }
    ASSERT_TRUE(is_valid_utf8(text));
  }
}

TEST(Utf8, PrefixKeepsCharactersWhole) {
  EXPECT_EQ(utf8_prefix("abc", 5), "abc");
  EXPECT_EQ(utf8_prefix("abc", 2), "ab");
  EXPECT_EQ(utf8_prefix("a\u20AC", 4), "a\u20AC");
  EXPECT_EQ(utf8_prefix("a\u20AC", 3), "a");
  EXPECT_EQ(utf8_prefix("a\u20AC", 1), "a");
  EXPECT_EQ(utf8_prefix("\U0001F600", 3), "");
}

}  // namespace
}  // namespace odb
