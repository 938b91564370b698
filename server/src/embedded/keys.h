// The keys in a data directory. They sort as numbers do: bytewise, the highest byte first.
// docs/embedded.md describes them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "odb/server/store.h"

namespace odb::server::embedded {

inline constexpr std::string_view kMeta = "m/";  // every key of those that follow begins so
inline constexpr std::string_view kHistory = "m/history";  // two numbers
inline constexpr std::string_view kVersion = "m/version";
// No object's row lacks anything up to here; without it (format 1) nothing at all.
inline constexpr std::string_view kRowsUpTo = "m/rows_up_to";
inline constexpr std::string_view kIdsBelow = "m/ids_below";
inline constexpr std::string_view kForgottenUpTo = "m/outcomes_forgotten_up_to";
inline constexpr std::string_view kFilling = "m/filling";  // a text, see filling.h

// What comes before the number of a type, a client, the last version of an append (format 1) or of
// several, or a type and an object; and every key of a kind begins so.
inline constexpr std::string_view kTypes = "t";
inline constexpr std::string_view kOutcomes = "o";
inline constexpr std::string_view kAppends = "l";
inline constexpr std::string_view kLog = "n";
inline constexpr std::string_view kRows = "r";

template <class Number>
void append_number(std::string& out, Number number) {
  for (std::size_t shift = 8 * sizeof number; shift > 0; shift -= 8) {
    out += static_cast<char>(number >> (shift - 8));
  }
}

// Takes it from the front; nothing when that is too short.
template <class Number>
std::optional<Number> take_number(std::string_view& in) {
  if (in.size() < sizeof(Number)) return std::nullopt;
  Number number = 0;
  for (std::size_t i = 0; i < sizeof number; ++i) {
    number = static_cast<Number>(number << 8 | static_cast<unsigned char>(in[i]));
  }
  in.remove_prefix(sizeof number);
  return number;
}

inline std::string type_key(TypeId type) {
  std::string key(kTypes);
  append_number(key, type.value);
  return key;
}

inline std::string outcomes_key(const ClientId& client) {
  std::string key(kOutcomes);
  append_number(key, client.high);
  append_number(key, client.low);
  return key;
}

inline std::string log_key(Version last, std::string_view kind = kLog) {
  std::string key(kind);
  append_number(key, last.value);
  return key;
}

inline std::string row_key(TypeId type, ObjectId object) {
  std::string key(kRows);
  append_number(key, type.value);
  append_number(key, object.value);
  return key;
}

}  // namespace odb::server::embedded
