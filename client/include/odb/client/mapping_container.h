// Mapping of lists, tuples and dicts.
#pragma once

#include <cstddef>
#include <map>
#include <tuple>
#include <utility>
#include <vector>

#include "odb/client/mapping_base.h"

namespace odb {

template <Mapped T>
struct Mapping<std::vector<T>> {
  static constexpr ValueKinds kKinds = ValueKind::kList;
  static Type type(const detail::ResolveReference& resolve) {
    return Type::list(Mapping<T>::type(resolve));
  }
  static Value to_value(const std::vector<T>& value) {
    std::vector<Value> elements;
    elements.reserve(value.size());
    for (const auto& element : value) elements.push_back(Mapping<T>::to_value(element));
    return Value::list(std::move(elements));
  }
  static std::vector<T> from_value(const Value& value) {
    detail::expect_kind(value, ValueKind::kList);
    std::vector<T> out;
    out.reserve(value.elements().size());
    for (const Value& element : value.elements()) out.push_back(Mapping<T>::from_value(element));
    return out;
  }
};

namespace detail {

template <class Tuple, class... Elements>
struct TupleMapping {
  static constexpr ValueKinds kKinds = ValueKind::kTuple;
  static Type type(const ResolveReference& resolve) {
    std::vector<Type> types;
    types.reserve(sizeof...(Elements));
    (types.push_back(Mapping<Elements>::type(resolve)), ...);
    return Type::tuple(std::move(types));
  }
  static Value to_value(const Tuple& value) {
    std::vector<Value> elements;
    elements.reserve(sizeof...(Elements));
    std::apply(
        [&](const Elements&... parts) {
          (elements.push_back(Mapping<Elements>::to_value(parts)), ...);
        },
        value);
    return Value::tuple(std::move(elements));
  }
  static Tuple from_value(const Value& value) {
    return from(expect_elements(value, ValueKind::kTuple, sizeof...(Elements)),
                std::index_sequence_for<Elements...>());
  }

 private:
  template <std::size_t... I>
  static Tuple from([[maybe_unused]] std::span<const Value> elements, std::index_sequence<I...>) {
    return Tuple(Mapping<Elements>::from_value(elements[I])...);
  }
};

}  // namespace detail

template <Mapped... Elements>
struct Mapping<std::tuple<Elements...>>
    : detail::TupleMapping<std::tuple<Elements...>, Elements...> {};

template <Mapped First, Mapped Second>
struct Mapping<std::pair<First, Second>>
    : detail::TupleMapping<std::pair<First, Second>, First, Second> {};

// Keys are compared on the wire as values are, whatever the map's own order: NaN equals itself.
template <Mapped Key, Mapped T, class Compare, class Allocator>
struct Mapping<std::map<Key, T, Compare, Allocator>> {
  using Map = std::map<Key, T, Compare, Allocator>;

  static constexpr ValueKinds kKinds = ValueKind::kDict;
  static Type type(const detail::ResolveReference& resolve) {
    Type key = Mapping<Key>::type(resolve);
    return Type::dict(std::move(key), Mapping<T>::type(resolve));
  }
  static Value to_value(const Map& value) {
    std::vector<std::pair<Value, Value>> entries;
    entries.reserve(value.size());
    for (const auto& [key, element] : value) {
      entries.emplace_back(Mapping<Key>::to_value(key), Mapping<T>::to_value(element));
    }
    return Value::dict(std::move(entries));
  }
  static Map from_value(const Value& value) {
    detail::expect_kind(value, ValueKind::kDict);
    const std::span<const Value> elements = value.elements();
    Map out;
    for (std::size_t i = 0; i + 1 < elements.size(); i += 2) {
      out.emplace_hint(out.end(), Mapping<Key>::from_value(elements[i]),
                       Mapping<T>::from_value(elements[i + 1]));
    }
    return out;
  }
};

}  // namespace odb
