// UTF-8, as text values and names must be.
#pragma once

#include <cstddef>
#include <string_view>

namespace odb {

// Strict: no overlong forms, no surrogates, nothing above U+10FFFF, nothing cut off.
bool is_valid_utf8(std::string_view text);

// The longest prefix of valid `text` of at most `bytes_max` bytes that does not cut a character.
std::string_view utf8_prefix(std::string_view text, std::size_t bytes_max);

}  // namespace odb
