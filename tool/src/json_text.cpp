#include "odb/tool/json_text.h"

#include <array>
#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>

namespace odb::tool {

namespace {

constexpr std::string_view kBase64 =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::int64_t kDaySeconds = 86'400;

constexpr std::array<std::uint8_t, 256> make_base64_values() {
  std::array<std::uint8_t, 256> values{};
  for (std::uint8_t& value : values) value = 0xFF;
  for (std::size_t i = 0; i < kBase64.size(); ++i) {
    values[static_cast<unsigned char>(kBase64[i])] = static_cast<std::uint8_t>(i);
  }
  return values;
}
constexpr std::array<std::uint8_t, 256> kBase64Values = make_base64_values();

bool needs_escape(char c) {
  return static_cast<unsigned char>(c) < 0x20 || c == '"' || c == '\\' || c == 0x7F;
}

void append_escaped(std::string& out, char c) {
  switch (c) {
    case '"':
      out += "\\\"";
      return;
    case '\\':
      out += "\\\\";
      return;
    case '\n':
      out += "\\n";
      return;
    case '\r':
      out += "\\r";
      return;
    case '\t':
      out += "\\t";
      return;
    default: {
      constexpr std::string_view kHex = "0123456789abcdef";
      const auto byte = static_cast<unsigned char>(c);
      out += "\\u00";
      out += kHex[byte >> 4];
      out += kHex[byte & 15];
    }
  }
}

// A civil date from days since 1970-01-01 and back, after Howard Hinnant, "chrono-Compatible
// Low-Level Date Algorithms".
struct Date {
  std::int64_t year = 0;
  unsigned month = 0;
  unsigned day = 0;
};

Date date_of(std::int64_t days) {
  days += 719'468;
  const std::int64_t era = (days >= 0 ? days : days - 146'096) / 146'097;
  const auto of_era = static_cast<unsigned>(days - era * 146'097);
  const unsigned year_of_era = (of_era - of_era / 1460 + of_era / 36'524 - of_era / 146'096) / 365;
  const unsigned day_of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const unsigned shifted = (5 * day_of_year + 2) / 153;
  const unsigned month = shifted < 10 ? shifted + 3 : shifted - 9;
  return {static_cast<std::int64_t>(year_of_era) + era * 400 + (month <= 2 ? 1 : 0), month,
          day_of_year - (153 * shifted + 2) / 5 + 1};
}

std::int64_t days_of(const Date& date) {
  const std::int64_t year = date.year - (date.month <= 2 ? 1 : 0);
  const std::int64_t era = (year >= 0 ? year : year - 399) / 400;
  const auto year_of_era = static_cast<unsigned>(year - era * 400);
  const unsigned day_of_year =
      (153 * (date.month > 2 ? date.month - 3 : date.month + 9) + 2) / 5 + date.day - 1;
  const unsigned of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
  return era * 146'097 + static_cast<std::int64_t>(of_era) - 719'468;
}

void put_digits(char* at, int count, std::uint64_t number) {
  for (int i = count - 1; i >= 0; --i) {
    at[i] = static_cast<char>('0' + number % 10);
    number /= 10;
  }
}

// Exactly so many digits; nothing else counts as a number.
bool read_digits(std::string_view text, std::size_t at, std::size_t count, std::uint64_t& out) {
  out = 0;
  for (std::size_t i = at; i < at + count; ++i) {
    if (text[i] < '0' || text[i] > '9') return false;
    out = out * 10 + static_cast<std::uint64_t>(text[i] - '0');
  }
  return true;
}

// What stands where something else was expected.
std::string_view found_at(char c) {
  if (c == '\0') return "the end of the line";
  if (c == '"') return "a text";
  if (c == '[') return "a list";
  if (c == '{') return "an object";
  if (c == 'n') return "null";
  if (c == 't' || c == 'f') return "a bool";
  if (c == '-' || (c >= '0' && c <= '9')) return "a number";
  return "something else";
}

}  // namespace

// ---- writing ----

void append_text(std::string& out, std::string_view utf8) {
  out += '"';
  std::size_t from = 0;
  for (std::size_t i = 0; i < utf8.size(); ++i) {
    if (!needs_escape(utf8[i])) continue;
    out.append(utf8, from, i - from);
    append_escaped(out, utf8[i]);
    from = i + 1;
  }
  out.append(utf8, from);
  out += '"';
}

void append_base64(std::string& out, std::span<const std::byte> bytes) {
  out += '"';
  std::size_t i = 0;
  const auto at = [&](std::size_t place) {
    return place < bytes.size() ? std::to_integer<std::uint32_t>(bytes[place]) : 0u;
  };
  for (; i < bytes.size(); i += 3) {
    const std::uint32_t word = at(i) << 16 | at(i + 1) << 8 | at(i + 2);
    out += kBase64[word >> 18];
    out += kBase64[word >> 12 & 63];
    out += i + 1 < bytes.size() ? kBase64[word >> 6 & 63] : '=';
    out += i + 2 < bytes.size() ? kBase64[word & 63] : '=';
  }
  out += '"';
}

void append_integer(std::string& out, std::int64_t number) {
  std::array<char, 24> text;
  const auto [end, error] = std::to_chars(text.data(), text.data() + text.size(), number);
  out.append(text.data(), end);
}

void append_unsigned(std::string& out, std::uint64_t number) {
  std::array<char, 24> text;
  const auto [end, error] = std::to_chars(text.data(), text.data() + text.size(), number);
  out.append(text.data(), end);
}

void append_float(std::string& out, double number) {
  if (std::isnan(number)) {
    out += "\"nan\"";
    return;
  }
  if (std::isinf(number)) {
    out += number > 0 ? "\"inf\"" : "\"-inf\"";
    return;
  }
  std::array<char, 32> text;
  const auto [end, error] = std::to_chars(text.data(), text.data() + text.size(), number);
  const std::string_view written(text.data(), static_cast<std::size_t>(end - text.data()));
  out += written;
  if (written.find_first_of(".e") == std::string_view::npos) out += ".0";
}

void append_timestamp(std::string& out, std::int64_t nanoseconds_utc) {
  std::int64_t seconds = nanoseconds_utc / kSecond;
  std::int64_t nanoseconds = nanoseconds_utc % kSecond;
  if (nanoseconds < 0) {
    nanoseconds += kSecond;
    --seconds;
  }
  std::int64_t days = seconds / kDaySeconds;
  std::int64_t of_day = seconds % kDaySeconds;
  if (of_day < 0) {
    of_day += kDaySeconds;
    --days;
  }
  const Date date = date_of(days);
  char text[] = "\"0000-00-00T00:00:00.000000000Z\"";
  put_digits(text + 1, 4, static_cast<std::uint64_t>(date.year));
  put_digits(text + 6, 2, date.month);
  put_digits(text + 9, 2, date.day);
  put_digits(text + 12, 2, static_cast<std::uint64_t>(of_day / 3600));
  put_digits(text + 15, 2, static_cast<std::uint64_t>(of_day / 60 % 60));
  put_digits(text + 18, 2, static_cast<std::uint64_t>(of_day % 60));
  put_digits(text + 21, 9, static_cast<std::uint64_t>(nanoseconds));
  out.append(text, sizeof text - 1);
}

// ---- reading ----

bool JsonCursor::expected(std::string_view what) {
  if (has_failed()) return false;
  message_ = "expected ";
  message_ += what;
  message_ += ", found ";
  message_ += found_at(peek());
  message_ += " at character " + std::to_string(at_ - begin_ + 1);
  at_ = end_;
  return false;
}

bool JsonCursor::fail(std::string message) {
  if (!has_failed()) message_ = std::move(message);
  at_ = end_;
  return false;
}

bool JsonCursor::take_bool(bool& out) {
  out = skip("true");
  return out || skip("false") || expected("bool");
}

bool JsonCursor::take_integer(std::int64_t& out) {
  const auto [end, error] = std::from_chars(at_, end_, out);
  if (error == std::errc::result_out_of_range) {
    return fail("expected int, found a number beyond 64 bits at character " +
                std::to_string(at_ - begin_ + 1));
  }
  if (error != std::errc() || is_at_float()) return expected("int");
  at_ = end;
  return true;
}

bool JsonCursor::take_unsigned(std::uint64_t& out) {
  const auto [end, error] = std::from_chars(at_, end_, out);
  if (error != std::errc() || is_at_float()) return expected("a number of 64 bits");
  at_ = end;
  return true;
}

bool JsonCursor::is_at_float() const {
  for (const char* c = at_; c != end_; ++c) {
    if (*c == '.' || *c == 'e' || *c == 'E') return true;
    if ((*c < '0' || *c > '9') && *c != '-') return false;
  }
  return false;
}

bool JsonCursor::take_float(double& out) {
  if (peek() == '"') {
    if (skip("\"nan\"")) {
      out = std::numeric_limits<double>::quiet_NaN();
    } else if (skip("\"inf\"")) {
      out = std::numeric_limits<double>::infinity();
    } else if (skip("\"-inf\"")) {
      out = -std::numeric_limits<double>::infinity();
    } else {
      return expected("float");
    }
    return true;
  }
  const char c = peek();
  if (c != '-' && (c < '0' || c > '9')) return expected("float");
  const auto [end, error] = std::from_chars(at_, end_, out);
  if (error != std::errc() || !std::isfinite(out)) return expected("float");
  at_ = end;
  return true;
}

bool JsonCursor::take_text(std::string_view& out) {
  if (peek() != '"') return expected("text");
  const char* const begin = at_ + 1;
  const char* c = begin;
  while (c != end_ && !needs_escape(*c)) ++c;
  if (c != end_ && *c == '"') {
    out = {begin, static_cast<std::size_t>(c - begin)};
    at_ = c + 1;
    return true;
  }
  scratch_.assign(begin, c);
  at_ = c;
  for (;;) {
    if (at_ == end_) return expected("the end of a text");
    if (skip('"')) break;
    if (*at_ == '\\') {
      ++at_;
      if (!take_escape(scratch_)) return false;
    } else if (static_cast<unsigned char>(*at_) < 0x20) {
      return fail("a text holds a control character that is not escaped, at character " +
                  std::to_string(at_ - begin_ + 1));
    } else {
      scratch_ += *at_++;
    }
  }
  out = scratch_;
  return true;
}

bool JsonCursor::take_hex(std::uint32_t& out) {
  if (end_ - at_ < 4) return expected("four hexadecimal digits");
  const auto [end, error] = std::from_chars(at_, at_ + 4, out, 16);
  if (error != std::errc() || end != at_ + 4) return expected("four hexadecimal digits");
  at_ += 4;
  return true;
}

bool JsonCursor::take_escape(std::string& out) {
  constexpr std::string_view kNames = "\"\\/bfnrt";
  constexpr std::string_view kCharacters = "\"\\/\b\f\n\r\t";
  if (const std::size_t known = kNames.find(peek());
      peek() != '\0' && known != std::string_view::npos) {
    out += kCharacters[known];
    ++at_;
    return true;
  }
  if (!skip('u')) return expected("an escape of JSON");
  std::uint32_t point = 0;
  if (!take_hex(point)) return false;
  if (point >= 0xD800 && point < 0xDC00) {
    std::uint32_t low = 0;
    if (!take("\\u") || !take_hex(low)) return false;
    if (low < 0xDC00 || low > 0xDFFF) return expected("the second half of a surrogate pair");
    point = 0x10000 + ((point - 0xD800) << 10) + (low - 0xDC00);
  } else if (point >= 0xDC00 && point <= 0xDFFF) {
    return expected("the first half of a surrogate pair");
  }
  if (point < 0x80) {
    out += static_cast<char>(point);
  } else if (point < 0x800) {
    out += static_cast<char>(0xC0 | point >> 6);
    out += static_cast<char>(0x80 | (point & 63));
  } else if (point < 0x10000) {
    out += static_cast<char>(0xE0 | point >> 12);
    out += static_cast<char>(0x80 | (point >> 6 & 63));
    out += static_cast<char>(0x80 | (point & 63));
  } else {
    out += static_cast<char>(0xF0 | point >> 18);
    out += static_cast<char>(0x80 | (point >> 12 & 63));
    out += static_cast<char>(0x80 | (point >> 6 & 63));
    out += static_cast<char>(0x80 | (point & 63));
  }
  return true;
}

bool JsonCursor::take_data(std::string& out) {
  out.clear();
  std::string_view text;
  if (peek() != '"') return expected("data in base64");
  if (!take_text(text)) return false;
  const auto refuse = [&] { return fail("expected data in base64, found another text"); };
  if (text.size() % 4 != 0) return refuse();
  std::size_t padding = 0;
  while (padding < 2 && padding < text.size() && text[text.size() - 1 - padding] == '=') ++padding;
  out.reserve(text.size() / 4 * 3);
  for (std::size_t i = 0; i < text.size(); i += 4) {
    const bool is_last = i + 4 == text.size();
    std::uint32_t word = 0;
    for (std::size_t j = 0; j < 4; ++j) {
      const bool is_padding = is_last && j + padding >= 4;
      const std::uint8_t value =
          is_padding ? std::uint8_t{0} : kBase64Values[static_cast<unsigned char>(text[i + j])];
      if (value > 63) return refuse();
      word = word << 6 | value;
    }
    const std::size_t count = is_last ? 3 - padding : 3;
    const std::uint32_t rest = word & ((1u << (8 * (3 - count))) - 1);
    if (rest != 0) return refuse();
    for (std::size_t j = 0; j < count; ++j) out += static_cast<char>(word >> (16 - 8 * j));
  }
  return true;
}

bool JsonCursor::take_timestamp(std::int64_t& out) {
  constexpr std::string_view kForm = "0000-00-00T00:00:00.000000000Z";
  constexpr std::string_view kWhat = "timestamp like 2000-12-31T23:59:59.000000000Z";
  if (peek() != '"') return expected(kWhat);
  std::string_view text;
  if (!take_text(text)) return false;
  const auto refuse = [&] {
    return fail("expected a " + std::string(kWhat) + ", found another text");
  };
  if (text.size() != kForm.size()) return refuse();
  for (const std::size_t place : {4, 7, 10, 13, 16, 19, 29}) {
    if (text[place] != kForm[place]) return refuse();
  }
  std::uint64_t year, month, day, hour, minute, second, nanosecond;
  if (!read_digits(text, 0, 4, year) || !read_digits(text, 5, 2, month) ||
      !read_digits(text, 8, 2, day) || !read_digits(text, 11, 2, hour) ||
      !read_digits(text, 14, 2, minute) || !read_digits(text, 17, 2, second) ||
      !read_digits(text, 20, 9, nanosecond) || month < 1 || month > 12 || day < 1 || day > 31 ||
      hour > 23 || minute > 59 || second > 59) {
    return refuse();
  }
  const std::int64_t days = days_of(
      {static_cast<std::int64_t>(year), static_cast<unsigned>(month), static_cast<unsigned>(day)});
  if (date_of(days).day != day) return refuse();  // a day that the month does not have
  std::int64_t seconds =
      days * kDaySeconds + static_cast<std::int64_t>(hour * 3600 + minute * 60 + second);
  // Near the beginning of time the seconds alone do not fit, though the sum does.
  auto left = static_cast<std::int64_t>(nanosecond);
  if (seconds < 0 && left > 0) {
    ++seconds;
    left -= kSecond;
  }
  if (__builtin_mul_overflow(seconds, kSecond, &out) || __builtin_add_overflow(out, left, &out)) {
    return refuse();
  }
  return true;
}

}  // namespace odb::tool
