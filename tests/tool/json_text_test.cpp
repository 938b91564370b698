#include "odb/tool/json_text.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

namespace odb::tool {
namespace {

template <class T, class Append, class Take>
void expect_round_trip(const std::vector<T>& values, Append append, Take take) {
  for (const T& value : values) {
    std::string text;
    append(text, value);
    JsonCursor in(text);
    T found{};
    ASSERT_TRUE(take(in, found)) << text << ": " << in.message();
    EXPECT_TRUE(in.at_end()) << text;
    EXPECT_EQ(found, value) << text;
  }
}

TEST(JsonText, KeepsEveryInteger) {
  expect_round_trip<std::int64_t>(
      {0, -1, 1, (std::int64_t{1} << 53) + 1, std::numeric_limits<std::int64_t>::min(),
       std::numeric_limits<std::int64_t>::max()},
      append_integer, [](JsonCursor& in, std::int64_t& out) { return in.take_integer(out); });
}

TEST(JsonText, KeepsEveryFiniteFloatAndNeverLooksLikeAnInteger) {
  const std::vector<double> values = {0.0,   1.0,
                                      0.1,   -2.5e-300,
                                      1e300, std::numeric_limits<double>::denorm_min(),
                                      3.0,   std::numeric_limits<double>::max()};
  expect_round_trip<double>(values, append_float,
                            [](JsonCursor& in, double& out) { return in.take_float(out); });
  for (const double value : values) {
    std::string text;
    append_float(text, value);
    EXPECT_TRUE(JsonCursor(text).is_at_float()) << text;
  }
}

TEST(JsonText, KeepsTheSignOfZeroAndWhatIsNoNumber) {
  for (const double value :
       {-0.0, std::numeric_limits<double>::infinity(), -std::numeric_limits<double>::infinity()}) {
    std::string text;
    append_float(text, value);
    JsonCursor in(text);
    double found = 1;
    ASSERT_TRUE(in.take_float(found)) << text;
    EXPECT_EQ(found, value);
    EXPECT_EQ(std::signbit(found), std::signbit(value)) << text;
  }
  std::string text;
  append_float(text, std::nan(""));
  JsonCursor in(text);
  double found = 1;
  ASSERT_TRUE(in.take_float(found));
  EXPECT_TRUE(std::isnan(found));
}

TEST(JsonText, KeepsEveryTimestamp) {
  expect_round_trip<std::int64_t>(
      {0, 1, -1, 1'000'000'000, -1'000'000'001, 951'782'400'123'456'789,
       std::numeric_limits<std::int64_t>::min(), std::numeric_limits<std::int64_t>::max()},
      append_timestamp, [](JsonCursor& in, std::int64_t& out) { return in.take_timestamp(out); });
  std::string text;
  append_timestamp(text, 951'782'400'000'000'001);
  EXPECT_EQ(text, "\"2000-02-29T00:00:00.000000001Z\"");
}

TEST(JsonText, KeepsTextsWithAnything) {
  for (const std::string& value :
       {std::string(), std::string("plain"), std::string("a \"quoted\" \\ line\n\t\x01\x7F end"),
        std::string("a\0b", 3), std::string("Gr\xC3\xBC\xC3\x9F \xF0\x9F\x98\x80")}) {
    std::string text;
    append_text(text, value);
    EXPECT_EQ(text.find('\n'), std::string::npos);
    JsonCursor in(text);
    std::string_view found;
    ASSERT_TRUE(in.take_text(found)) << in.message();
    EXPECT_EQ(found, value);
  }
}

TEST(JsonText, ReadsEscapesThatOthersWrite) {
  JsonCursor in(R"("\u00fc\ud83d\ude00\/\b")");
  std::string_view found;
  ASSERT_TRUE(in.take_text(found)) << in.message();
  EXPECT_EQ(found, "\xC3\xBC\xF0\x9F\x98\x80/\b");
}

TEST(JsonText, KeepsDataOfAnySize) {
  for (std::size_t size = 0; size < 70; ++size) {
    std::string bytes;
    for (std::size_t i = 0; i < size; ++i) bytes += static_cast<char>(i * 37 + 200);
    std::string text;
    append_base64(text, std::as_bytes(std::span(bytes)));
    JsonCursor in(text);
    std::string found;
    ASSERT_TRUE(in.take_data(found)) << text;
    EXPECT_EQ(found, bytes);
  }
}

template <class T, class Take>
void expect_refused(const std::vector<std::string>& texts, Take take) {
  for (const std::string& text : texts) {
    JsonCursor in(text);
    T found{};
    EXPECT_FALSE(take(in, found) && in.take_end()) << text;
    EXPECT_NE(in.message().find("expected"), std::string::npos) << text << ": " << in.message();
  }
}

TEST(JsonText, RefusesWhatIsNone) {
  expect_refused<std::int64_t>(
      {"", "1.0", "1e3", "\"1\"", "9223372036854775808", "null", "1 "},
      [](JsonCursor& in, std::int64_t& out) { return in.take_integer(out); });
  expect_refused<double>({"", "inf", "\"NaN\"", "1e999", "true", "."},
                         [](JsonCursor& in, double& out) { return in.take_float(out); });
  expect_refused<std::string>(
      {"\"A\"", "\"AAA\"", "\"AA=A\"", "\"AB==\"", "\"A A=\"", "3", "\"AAA"},
      [](JsonCursor& in, std::string& out) { return in.take_data(out); });
  expect_refused<std::int64_t>(
      {"\"2001-02-29T00:00:00.000000000Z\"", "\"2000-02-29 00:00:00.000000000Z\"",
       "\"2000-13-01T00:00:00.000000000Z\"", "\"2000-01-01T24:00:00.000000000Z\"",
       "\"9999-01-01T00:00:00.000000000Z\"", "\"2000-01-01T00:00:00Z\"", "12"},
      [](JsonCursor& in, std::int64_t& out) { return in.take_timestamp(out); });
  expect_refused<std::string_view>(
      {"\"open", R"("\x")", R"("\ud800")", R"("\ud800\u0041")", R"("\udc00")", R"("\u12")", "x"},
      [](JsonCursor& in, std::string_view& out) { return in.take_text(out); });
}

TEST(JsonText, SaysWhereItExpectedWhat) {
  JsonCursor in("{\"id\":\"x\"}");
  std::uint64_t number = 0;
  EXPECT_TRUE(in.take("{\"id\":"));
  EXPECT_FALSE(in.take_unsigned(number));
  EXPECT_EQ(in.message(), "expected a number of 64 bits, found a text at character 7");
  EXPECT_FALSE(in.take('}'));
  EXPECT_EQ(in.message(), "expected a number of 64 bits, found a text at character 7");
}

}  // namespace
}  // namespace odb::tool
