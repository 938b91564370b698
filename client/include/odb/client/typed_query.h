// What a look-up or a subscription is about: where<...>, type<T>, objects(refs).
#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "odb/client/detail/client_catalog.h"
#include "odb/client/mapping.h"
#include "odb/client/schema.h"
#include "odb/core/interest.h"

namespace odb {
namespace detail {

template <class T>
const TypeBinding& binding_of(const ClientCatalog& catalog, TypeId type = {}) {
  return catalog.binding(type_slot<T>(), type, kNameOf<T>);
}
// An empty schema name: the only schema that defines T.
template <class T>
const TypeBinding& binding_of(const ClientCatalog& catalog, std::string_view schema) {
  if (schema.empty()) return binding_of<T>(catalog);
  return catalog.binding(type_slot<T>(), schema, kNameOf<T>);
}

// The index over exactly the fields at these positions of the struct. Throws SchemaError, which
// tells `members`, when there is none.
IndexId find_index(const TypeBinding& binding, std::span<const std::size_t> positions,
                   std::span<const std::string_view> members);

template <class T>
std::vector<Ref<T>> to_refs(std::span<const ObjectRef> objects) {
  std::vector<Ref<T>> refs;
  refs.reserve(objects.size());
  for (const ObjectRef& object : objects) refs.push_back(Ref<T>(object));
  return refs;
}

}  // namespace detail

// The objects of T whose members have these values. Needs an index over exactly these members, in
// this order.
template <class T, auto... Members>
struct Where {
  static_assert(sizeof...(Members) > 0);

  std::string schema;  // empty: the only one that defines T
  std::array<Value, sizeof...(Members)> values;

  // Throw SchemaError when T is not defined there, is ambiguous, or lacks the index.
  IndexId index(const detail::ClientCatalog& catalog) const {
    static constexpr std::array positions{detail::MemberOf<T, Members>::kPosition...};
    static constexpr std::array names{detail::MemberOf<T, Members>::kName...};
    return detail::find_index(detail::binding_of<T>(catalog, schema), positions, names);
  }
  Interest interest(const detail::ClientCatalog& catalog) const {
    return IndexInterest{index(catalog), {values.begin(), values.end()}};
  }
};

namespace detail {

template <class T, auto... Members, class... Values>
Where<T, Members...> where_in(std::string schema, const Values&... values) {
  static_assert(sizeof...(Values) == sizeof...(Members), "odb: one value for each member");
  return {std::move(schema), {member_value<T, Members>(values)...}};
}

}  // namespace detail

// where<&Task::status>("open"), or where<&Task::status>(schema, "open"), or with members of a base
// where<Derived, &Base::name>("x"). Throws ValueError for numbers out of a member's range.
template <class T, auto Member, auto... More, class First, class... Rest>
Where<T, Member, More...> where(const First& first, const Rest&... rest) {
  if constexpr (std::same_as<First, Schema>) {
    return detail::where_in<T, Member, More...>(first.name(), rest...);
  } else {
    return detail::where_in<T, Member, More...>({}, first, rest...);
  }
}
template <auto Member, auto... More, class... Values>
Where<detail::ClassOf<Member>, Member, More...> where(const Values&... values) {
  return where<detail::ClassOf<Member>, Member, More...>(values...);
}

// For Database::subscribe: every object of T.
template <class T>
struct EveryObject {
  std::string schema;  // as in Where

  Interest interest(const detail::ClientCatalog& catalog) const {
    return TypeInterest{detail::binding_of<T>(catalog, schema).type->id};
  }
};
template <class T>
EveryObject<T> type() {
  return {};
}
template <class T>
EveryObject<T> type(const Schema& schema) {
  return {schema.name()};
}

// For Database::subscribe(schema, excluding<Log, Audit>()): what the schema defines but these.
template <class... T>
Excluding excluding() {
  return {{detail::type_slot<T>()...}, {std::string(detail::kNameOf<T>)...}};
}

// For Database::subscribe: these objects, all of one type. Throws UsageError otherwise.
template <class T>
struct ChosenObjects {
  std::vector<Ref<T>> refs;

  Interest interest(const detail::ClientCatalog& catalog) const {
    ObjectsInterest out{refs.empty() ? detail::binding_of<T>(catalog).type->id : refs.front().type,
                        {}};
    out.objects.reserve(refs.size());
    for (const Ref<T>& ref : refs) {
      if (!ref || ref.type != out.type) {
        throw UsageError({ErrorCode::kUnknownObject,
                          "objects(refs): expected references to objects of one type"});
      }
      out.objects.push_back(ref.object);
    }
    return out;
  }
};
template <class T>
ChosenObjects<T> objects(std::vector<Ref<T>> refs) {
  return {std::move(refs)};
}
template <class T>
ChosenObjects<T> objects(std::initializer_list<Ref<T>> refs) {
  return {refs};
}
template <class T, std::same_as<Ref<T>>... More>
ChosenObjects<T> objects(Ref<T> first, More... more) {
  return {{first, more...}};
}

}  // namespace odb
