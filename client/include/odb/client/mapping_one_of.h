// Mapping of what is one of several things: optional values, enums, variants.
#pragma once

#include <boost/describe/enum.hpp>
#include <boost/describe/enumerators.hpp>
#include <boost/mp11/algorithm.hpp>
#include <boost/mp11/list.hpp>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "odb/client/mapping_base.h"
#include "odb/client/mapping_member.h"
#include "odb/client/mapping_name.h"
#include "odb/client/mapping_struct.h"

namespace odb {

template <Mapped T>
struct Mapping<std::optional<T>> {
  static_assert(
      !Mapping<T>::kKinds.contains(ValueKind::kNone),
      "odb: an optional of something that can be none itself: reading could not tell which");
  static constexpr ValueKinds kKinds = Mapping<T>::kKinds | ValueKind::kNone;
  static Type type(const detail::ResolveReference& resolve) {
    return Type::one_of({Type::none(), Mapping<T>::type(resolve)});
  }
  static Value to_value(const std::optional<T>& value) {
    return value ? Mapping<T>::to_value(*value) : Value::none();
  }
  static std::optional<T> from_value(const Value& value) {
    if (value.is_none()) return std::nullopt;
    return Mapping<T>::from_value(value);
  }
};

namespace detail {

template <class T>
concept DescribedEnum = std::is_enum_v<T> && boost::describe::has_describe_enumerators<T>::value;

}  // namespace detail

// One of the enumerators' names, as text.
template <detail::DescribedEnum T>
struct Mapping<T> {
  static constexpr ValueKinds kKinds = ValueKind::kText;
  static Type type(const detail::ResolveReference&) {
    std::vector<Type> options;
    for_each([&](auto enumerator) {
      options.push_back(Type::literal_of(Value::text(enumerator.name)));
      return false;
    });
    return Type::one_of(std::move(options));
  }
  static Value to_value(T value) {
    Value out;
    const bool is_known = for_each([&](auto enumerator) {
      if (enumerator.value != value) return false;
      out = Value::text(enumerator.name);
      return true;
    });
    if (!is_known) detail::throw_no_enumerator(detail::kNameOf<T>);
    return out;
  }
  static T from_value(const Value& value) {
    detail::expect_kind(value, ValueKind::kText);
    const std::string_view text = value.as_text();
    T out{};
    const bool is_known = for_each([&](auto enumerator) {
      if (text != enumerator.name) return false;
      out = enumerator.value;
      return true;
    });
    if (!is_known) detail::throw_no_enumerator(detail::kNameOf<T>);
    return out;
  }

 private:
  using Enumerators = boost::describe::describe_enumerators<T>;
  static_assert(!boost::mp11::mp_empty<Enumerators>::value, "odb: an enum needs an enumerator");

  // Until `visit` returns true; whether it did.
  template <class Visitor>
  static bool for_each(Visitor&& visit) {
    bool done = false;
    boost::mp11::mp_for_each<Enumerators>([&](auto enumerator) {
      if (!done) done = visit(enumerator);
    });
    return done;
  }
};

namespace detail {

template <class A, class B>
struct TwoAlternatives {
  static_assert(!Mapping<A>::kKinds.meets(Mapping<B>::kKinds),
                "odb: these two alternatives of a variant look alike when stored: one kind each, "
                "please, or described structs only");
  static constexpr bool kDiffer = true;
};

template <class... Alternatives>
inline constexpr bool kAllDiffer = true;
template <class First, class... Rest>
inline constexpr bool kAllDiffer<First, Rest...> =
    (TwoAlternatives<First, Rest>::kDiffer && ...) && kAllDiffer<Rest...>;

// A value of one of several kinds, stored as it is.
template <class... Alternatives>
struct OneOfMapping {
  using Variant = std::variant<Alternatives...>;

  static_assert(kAllDiffer<Alternatives...>);
  static constexpr ValueKinds kKinds = (ValueKinds() | ... | Mapping<Alternatives>::kKinds);
  static Type type(const ResolveReference& resolve) {
    std::vector<Type> options;
    (options.push_back(Mapping<Alternatives>::type(resolve)), ...);
    return Type::one_of(std::move(options));
  }
  static Value to_value(const Variant& value) {
    if (value.valueless_by_exception()) throw_no_alternative(sizeof...(Alternatives));
    return std::visit([]<class Alternative>(
                          const Alternative& held) { return Mapping<Alternative>::to_value(held); },
                      value);
  }
  static Variant from_value(const Value& value) { return from<Alternatives...>(value); }

 private:
  template <class First, class... Rest>
  static Variant from(const Value& value) {
    if (Mapping<First>::kKinds.contains(value.kind())) {
      return Variant(std::in_place_type<First>, Mapping<First>::from_value(value));
    }
    if constexpr (sizeof...(Rest) > 0) return from<Rest...>(value);
    throw_no_alternative(sizeof...(Alternatives));
  }
};

// Structs by name: their unqualified ones.
template <class... Alternatives>
struct NamedMapping {
  using Variant = std::variant<Alternatives...>;

  static constexpr bool names_differ() {
    constexpr std::string_view names[] = {kNameOf<Alternatives>...};
    for (std::size_t i = 0; i < sizeof...(Alternatives); ++i) {
      for (std::size_t j = 0; j < i; ++j) {
        if (names[i] == names[j]) return false;
      }
    }
    return true;
  }
  static_assert(names_differ(),
                "odb: two alternatives of a variant have the same unqualified name");

  static constexpr ValueKinds kKinds = ValueKind::kVariant;
  static Type type(const ResolveReference& resolve) {
    std::vector<Type> structs;
    (structs.push_back(struct_type<Alternatives>(resolve)), ...);
    return Type::variant("", {std::string(kNameOf<Alternatives>)...}, std::move(structs));
  }
  static Value to_value(const Variant& value) {
    if (value.valueless_by_exception()) throw_no_alternative(sizeof...(Alternatives));
    return std::visit(
        [&](const auto& held) {
          return Value::variant(static_cast<std::uint32_t>(value.index()), struct_to_values(held));
        },
        value);
  }
  static Variant from_value(const Value& value) {
    expect_kind(value, ValueKind::kVariant);
    return from<0>(value);
  }

 private:
  template <std::size_t I>
  static Variant from(const Value& value) {
    if constexpr (I < sizeof...(Alternatives)) {
      if (value.alternative() != I) return from<I + 1>(value);
      using Alternative = std::variant_alternative_t<I, Variant>;
      const std::span<const Value> fields =
          expect_elements(value, ValueKind::kVariant, kMemberCount<Alternative>);
      return Variant(
          std::in_place_index<I>,
          struct_from<Alternative>([&](std::size_t i) -> const Value& { return fields[i]; }));
    } else {
      throw_no_alternative(sizeof...(Alternatives));
    }
  }
};

}  // namespace detail

template <Mapped... Alternatives>
struct Mapping<std::variant<Alternatives...>>
    : std::conditional_t<(detail::Described<Alternatives> && ...),
                         std::type_identity<detail::NamedMapping<Alternatives...>>,
                         std::type_identity<detail::OneOfMapping<Alternatives...>>>::type {};

}  // namespace odb
