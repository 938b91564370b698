// Mapping<T>: how values of a C++ type are stored. The table of all mapped types stands in
// mapping.h.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "odb/client/detail/struct_definition.h"
#include "odb/client/errors.h"
#include "odb/core/type.h"
#include "odb/core/value.h"

namespace odb {

// A specialisation has these static members, and programs may add their own for types of theirs:
//
//   constexpr ValueKinds kKinds        the kinds that its values can have
//   Type type(const detail::ResolveReference& resolve)
//   Value to_value(const T& value)     throws ValueError when it cannot be stored
//   T from_value(const Value& value)   throws ValueError when T cannot hold it
template <class T>
struct Mapping;

// A set of kinds of values: by which kind it has, a value of a one-of finds its C++ alternative.
class ValueKinds {
 public:
  constexpr ValueKinds() = default;
  constexpr ValueKinds(ValueKind kind)  // NOLINT: a kind is a set of one
      : bits_(1u << static_cast<unsigned>(kind)) {}

  constexpr bool contains(ValueKind kind) const { return meets(ValueKinds(kind)); }
  constexpr bool meets(ValueKinds other) const { return (bits_ & other.bits_) != 0; }
  friend constexpr ValueKinds operator|(ValueKinds a, ValueKinds b) {
    a.bits_ |= b.bits_;
    return a;
  }

 private:
  std::uint32_t bits_ = 0;
};

// Whether values of T can be stored. Says yes for every described struct; what its members lack is
// told when the struct is used.
template <class T>
concept Mapped = requires {
  Mapping<T>::kKinds;
};

namespace detail {

// "expected int, found text"
[[noreturn]] void throw_wrong_kind(ValueKind expected, const Value& found);
[[noreturn]] void throw_out_of_range(std::string_view expected);
[[noreturn]] void throw_int_out_of_range(std::int64_t min, std::uint64_t max);
// Of a list or struct whose number of elements is not the type's.
[[noreturn]] void throw_wrong_size(std::size_t expected, std::size_t found);
[[noreturn]] void throw_no_alternative(std::size_t alternatives);
[[noreturn]] void throw_no_enumerator(std::string_view enum_name);
// `error`, whose message now begins with "Task.priority: ".
[[noreturn]] void throw_in_member(std::string_view struct_name, std::string_view member,
                                  const ValueError& error);

inline void expect_kind(const Value& value, ValueKind expected) {
  if (value.kind() != expected) [[unlikely]]
    throw_wrong_kind(expected, value);
}

inline std::span<const Value> expect_elements(const Value& value, ValueKind expected,
                                              std::size_t count) {
  expect_kind(value, expected);
  const std::span<const Value> elements = value.elements();
  if (elements.size() != count) [[unlikely]]
    throw_wrong_size(count, elements.size());
  return elements;
}

}  // namespace detail
}  // namespace odb
