// What decoding functions share: how they refuse, and how much memory a message may take.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "odb/core/error.h"

namespace odb::wire {

// Thrown inside the decoder only, beside kj::Exception; codec.cpp turns both into an Error.
struct DecodeError {
  Error error;
};

[[noreturn]] void malformed(std::string message);
[[noreturn]] void too_deep(std::string_view what);

// Bounds what one message takes in memory. Its bytes do not: lists of empty structs cost nothing on
// the wire, and many pointers can lead to the same bytes.
class ReadContext {
 public:
  explicit ReadContext(std::size_t message_bytes)
      : memory_left_(kMemoryPerByte * message_bytes + kMemorySlack) {}

  // To be called before room for `count` items is made.
  void charge(std::size_t count, std::size_t bytes_each) {
    if (count > memory_left_ / bytes_each) {
      malformed("a list of " + std::to_string(count) + " items that the message has no bytes for");
    }
    memory_left_ -= count * bytes_each;
  }

  template <class Item, class List, class Read>
  std::vector<Item> read_list(const List& list, Read read) {
    charge(list.size(), sizeof(Item));
    std::vector<Item> items;
    items.reserve(list.size());
    for (auto item : list) items.push_back(read(item));
    return items;
  }

 private:
  // The most that odb's own messages need is 6: a type is 176 bytes in memory and 32 on the wire.
  static constexpr std::size_t kMemoryPerByte = 16;
  static constexpr std::size_t kMemorySlack = 4096;

  std::size_t memory_left_;
};

// An enumerant as ours; the schema and our enum number alike.
template <class Enum, class WireEnum>
Enum read_enum(WireEnum value, Enum last, std::string_view what) {
  const auto number = static_cast<std::uint16_t>(value);
  if (number > static_cast<std::uint16_t>(last)) {
    malformed("unknown " + std::string(what) + " " + std::to_string(number));
  }
  return static_cast<Enum>(number);
}

template <class TextReader>
std::string read_text(const TextReader& text) {
  return std::string(text.begin(), text.size());
}

}  // namespace odb::wire
