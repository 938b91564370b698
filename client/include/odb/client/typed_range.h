// What a range look-up or subscription is about: in_range<...>(prefix(...), at_least(...), ...).
#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <optional>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "odb/client/typed_query.h"
#include "odb/core/index_scan.h"
#include "odb/core/interest.h"

namespace odb {
namespace detail {

struct RangePart {};

template <class... Values>
struct Prefix : RangePart {
  std::tuple<Values...> values;
};

enum class Side { kLower, kUpper };
template <class Value, Side kOfSide>
struct Bound : RangePart {
  Value value;
  RangeBound::Edge edge;
};

struct Order : RangePart {
  ScanOrder order;
};
struct Limit : RangePart {
  std::size_t limit;
};

template <class Part>
concept IsRangePart = std::derived_from<Part, RangePart>;

template <std::size_t kPosition, auto First, auto... Rest>
struct NthMember : NthMember<kPosition - 1, Rest...> {};
template <auto First, auto... Rest>
struct NthMember<0, First, Rest...> {
  static constexpr auto value = First;
};

}  // namespace detail

// ---- the parts of a range, in any order ----

// The first members have these values; bounds are about the member after them.
template <class... Values>
detail::Prefix<std::decay_t<const Values&>...> prefix(const Values&... values) {
  return {{}, {values...}};
}
template <class Value>
detail::Bound<std::decay_t<const Value&>, detail::Side::kLower> at_least(const Value& value) {
  return {{}, value, RangeBound::Edge::kInclusive};
}
template <class Value>
detail::Bound<std::decay_t<const Value&>, detail::Side::kLower> above(const Value& value) {
  return {{}, value, RangeBound::Edge::kExclusive};
}
template <class Value>
detail::Bound<std::decay_t<const Value&>, detail::Side::kUpper> at_most(const Value& value) {
  return {{}, value, RangeBound::Edge::kInclusive};
}
template <class Value>
detail::Bound<std::decay_t<const Value&>, detail::Side::kUpper> below(const Value& value) {
  return {{}, value, RangeBound::Edge::kExclusive};
}
// From the greatest to the least.
inline constexpr detail::Order descending{{}, ScanOrder::kDescending};
// The first so many.
constexpr detail::Limit limit(std::size_t count) { return {{}, count}; }

// The objects of T in a part of the index over exactly these members.
template <class T, auto... Members>
struct InRange {
  std::string schema;  // empty: the only one that defines T
  std::vector<Value> prefix;
  std::optional<RangeBound> lower;
  std::optional<RangeBound> upper;
  RangeOptions options;

  // Throws SchemaError when T is not defined there, is ambiguous, or lacks the index.
  IndexRange range(const detail::ClientCatalog& catalog) const {
    static constexpr std::array positions{detail::MemberOf<T, Members>::kPosition...};
    static constexpr std::array names{detail::MemberOf<T, Members>::kName...};
    return {detail::find_index(detail::binding_of<T>(catalog, schema), positions, names), prefix,
            lower, upper};
  }
  // For Database::subscribe. Order and limit do not count.
  Interest interest(const detail::ClientCatalog& catalog) const {
    return IndexRangeInterest{range(catalog)};
  }
};

namespace detail {

// The number of members that the parts give values for as prefix.
template <class Part>
inline constexpr std::size_t kPrefixSize = 0;
template <class... Values>
inline constexpr std::size_t kPrefixSize<Prefix<Values...>> = sizeof...(Values);

template <class T, auto... Members>
struct RangeBuilder {
  InRange<T, Members...> query;

  template <std::size_t kMember, class... Values>
  void add(const Prefix<Values...>& part) {
    static_assert(sizeof...(Values) <= sizeof...(Members),
                  "odb: a prefix of more values than the index has members");
    [&]<std::size_t... I>(std::index_sequence<I...>) {
      (query.prefix.push_back(
           member_value<T, NthMember<I, Members...>::value>(std::get<I>(part.values))),
       ...);
    }
    (std::index_sequence_for<Values...>());
  }
  template <std::size_t kMember, class Given, Side kSide>
  void add(const Bound<Given, kSide>& part) {
    static_assert(kMember < sizeof...(Members),
                  "odb: a bound needs a member of the index after those of the prefix");
    RangeBound bound{member_value<T, NthMember<kMember, Members...>::value>(part.value), part.edge};
    (kSide == Side::kLower ? query.lower : query.upper) = std::move(bound);
  }
  template <std::size_t kMember>
  void add(const Order& part) {
    query.options.order = part.order;
  }
  template <std::size_t kMember>
  void add(const Limit& part) {
    query.options.limit = part.limit;
  }
};

}  // namespace detail

// in_range<&Task::status, &Task::priority>(prefix("open"), at_least(2), descending, limit(10));
// with members of a base in_range<Derived, &Base::name>(...). Throws ValueError for numbers out of
// a member's range.
template <class T, auto Member, auto... More, detail::IsRangePart... Parts>
InRange<T, Member, More...> in_range(const Parts&... parts) {
  [[maybe_unused]] constexpr std::size_t kBounded =
      (std::size_t{0} + ... + detail::kPrefixSize<Parts>);
  detail::RangeBuilder<T, Member, More...> builder;
  (builder.template add<kBounded>(parts), ...);
  return std::move(builder.query);
}
template <auto Member, auto... More, detail::IsRangePart... Parts>
InRange<detail::ClassOf<Member>, Member, More...> in_range(const Parts&... parts) {
  return in_range<detail::ClassOf<Member>, Member, More...>(parts...);
}
// Of a struct that is defined in several schemas.
template <auto Member, auto... More, detail::IsRangePart... Parts>
InRange<detail::ClassOf<Member>, Member, More...> in_range(const Schema& schema,
                                                           const Parts&... parts) {
  auto query = in_range<Member, More...>(parts...);
  query.schema = schema.name();
  return query;
}

}  // namespace odb
