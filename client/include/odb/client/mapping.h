// How C++ types are stored.
//
//   wire                      C++
//   none, bool                std::monostate, bool
//   int64                     every integer type but the character types; range-checked both ways
//   float64                   double, float (range-checked on reading)
//   text                      std::string, in UTF-8
//   data                      odb::Bytes
//   timestamp                 std::chrono::sys_time<any duration>; range-checked both ways
//   reference                 odb::Ref<T>
//   one_of(none, T)           std::optional<T>
//   one_of(A, B, ...)         std::variant<A, B, ...>: alternatives of different kinds
//   one_of("a", "b", ...)     an enum with BOOST_DESCRIBE_ENUM: the enumerators' names
//   list, tuple, dict         std::vector, std::tuple and std::pair, std::map
//   struct                    a struct with BOOST_DESCRIBE_STRUCT, its bases' members first
//   variant                   std::variant of described structs, named as these are
//   list of nodes             odb::Recursive<A, B, ...>: such a variant that may hold itself
//
// Types without a place here are refused by the compiler, which names struct and member.
#pragma once

#include <chrono>
#include <concepts>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

#include "odb/client/mapping_base.h"
#include "odb/client/mapping_container.h"
#include "odb/client/mapping_one_of.h"
#include "odb/client/mapping_recursive.h"
#include "odb/client/mapping_scalar.h"
#include "odb/client/mapping_struct.h"

namespace odb {

// The wire type of T. References in it have an empty schema name.
template <Mapped T>
Type type_of() {
  return Mapping<T>::type([](std::size_t, std::string_view name) {
    return TypeName{"", std::string(name)};
  });
}

namespace detail {

template <class T>
inline constexpr bool kIsOptional = false;
template <class T>
inline constexpr bool kIsOptional<std::optional<T>> = true;
template <class T>
inline constexpr bool kIsSysTime = false;
template <class D>
inline constexpr bool kIsSysTime<std::chrono::sys_time<D>> = true;

// Whether a T may be given where an `M` is stored, without losing anything unnoticed.
template <class M, class Given>
constexpr bool accepts() {
  if constexpr (std::same_as<M, Given>) {
    return true;
  } else if constexpr (kIsOptional<M>) {
    return std::same_as<Given, std::nullopt_t> || std::convertible_to<const Given&, M>;
  } else if constexpr (std::same_as<M, bool>) {
    return false;
  } else if constexpr (StoredInteger<M>) {
    return StoredInteger<Given>;
  } else if constexpr (std::floating_point<M>) {
    return StoredInteger<Given> || std::floating_point<Given>;
  } else if constexpr (std::same_as<M, std::string>) {
    return std::convertible_to<const Given&, std::string_view>;
  } else {
    return std::convertible_to<const Given&, M>;
  }
}

// The value of a member of type M for something that converts to it.
template <class M, class Given>
Value value_from(const Given& given) {
  if constexpr (std::same_as<M, Given>) {
    return Mapping<M>::to_value(given);
  } else if constexpr (kIsOptional<M>) {
    if constexpr (accepts<typename M::value_type, Given>()) {
      return value_from<typename M::value_type>(given);
    } else {
      return Mapping<M>::to_value(M(given));
    }
  } else if constexpr (StoredInteger<M>) {
    return Mapping<M>::to_value(Mapping<M>::from_value(Mapping<Given>::to_value(given)));
  } else if constexpr (std::floating_point<M>) {
    return Value::real(static_cast<double>(static_cast<M>(given)));
  } else if constexpr (std::same_as<M, std::string>) {
    return Value::text(std::string_view(given));
  } else if constexpr (kIsSysTime<M> && kIsSysTime<Given>) {
    return Mapping<Given>::to_value(given);
  } else {
    const M converted = given;
    return Mapping<M>::to_value(converted);
  }
}

// The same for a member of T; names it when that fails, at compile time and at run time.
template <class T, auto Member, class Given>
Value member_value(const Given& given) {
  using M = typename MemberOf<T, Member>::Type;
  static_assert(
      accepts<M, Given>(),
      "odb: this value does not convert to the member's type, or not without losing digits");
  try {
    return value_from<M>(given);
  } catch (const ValueError& error) {
    throw_in_member(kNameOf<T>, MemberOf<T, Member>::kName, error);
  }
}

}  // namespace detail
}  // namespace odb
