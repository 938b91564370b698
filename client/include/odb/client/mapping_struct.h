// Mapping of described structs, as values inside other values.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "odb/client/mapping_base.h"
#include "odb/client/mapping_member.h"
#include "odb/client/mapping_name.h"

namespace odb {
namespace detail {

template <Described T>
Type struct_type(const ResolveReference& resolve) {
  std::vector<std::string> names;
  std::vector<Type> types;
  names.reserve(kMemberCount<T>);
  types.reserve(kMemberCount<T>);
  for_each_member<T>([&]<class Member>(Member, auto) {
    names.emplace_back(Member::kName);
    types.push_back(Mapping<typename Member::Type>::type(resolve));
  });
  return Type::structure(std::string(kNameOf<T>), std::move(names), std::move(types));
}

template <Described T>
std::vector<Value> struct_to_values(const T& object) {
  std::vector<Value> values;
  values.reserve(kMemberCount<T>);
  for_each_member<T>([&]<class Member>(Member, auto pointer) {
    values.push_back(Member::to_value(object.*pointer));
  });
  return values;
}

// A T whose members are read one by one: value_at(position).
template <class T, class ValueAt>
T struct_from(ValueAt&& value_at) {
  static_assert(
      std::is_default_constructible_v<T>,
      "odb: a struct is read into one that is default-made; it needs a default constructor");
  T object{};
  for_each_member<T>([&]<class Member>(Member, auto pointer) {
    object.*pointer = Member::from_value(value_at(Member::kPosition));
  });
  return object;
}

}  // namespace detail

template <detail::Described T>
struct Mapping<T> {
  static constexpr ValueKinds kKinds = ValueKind::kStruct;
  static Type type(const detail::ResolveReference& resolve) {
    return detail::struct_type<T>(resolve);
  }
  static Value to_value(const T& value) {
    return Value::structure(detail::struct_to_values(value));
  }
  static T from_value(const Value& value) {
    const std::span<const Value> elements =
        detail::expect_elements(value, ValueKind::kStruct, detail::kMemberCount<T>);
    return detail::struct_from<T>([&](std::size_t i) -> const Value& { return elements[i]; });
  }
};

}  // namespace odb
