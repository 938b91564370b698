// What encoding functions share.
#pragma once

#include <capnp/blob.h>
#include <kj/string.h>

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace odb::wire {

inline kj::StringPtr as_text(const std::string& text) {
  return kj::StringPtr(text.c_str(), text.size());
}

inline capnp::Data::Reader as_data(std::string_view bytes) {
  return capnp::Data::Reader(reinterpret_cast<const kj::byte*>(bytes.data()), bytes.size());
}
inline capnp::Data::Reader as_data(std::span<const std::byte> bytes) {
  return capnp::Data::Reader(reinterpret_cast<const kj::byte*>(bytes.data()), bytes.size());
}

// Lists beyond Cap'n Proto's 2^29 items do not fit any message; init refuses the cut number too.
template <class Container>
unsigned count_of(const Container& items) {
  return static_cast<unsigned>(items.size());
}

// Writes each item to its place in `list`, which has as many.
template <class List, class Items, class Write>
void write_list(List list, const Items& items, Write write) {
  unsigned i = 0;
  for (const auto& item : items) write(list[i++], item);
}

// The same for lists of numbers and texts.
template <class List, class Items, class Get>
void set_list(List list, const Items& items, Get get) {
  unsigned i = 0;
  for (const auto& item : items) list.set(i++, get(item));
}

}  // namespace odb::wire
