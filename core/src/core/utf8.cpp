#include "odb/core/utf8.h"

#include <cstdint>
#include <cstring>

namespace odb {
namespace {

bool is_continuation(unsigned char byte) { return (byte & 0xC0) == 0x80; }

// Length of the character that starts at `at` with a byte above 0x7F; 0 when it is not one. The
// bounds on the second byte are those of table 3-7 of the Unicode standard.
std::size_t multibyte_length(const unsigned char* at, const unsigned char* end) {
  const unsigned char lead = at[0];
  const auto available = static_cast<std::size_t>(end - at);
  if (lead < 0xC2) return 0;  // a continuation byte, or an overlong form of ASCII
  if (lead < 0xE0) return available >= 2 && is_continuation(at[1]) ? 2 : 0;
  if (lead < 0xF0) {
    if (available < 3) return 0;
    const unsigned char low = lead == 0xE0 ? 0xA0 : 0x80;   // no overlong form
    const unsigned char high = lead == 0xED ? 0x9F : 0xBF;  // no surrogate
    return at[1] >= low && at[1] <= high && is_continuation(at[2]) ? 3 : 0;
  }
  if (lead > 0xF4 || available < 4) return 0;
  const unsigned char low = lead == 0xF0 ? 0x90 : 0x80;   // no overlong form
  const unsigned char high = lead == 0xF4 ? 0x8F : 0xBF;  // nothing above U+10FFFF
  return at[1] >= low && at[1] <= high && is_continuation(at[2]) && is_continuation(at[3]) ? 4 : 0;
}

}  // namespace

bool is_valid_utf8(std::string_view text) {
  const auto* at = reinterpret_cast<const unsigned char*>(text.data());
  const auto* const end = at + text.size();
  while (at != end) {
    if (end - at >= 8) {
      std::uint64_t word;
      std::memcpy(&word, at, sizeof word);
      if ((word & 0x8080808080808080ull) == 0) {
        at += 8;
        continue;
      }
    }
    if (*at < 0x80) {
      ++at;
      continue;
    }
    const std::size_t length = multibyte_length(at, end);
    if (length == 0) return false;
    at += length;
  }
  return true;
}

std::string_view utf8_prefix(std::string_view text, std::size_t bytes_max) {
  if (text.size() <= bytes_max) return text;
  std::size_t size = bytes_max;
  while (size > 0 && is_continuation(static_cast<unsigned char>(text[size]))) --size;
  return text.substr(0, size);
}

}  // namespace odb
