#include "keys.h"

#include <charconv>
#include <utility>

namespace odb::server::redis {

namespace {

std::string to_hex(std::uint64_t high, std::uint64_t low) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text(32, '0');
  for (std::size_t i = 0; i < 16; ++i) {
    text[15 - i] = kDigits[(high >> (4 * i)) & 15];
    text[31 - i] = kDigits[(low >> (4 * i)) & 15];
  }
  return text;
}

template <class Id>
std::optional<Id> from_hex(std::string_view text) {
  if (text.size() != 32) return std::nullopt;
  Id id;
  const char* begin = text.data();
  const auto high = std::from_chars(begin, begin + 16, id.high, 16);
  const auto low = std::from_chars(begin + 16, begin + 32, id.low, 16);
  if (high.ptr != begin + 16 || low.ptr != begin + 32) return std::nullopt;
  return id;
}

}  // namespace

Keys::Keys(std::string prefix)
    : meta(prefix + "meta"),
      lease(prefix + "lease"),
      schema(prefix + "schema"),
      outcomes(prefix + "outcomes"),
      log(prefix + "log"),
      rows(prefix + "row:"),
      prefix_(std::move(prefix)) {}

std::string Keys::row(TypeId type, ObjectId object) const {
  return rows + std::to_string(type.value) + ':' + std::to_string(object.value);
}

std::optional<TouchedObject> Keys::parse_row(std::string_view key) const {
  if (!key.starts_with(rows)) return std::nullopt;
  TouchedObject row;
  const char* end = key.data() + key.size();
  const auto type = std::from_chars(key.data() + rows.size(), end, row.type.value);
  if (type.ec != std::errc() || type.ptr == end || *type.ptr != ':') return std::nullopt;
  const auto object = std::from_chars(type.ptr + 1, end, row.object.value);
  if (object.ec != std::errc() || object.ptr != end) return std::nullopt;
  if (row.type == TypeId{} || row.object == ObjectId{}) return std::nullopt;
  return row;
}

bool Keys::is_ours(std::string_view key) const {
  return key == meta || key == lease || key == schema || key == outcomes || key == log ||
         parse_row(key).has_value();
}

std::string Keys::pattern() const {
  std::string pattern;
  for (const char c : prefix_) {
    if (c == '*' || c == '?' || c == '[' || c == ']' || c == '\\') pattern += '\\';
    pattern += c;
  }
  return pattern + "*";
}

std::string to_text(const ClientId& client) { return to_hex(client.high, client.low); }
std::optional<ClientId> parse_client(std::string_view text) { return from_hex<ClientId>(text); }
std::string to_text(const HistoryId& history) { return to_hex(history.high, history.low); }
std::optional<HistoryId> parse_history(std::string_view text) { return from_hex<HistoryId>(text); }

std::optional<std::uint64_t> parse_number(std::string_view text) {
  std::uint64_t number = 0;
  const char* end = text.data() + text.size();
  const auto [last, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || last != end) return std::nullopt;
  return number;
}

}  // namespace odb::server::redis
