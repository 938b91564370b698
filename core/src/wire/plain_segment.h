// Reads structs and lists of one Cap'n Proto segment without Cap'n Proto, whose readers check at
// each step what only unusual messages can do.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace odb::wire {

static_assert(std::endian::native == std::endian::little, "Cap'n Proto is read in place");

// Finds what is written plainly: everything in this segment, no struct smaller than its reader
// knows it, no byte reached twice. It says false of anything else, which may be right or wrong;
// then Cap'n Proto has to be asked. See https://capnproto.org/encoding.html.
class PlainSegment {
 public:
  // Sections of a struct, as the reader knows it; there may be more of both.
  struct Shape {
    std::uint32_t data_words = 0;
    std::uint32_t pointers = 0;
  };
  struct Struct {
    const std::byte* data = nullptr;
    const std::byte* pointers = nullptr;

    // The position counts items of this type from the start of the data.
    template <class T>
    T get(std::size_t position) const {
      return load<T>(data + position * sizeof(T));
    }
    const std::byte* pointer(std::size_t position) const { return pointers + position * kWord; }
  };
  struct List {
    const std::byte* first = nullptr;
    std::size_t data_bytes = 0;
    std::size_t element_bytes = 0;
    std::uint32_t size = 0;

    Struct operator[](std::size_t position) const {
      const std::byte* data = first + position * element_bytes;
      return {data, data + data_bytes};
    }
  };

  // 8-byte aligned, whole words.
  explicit PlainSegment(std::span<const std::byte> bytes)
      : begin_(bytes.data()), size_(bytes.size() / kWord), left_(size_) {}

  static bool is_null(const std::byte* pointer) { return load<std::uint64_t>(pointer) == 0; }

  // Each is given where a pointer stands, and fills in what it leads to. A struct must be there; a
  // null list is an empty one.
  bool read(const std::byte* pointer, Shape shape, Struct& out) {
    const auto value = load<std::uint64_t>(pointer);
    const std::uint64_t data_words = value >> 32 & 0xFFFF;
    const std::uint64_t pointers = value >> 48;
    if ((value & 3) != kStruct || data_words < shape.data_words || pointers < shape.pointers) {
      return false;
    }
    const std::byte* data = claim(pointer, value, data_words + pointers);
    out = {data, data + data_words * kWord};
    return data != nullptr;
  }
  bool read(const std::byte* pointer, Shape shape, List& out) {
    const auto value = load<std::uint64_t>(pointer);
    if (value == 0) return true;
    const std::uint64_t words = value >> 35;
    if ((value & 3) != kList || (value >> 32 & 7) != kOfStructs) return false;
    const std::byte* tag_at = claim(pointer, value, words + 1);
    if (tag_at == nullptr) return false;
    const auto tag = load<std::uint64_t>(tag_at);
    const std::uint64_t data_words = tag >> 32 & 0xFFFF;
    const std::uint64_t pointers = tag >> 48;
    out.size = static_cast<std::uint32_t>(tag) >> 2;
    if ((tag & 3) != kStruct || data_words < shape.data_words || pointers < shape.pointers ||
        out.size * (data_words + pointers) > words) {
      return false;
    }
    out.first = tag_at + kWord;
    out.data_bytes = data_words * kWord;
    out.element_bytes = out.data_bytes + pointers * kWord;
    return true;
  }
  bool read(const std::byte* pointer, std::span<const std::byte>& out) {
    const auto value = load<std::uint64_t>(pointer);
    if (value == 0) return true;
    const std::uint64_t bytes = value >> 35;
    if ((value & 3) != kList || (value >> 32 & 7) != kOfBytes) return false;
    const std::byte* first = claim(pointer, value, (bytes + kWord - 1) / kWord);
    out = {first, bytes};
    return first != nullptr;
  }

 private:
  static constexpr std::size_t kWord = 8;
  static constexpr std::uint64_t kStruct = 0;  // kinds of pointers
  static constexpr std::uint64_t kList = 1;
  static constexpr std::uint64_t kOfBytes = 2;  // kinds of lists
  static constexpr std::uint64_t kOfStructs = 7;

  template <class T>
  static T load(const std::byte* from) {
    T out;
    std::memcpy(&out, from, sizeof out);
    return out;
  }

  // The words that a pointer of this value leads to; null when they are not all there, or when more
  // has been read than there is.
  const std::byte* claim(const std::byte* pointer, std::uint64_t value, std::uint64_t words) {
    const std::int64_t distance = static_cast<std::int32_t>(value) >> 2;
    const std::int64_t at = (pointer - begin_) / static_cast<std::int64_t>(kWord) + 1 + distance;
    if (words > left_ || at < 0 || static_cast<std::uint64_t>(at) > size_ - words) return nullptr;
    left_ -= words;
    return begin_ + static_cast<std::size_t>(at) * kWord;
  }

  const std::byte* begin_;
  std::uint64_t size_;  // in words
  std::uint64_t left_;  // that may still be read
};

}  // namespace odb::wire
