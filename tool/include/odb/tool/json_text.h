// JSON as the tool writes it: without spaces, on one line. Made for millions of lines.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "odb/core/error.h"

namespace odb::tool {

// Each appends one JSON value. Text must be valid UTF-8.
void append_text(std::string& out, std::string_view utf8);
void append_base64(std::string& out, std::span<const std::byte> bytes);  // as a text
void append_integer(std::string& out, std::int64_t number);
void append_unsigned(std::string& out, std::uint64_t number);
// The shortest that parses to the same number, never looking like an integer; what JSON has no
// number for is one of the texts "nan", "inf" and "-inf".
void append_float(std::string& out, double number);
// RFC 3339, in UTC, to the nanosecond: "1970-01-01T00:00:00.000000000Z".
void append_timestamp(std::string& out, std::int64_t nanoseconds_utc);

// Reads one line from the left. Each take_...() either takes what it names and returns true, or
// notes what it expected and what stands there instead, once, and returns false; from then on
// nothing can be taken. Spaces are refused: nothing writes them.
class JsonCursor {
 public:
  explicit JsonCursor(std::string_view line)
      : begin_(line.data()), at_(line.data()), end_(line.data() + line.size()) {}

  // The next character; 0 at the end.
  char peek() const { return at_ == end_ ? '\0' : *at_; }
  bool at_end() const { return at_ == end_; }

  // Nothing is noted when it does not stand there.
  bool skip(char c) {
    if (at_ == end_ || *at_ != c) return false;
    ++at_;
    return true;
  }
  bool skip(std::string_view word) {
    if (!std::string_view(at_, static_cast<std::size_t>(end_ - at_)).starts_with(word)) {
      return false;
    }
    at_ += word.size();
    return true;
  }

  bool take(char c) { return skip(c) || expected_word(std::string_view(&c, 1)); }
  bool take(std::string_view word) { return skip(word) || expected_word(word); }
  bool take_bool(bool& out);
  bool take_integer(std::int64_t& out);
  bool take_unsigned(std::uint64_t& out);
  bool take_float(double& out);
  // Valid until the next call, or as long as the line when it has no escapes. Not checked to be
  // UTF-8.
  bool take_text(std::string_view& out);
  bool take_data(std::string& out);
  bool take_timestamp(std::int64_t& out);
  bool take_end() { return at_end() || expected("the end of the line"); }
  // Whether a number stands here that has a fraction or an exponent.
  bool is_at_float() const;

  // Notes it; false.
  bool expected(std::string_view what);
  bool fail(std::string message);
  bool has_failed() const { return !message_.empty(); }
  // "expected int, found text at character 17"
  const std::string& message() const { return message_; }

 private:
  bool expected_word(std::string_view word) { return expected("'" + std::string(word) + "'"); }
  bool take_escape(std::string& out);
  bool take_hex(std::uint32_t& out);

  const char* begin_;
  const char* at_;
  const char* end_;
  std::string scratch_;
  std::string message_;
};

}  // namespace odb::tool
