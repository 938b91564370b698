// Values as people read them.
#include <charconv>

#include "odb/core/utf8.h"
#include "odb/core/value.h"

namespace odb {
namespace {

// Appends until the text is longer than it may become; the caller shortens it.
class Printer {
 public:
  explicit Printer(std::size_t bytes_max) : bytes_max_(bytes_max) {}

  void print(const Value& value) {
    if (full()) return;
    switch (value.kind()) {
      case ValueKind::kNone:
        out_ += "none";
        return;
      case ValueKind::kBool:
        out_ += value.as_bool() ? "true" : "false";
        return;
      case ValueKind::kInt:
        number(value.as_int());
        return;
      case ValueKind::kFloat:
        number(value.as_float());
        return;
      case ValueKind::kText:
        text(value.as_text());
        return;
      case ValueKind::kData:
        data(value.as_data());
        return;
      case ValueKind::kTimestamp:
        out_ += "timestamp ";
        number(value.as_timestamp());
        return;
      case ValueKind::kReference:
        out_ += "object ";
        number(value.object().value);
        out_ += " of type ";
        number(value.object_type().value);
        return;
      case ValueKind::kList:
        sequence("[", value.elements(), "]");
        return;
      case ValueKind::kTuple:
        sequence("(", value.elements(), ")");
        return;
      case ValueKind::kDict:
        dict(value.elements());
        return;
      case ValueKind::kStruct:
        sequence("struct(", value.elements(), ")");
        return;
      case ValueKind::kVariant:
        out_ += "alternative ";
        number(value.alternative());
        sequence("(", value.elements(), ")");
        return;
      case ValueKind::kNotLoaded:
        out_ += "not loaded";
        return;
    }
  }

  std::string take() && {
    constexpr std::string_view kCut = "...";
    if (!full()) return std::move(out_);
    const std::size_t kept = bytes_max_ < kCut.size() ? 0 : bytes_max_ - kCut.size();
    return std::string(utf8_prefix(out_, kept)) + std::string(kCut.substr(0, bytes_max_));
  }

 private:
  bool full() const { return out_.size() > bytes_max_; }

  template <class Number>
  void number(Number value) {
    char digits[40];
    const auto result = std::to_chars(digits, digits + sizeof digits, value);
    out_.append(digits, result.ptr);
  }

  void hex(unsigned char byte) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    out_ += "\\x";
    out_ += kDigits[byte >> 4];
    out_ += kDigits[byte & 15];
  }

  void text(std::string_view text) {
    const bool valid = is_valid_utf8(text);
    out_ += '"';
    for (std::size_t i = 0; i < text.size() && !full(); ++i) {
      const auto byte = static_cast<unsigned char>(text[i]);
      if (byte == '"' || byte == '\\') out_ += '\\';
      if (byte < 0x20 || byte == 0x7F || (byte > 0x7F && !valid)) {
        hex(byte);
      } else {
        out_ += text[i];
      }
    }
    out_ += '"';
  }

  void data(std::span<const std::byte> data) {
    out_ += "data \"";
    for (std::size_t i = 0; i < data.size() && !full(); ++i)
      hex(std::to_integer<unsigned char>(data[i]));
    out_ += '"';
  }

  void sequence(std::string_view open, std::span<const Value> values, std::string_view close) {
    out_ += open;
    for (std::size_t i = 0; i < values.size() && !full(); ++i) {
      if (i != 0) out_ += ", ";
      print(values[i]);
    }
    out_ += close;
  }

  void dict(std::span<const Value> flat) {
    out_ += '{';
    for (std::size_t i = 0; i < flat.size() && !full(); i += 2) {
      if (i != 0) out_ += ", ";
      print(flat[i]);
      out_ += ": ";
      print(flat[i + 1]);
    }
    out_ += '}';
  }

  std::size_t bytes_max_;
  std::string out_;
};

}  // namespace

std::string to_string(const Value& value, std::size_t bytes_max) {
  Printer printer(bytes_max);
  printer.print(value);
  return std::move(printer).take();
}

}  // namespace odb
