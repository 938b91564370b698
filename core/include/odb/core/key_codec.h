// Canonical, order-preserving encoding of values: index keys.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "odb/core/error.h"
#include "odb/core/value.h"

namespace odb {

// Appends the canonical encoding of `value`. For any two values a and b the encodings compare
// bytewise (memcmp, shorter first) as a <=> b, and no encoding is a prefix of another, so a
// compound key is the concatenation of its parts and a prefix of a compound key is a prefix of its
// bytes.
void append_key(std::string& out, const Value& value);

// The key of a compound index: its parts in order.
std::string encode_key(std::span<const Value> parts);

// The parts that a key was made of; kMalformedMessage for bytes that are no key.
Result<std::vector<Value>> decode_key(std::string_view key);

// The smallest string above every string that begins with `prefix`. Requires an encoding, or
// several, or none.
std::string key_after(std::string prefix);

}  // namespace odb
