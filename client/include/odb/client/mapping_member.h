// The described members of a struct: their order, names and positions, and what is demanded of
// them.
#pragma once

#include <boost/describe/bases.hpp>
#include <boost/describe/class.hpp>
#include <boost/describe/members.hpp>
#include <boost/describe/modifiers.hpp>
#include <boost/mp11/algorithm.hpp>
#include <boost/mp11/list.hpp>
#include <cstddef>
#include <map>
#include <optional>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "odb/client/mapping_base.h"
#include "odb/client/mapping_name.h"
#include "odb/client/typed_fwd.h"

namespace odb::detail {

// A struct or class with BOOST_DESCRIBE_STRUCT or BOOST_DESCRIBE_CLASS.
template <class T>
concept Described = std::is_class_v<T> && std::same_as<T, std::remove_cv_t<T>> &&
    boost::describe::has_describe_members<T>::value &&
    boost::describe::has_describe_bases<T>::value;

// Data members, those of bases first; of a class the private ones too, if they are described.
template <class T>
using Members = boost::describe::describe_members<T, boost::describe::mod_any_access |
                                                         boost::describe::mod_inherited>;

template <class T>
inline constexpr std::size_t kMemberCount = boost::mp11::mp_size<Members<T>>::value;

template <auto Member, class Descriptor>
constexpr bool describes() {
  if constexpr (std::is_same_v<std::remove_cv_t<decltype(Descriptor::pointer)>, decltype(Member)>) {
    return Descriptor::pointer == Member;
  } else {
    return false;
  }
}

template <auto Member, template <class...> class List, class... Descriptors>
constexpr std::size_t find_member(List<Descriptors...>) {
  constexpr bool hits[] = {describes<Member, Descriptors>()..., true};
  std::size_t position = 0;
  while (!hits[position]) ++position;
  return position;
}

// Whether a value of T holds a value of one of `Above`, or of a struct that holds itself. What a
// Ref refers to does not count.
template <class T, class... Above>
struct Nests : std::bool_constant<(std::is_same_v<T, Above> || ...)> {};
template <class... T>
struct Parts {};
template <class... T, class... Above>
struct Nests<Parts<T...>, Above...> : std::bool_constant<(Nests<T, Above...>::value || ...)> {};
template <class T, class... Above>
struct Nests<std::vector<T>, Above...> : Nests<T, Above...> {};
template <class T, class... Above>
struct Nests<std::optional<T>, Above...> : Nests<T, Above...> {};
template <class... T, class... Above>
struct Nests<std::variant<T...>, Above...> : Nests<Parts<T...>, Above...> {};
template <class... T, class... Above>
struct Nests<std::tuple<T...>, Above...> : Nests<Parts<T...>, Above...> {};
template <class A, class B, class... Above>
struct Nests<std::pair<A, B>, Above...> : Nests<Parts<A, B>, Above...> {};
template <class K, class T, class... Rest, class... Above>
struct Nests<std::map<K, T, Rest...>, Above...> : Nests<Parts<K, T>, Above...> {};

template <class Descriptors>
struct MemberTypes;
template <template <class...> class List, class... Descriptors>
struct MemberTypes<List<Descriptors...>> {
  using type =
      Parts<typename MemberPointer<std::remove_cv_t<decltype(Descriptors::pointer)>>::Type...>;
};
template <class T, class... Above>
concept StructOutside = Described<T> && !(std::is_same_v<T, Above> || ...);
template <class... Above, StructOutside<Above...> T>
struct Nests<T, Above...> : Nests<typename MemberTypes<Members<T>>::type, T, Above...> {};

// One member of the described struct T, or of a base of it. Using it checks it: the compiler's
// message names the struct and the member.
template <class T, auto Member>
struct MemberOf {
  using Type = MemberType<Member>;

  static_assert(
      Described<T>,
      "odb: this struct is not described; say BOOST_DESCRIBE_STRUCT(T, (), (members...))");
  static constexpr std::size_t kPosition = find_member<Member>(Members<T>());
  static_assert(kPosition < kMemberCount<T>,
                "odb: this member is not among the described members of the struct and its bases");
  static constexpr std::string_view kName = boost::mp11::mp_at_c < Members<T>,
                                    kPosition<kMemberCount<T> ? kPosition : 0>::name;

  static constexpr bool kMapped = Mapped<Type>;
  static_assert(
      kMapped,
      "odb: this member's type has no mapping; odb/client/mapping.h lists those that do, and "
      "programs may specialise odb::Mapping for their own");
  static_assert(!Nests<Type, T>::value,
                "odb: this member contains its own struct, which no stored type can; use odb::Ref");

  // Both name the member in the message of a ValueError.
  static Value to_value(const Type& value) {
    try {
      return Mapping<Type>::to_value(value);
    } catch (const ValueError& error) {
      throw_in_member(kNameOf<T>, kName, error);
    }
  }
  static Type from_value(const Value& value) {
    try {
      return Mapping<Type>::from_value(value);
    } catch (const ValueError& error) {
      throw_in_member(kNameOf<T>, kName, error);
    }
  }
};

// Calls visit(MemberOf<T, member>(), pointer to the member) for each, in order.
template <class T, class Visitor>
void for_each_member(Visitor&& visit) {
  static_assert(
      Described<T>,
      "odb: this struct is not described; say BOOST_DESCRIBE_STRUCT(T, (), (members...))");
  boost::mp11::mp_for_each<Members<T>>([&]<class Descriptor>(Descriptor) {
    using Member = MemberOf<T, Descriptor::pointer>;
    if constexpr (Member::kMapped) visit(Member(), Descriptor::pointer);
  });
}

}  // namespace odb::detail
