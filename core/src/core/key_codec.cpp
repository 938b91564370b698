#include "odb/core/key_codec.h"

#include <bit>
#include <cstdint>
#include <cstring>
#include <utility>

#include "core/ordered_float.h"
#include "odb/core/type.h"

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

// Takes a key apart. What is missing or out of place makes it fail, and stay so.
class KeyReader {
 public:
  explicit KeyReader(std::string_view bytes) : bytes_(bytes) {}

  bool has_failed() const { return failed_; }
  bool is_at_end() const { return bytes_.empty(); }

  Value value(int depth = 0) {
    const unsigned tag = byte();
    if (failed_ || tag == 0 || depth > kDepthMax) return fail();
    const auto kind = static_cast<ValueKind>(tag - 1);
    switch (kind) {
      case ValueKind::kNone:
        return Value::none();
      case ValueKind::kBool:
        return Value::boolean(byte() != 0);
      case ValueKind::kInt:
        return Value::integer(signed_number());
      case ValueKind::kFloat:
        return Value::real(from_ordered_bits(number(8)));
      case ValueKind::kTimestamp:
        return Value::timestamp(signed_number());
      case ValueKind::kReference: {
        const TypeId type{static_cast<std::uint32_t>(number(byte()))};
        return Value::reference(type, ObjectId{number(byte())});
      }
      case ValueKind::kText:
        return Value::text(unescaped());
      case ValueKind::kData: {
        const std::string bytes = unescaped();
        return Value::data(std::as_bytes(std::span(bytes)));
      }
      case ValueKind::kList:
        return Value::list(elements(depth));
      case ValueKind::kTuple:
        return Value::tuple(elements(depth));
      case ValueKind::kStruct:
        return Value::structure(elements(depth));
      case ValueKind::kVariant: {
        const auto alternative = static_cast<std::uint32_t>(number(byte()));
        return Value::variant(alternative, elements(depth));
      }
      case ValueKind::kDict: {
        const std::vector<Value> flat = elements(depth);
        std::vector<std::pair<Value, Value>> entries;
        if (flat.size() % 2 != 0) return fail();
        for (std::size_t i = 0; i < flat.size(); i += 2) entries.emplace_back(flat[i], flat[i + 1]);
        return Value::dict(std::move(entries));
      }
      case ValueKind::kNotLoaded:
        break;
    }
    return fail();
  }

 private:
  Value fail() {
    failed_ = true;
    bytes_ = {};
    return Value::none();
  }
  unsigned byte() {
    if (bytes_.empty()) {
      fail();
      return 0;
    }
    const auto first = static_cast<unsigned char>(bytes_.front());
    bytes_.remove_prefix(1);
    return first;
  }
  std::uint64_t number(unsigned count, std::uint64_t start = 0) {
    if (count > 8) fail();
    for (unsigned i = 0; i < count && !failed_; ++i) start = start << 8 | byte();
    return start;
  }
  std::int64_t signed_number() {
    const unsigned middle = byte();
    const bool is_negative = middle < 0x80;
    return static_cast<std::int64_t>(is_negative ? number(0x7F - middle, ~std::uint64_t{0})
                                                 : number(middle - 0x80));
  }
  std::string unescaped() {
    std::string out;
    while (!failed_) {
      const unsigned next = byte();
      if (next != 0) {
        out.push_back(to_char(next));
        continue;
      }
      const char after = to_char(byte());
      if (after == kTerminator) break;
      if (after != kEscaped) fail();
      out.push_back(0);
    }
    return out;
  }
  std::vector<Value> elements(int depth) {
    std::vector<Value> out;
    while (!failed_ && (bytes_.empty() || bytes_.front() != kEnd)) out.push_back(value(depth + 1));
    byte();  // kEnd
    return out;
  }

  std::string_view bytes_;
  bool failed_ = false;
};

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

Result<std::vector<Value>> decode_key(std::string_view key) {
  KeyReader reader(key);
  std::vector<Value> parts;
  while (!reader.is_at_end()) parts.push_back(reader.value());
  if (reader.has_failed()) return Error{ErrorCode::kMalformedMessage, "this is no key of an index"};
  return parts;
}

std::string key_after(std::string prefix) {
  while (!prefix.empty() && prefix.back() == '\xFF') prefix.pop_back();
  if (prefix.empty()) return "\xFF";  // every encoding begins with a smaller byte
  prefix.back() = static_cast<char>(prefix.back() + 1);
  return prefix;
}

}  // namespace odb
