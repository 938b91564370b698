#include "odb/core/key_codec.h"

#include <bit>
#include <cstdint>
#include <cstring>

#include "core/ordered_float.h"

namespace odb {
namespace {

// A value starts with its kind + 1, so that kEnd, which closes a sequence, sorts before any element
// and the shorter of two sequences comes first.
constexpr char kEnd = 0;

// Inside text and data a zero byte is written as {0, kEscaped}; {0, kTerminator} ends them. As
// kTerminator < kEscaped, text sorts before itself with a zero byte appended.
constexpr char kTerminator = 1;
constexpr char kEscaped = '\xFF';

constexpr std::size_t kNumberBytesMax = 9;

char to_char(std::uint64_t byte) { return static_cast<char>(static_cast<unsigned char>(byte)); }

// Writes the low `count` bytes of `bits`, the most significant first.
char* put_bytes(char* out, std::uint64_t bits, int count) {
  for (int shift = (count - 1) * 8; shift >= 0; shift -= 8) *out++ = to_char(bits >> shift);
  return out;
}

int bytes_needed(std::uint64_t bits) { return (std::bit_width(bits) + 7) / 8; }

// The count of bytes, then the bytes: small numbers take few.
char* put_unsigned(char* out, std::uint64_t value) {
  const int count = bytes_needed(value);
  *out++ = to_char(static_cast<std::uint64_t>(count));
  return put_bytes(out, value, count);
}

// As put_unsigned around a middle: 0x80 + count for what is not negative; 0x7F - count for what is,
// where fewer bytes mean a larger number.
char* put_signed(char* out, std::int64_t value) {
  const auto bits = static_cast<std::uint64_t>(value);
  const int count = bytes_needed(value < 0 ? ~bits : bits);
  *out++ = to_char(static_cast<std::uint64_t>(value < 0 ? 0x7F - count : 0x80 + count));
  return put_bytes(out, bits, count);
}

void append_escaped(std::string& out, std::string_view bytes) {
  while (true) {
    const std::size_t zero = bytes.find('\0');
    if (zero == std::string_view::npos) break;
    out.append(bytes.substr(0, zero + 1));
    out.push_back(kEscaped);
    bytes.remove_prefix(zero + 1);
  }
  out.append(bytes);
  const char end[] = {0, kTerminator};
  out.append(end, sizeof end);
}

}  // namespace

void append_key(std::string& out, const Value& value) {
  char buffer[1 + 2 * kNumberBytesMax];
  char* at = buffer;
  *at++ = to_char(static_cast<std::uint64_t>(value.kind()) + 1);
  switch (value.kind()) {
    case ValueKind::kNone:
    case ValueKind::kNotLoaded:
      break;
    case ValueKind::kBool:
      *at++ = value.as_bool() ? 1 : 0;
      break;
    case ValueKind::kInt:
      at = put_signed(at, value.as_int());
      break;
    case ValueKind::kFloat:
      at = put_bytes(at, ordered_bits(value.as_float()), 8);
      break;
    case ValueKind::kTimestamp:
      at = put_signed(at, value.as_timestamp());
      break;
    case ValueKind::kReference:
      at = put_unsigned(at, value.object_type().value);
      at = put_unsigned(at, value.object().value);
      break;
    case ValueKind::kText:
    case ValueKind::kData:
      out.append(buffer, at);
      append_escaped(out, value.as_text());
      return;
    case ValueKind::kVariant:
      at = put_unsigned(at, value.alternative());
      [[fallthrough]];
    case ValueKind::kList:
    case ValueKind::kTuple:
    case ValueKind::kDict:
    case ValueKind::kStruct:
      out.append(buffer, at);
      for (const Value& element : value.elements()) append_key(out, element);
      out.push_back(kEnd);
      return;
  }
  out.append(buffer, at);
}

std::string encode_key(std::span<const Value> parts) {
  std::string out;
  for (const Value& part : parts) append_key(out, part);
  return out;
}

std::string key_after(std::string prefix) {
  while (!prefix.empty() && prefix.back() == '\xFF') prefix.pop_back();
  if (prefix.empty()) return "\xFF";  // every encoding begins with a smaller byte
  prefix.back() = static_cast<char>(prefix.back() + 1);
  return prefix;
}

}  // namespace odb
