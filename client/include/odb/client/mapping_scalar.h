// Mapping of values without parts: numbers, text, data, timestamps, references.
#pragma once

#include <chrono>
#include <cmath>
#include <concepts>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <variant>

#include "odb/client/detail/client_catalog.h"
#include "odb/client/mapping_base.h"
#include "odb/client/mapping_name.h"
#include "odb/client/object_ref.h"

namespace odb {

template <>
struct Mapping<std::monostate> {
  static constexpr ValueKinds kKinds = ValueKind::kNone;
  static Type type(const detail::ResolveReference&) { return Type::none(); }
  static Value to_value(std::monostate) { return Value::none(); }
  static std::monostate from_value(const Value& value) {
    detail::expect_kind(value, ValueKind::kNone);
    return {};
  }
};

template <>
struct Mapping<bool> {
  static constexpr ValueKinds kKinds = ValueKind::kBool;
  static Type type(const detail::ResolveReference&) { return Type::boolean(); }
  static Value to_value(bool value) { return Value::boolean(value); }
  static bool from_value(const Value& value) {
    detail::expect_kind(value, ValueKind::kBool);
    return value.as_bool();
  }
};

namespace detail {

// Not bool, and not the characters: whether those are numbers or text is for the program to say.
template <class T>
concept StoredInteger =
    std::integral<T> && !std::same_as<T, bool> && !std::same_as<T, char> &&
    !std::same_as<T, wchar_t> && !std::same_as<T, char8_t> && !std::same_as<T, char16_t> &&
    !std::same_as<T, char32_t> && std::same_as<T, std::remove_cv_t<T>>;

}  // namespace detail

// Signed 64 bits on the wire; either way a number that does not fit throws ValueError.
template <detail::StoredInteger T>
struct Mapping<T> {
  static constexpr ValueKinds kKinds = ValueKind::kInt;
  static Type type(const detail::ResolveReference&) { return Type::integer(); }
  static Value to_value(T value) {
    if (!std::in_range<std::int64_t>(value)) [[unlikely]] {
      detail::throw_int_out_of_range(std::numeric_limits<std::int64_t>::min(),
                                     std::numeric_limits<std::int64_t>::max());
    }
    return Value::integer(static_cast<std::int64_t>(value));
  }
  static T from_value(const Value& value) {
    detail::expect_kind(value, ValueKind::kInt);
    const std::int64_t number = value.as_int();
    if (!std::in_range<T>(number)) [[unlikely]] {
      detail::throw_int_out_of_range(static_cast<std::int64_t>(std::numeric_limits<T>::min()),
                                     static_cast<std::uint64_t>(std::numeric_limits<T>::max()));
    }
    return static_cast<T>(number);
  }
};

template <>
struct Mapping<double> {
  static constexpr ValueKinds kKinds = ValueKind::kFloat;
  static Type type(const detail::ResolveReference&) { return Type::real(); }
  static Value to_value(double value) { return Value::real(value); }
  static double from_value(const Value& value) {
    detail::expect_kind(value, ValueKind::kFloat);
    return value.as_float();
  }
};

// 64 bits on the wire: reading rounds to the nearest float, and refuses finite numbers beyond its
// range.
template <>
struct Mapping<float> {
  static constexpr ValueKinds kKinds = ValueKind::kFloat;
  static Type type(const detail::ResolveReference&) { return Type::real(); }
  static Value to_value(float value) { return Value::real(static_cast<double>(value)); }
  static float from_value(const Value& value) {
    const double number = Mapping<double>::from_value(value);
    constexpr double kMax = std::numeric_limits<float>::max();
    if (std::isfinite(number) && (number > kMax || number < -kMax)) [[unlikely]] {
      detail::throw_out_of_range("a float of 32 bits");
    }
    return static_cast<float>(number);
  }
};

// Must be valid UTF-8, which is checked when it is written.
template <>
struct Mapping<std::string> {
  static constexpr ValueKinds kKinds = ValueKind::kText;
  static Type type(const detail::ResolveReference&) { return Type::text(); }
  static Value to_value(std::string_view value) { return Value::text(value); }
  static std::string from_value(const Value& value) {
    detail::expect_kind(value, ValueKind::kText);
    return std::string(value.as_text());
  }
};

template <>
struct Mapping<Bytes> {
  static constexpr ValueKinds kKinds = ValueKind::kData;
  static Type type(const detail::ResolveReference&) { return Type::data(); }
  static Value to_value(const Bytes& value) { return Value::data(value); }
  static Bytes from_value(const Value& value) {
    detail::expect_kind(value, ValueKind::kData);
    const std::span<const std::byte> bytes = value.as_data();
    return Bytes(bytes.begin(), bytes.end());
  }
};

// Nanoseconds on the wire, from 1677 to 2262. A coarser clock reads the past instant that it can
// tell.
template <class Duration>
struct Mapping<std::chrono::sys_time<Duration>> {
  static constexpr ValueKinds kKinds = ValueKind::kTimestamp;
  static Type type(const detail::ResolveReference&) { return Type::timestamp(); }

  static Value to_value(std::chrono::sys_time<Duration> value) {
    return Value::timestamp(scaled<Rep, std::int64_t, Ticks>(value.time_since_epoch().count()));
  }
  static std::chrono::sys_time<Duration> from_value(const Value& value) {
    detail::expect_kind(value, ValueKind::kTimestamp);
    using Inverse = std::ratio<Ticks::den, Ticks::num>;
    return std::chrono::sys_time<Duration>(
        Duration(scaled<std::int64_t, Rep, Inverse>(value.as_timestamp())));
  }

 private:
  using Rep = typename Duration::rep;
  using Ticks = std::ratio_divide<typename Duration::period, std::nano>;  // ns in one of Duration

  // count * Ratio, rounded down; throws ValueError unless `To` can hold it.
  template <class From, class To, class Ratio>
  static To scaled(From count) {
    constexpr const char* kExpected =
        "a time that fits 64 bits of nanoseconds and the member's type";
    if constexpr (std::is_floating_point_v<From> || std::is_floating_point_v<To>) {
      const long double exact =
          static_cast<long double>(count) * Ratio::num / static_cast<long double>(Ratio::den);
      if constexpr (std::is_floating_point_v<To>) {
        return static_cast<To>(exact);
      } else {
        const long double whole = std::floor(exact);
        if (!(whole >= -0x1p63L && whole < 0x1p63L)) detail::throw_out_of_range(kExpected);
        return static_cast<To>(whole);
      }
    } else {
      std::int64_t product = 0;
      if (__builtin_mul_overflow(count, Ratio::num, &product)) {
        detail::throw_out_of_range(kExpected);
      }
      std::int64_t quotient = product / Ratio::den;
      if (product % Ratio::den < 0) --quotient;
      if (!std::in_range<To>(quotient)) detail::throw_out_of_range(kExpected);
      return static_cast<To>(quotient);
    }
  }
};

template <class T>
struct Mapping<Ref<T>> {
  static constexpr ValueKinds kKinds = ValueKind::kReference;
  static Type type(const detail::ResolveReference& resolve) {
    return Type::reference(resolve(detail::type_slot<T>(), detail::kNameOf<T>));
  }
  static Value to_value(Ref<T> value) { return Value::reference(value.type, value.object); }
  static Ref<T> from_value(const Value& value) {
    detail::expect_kind(value, ValueKind::kReference);
    return Ref<T>(ObjectRef{value.object_type(), value.object()});
  }
};

}  // namespace odb
