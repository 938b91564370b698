// Schema::define<T>, and the indexes that it takes.
#pragma once

#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "odb/client/mapping.h"
#include "odb/client/schema.h"

namespace odb {

// An index over members of the struct T; T is void when the struct is the one that it is given for.
template <class T, auto... Members>
struct IndexOf {
  std::string name;  // empty: the members' names, joined by "_"
  Uniqueness uniqueness = Uniqueness::kMany;
  IndexRole role = IndexRole::kLookup;
};

namespace detail {

template <class T, auto... Members>
inline constexpr bool kIsIndex<IndexOf<T, Members...>> = true;

template <class T, class Of, auto... Members>
IndexDefinition index_definition(IndexOf<Of, Members...> index) {
  static_assert(std::is_void_v<Of> || std::is_same_v<Of, T>,
                "odb: this index is over members of another struct than the one being defined");
  return {std::move(index.name),
          {std::string(MemberOf<T, Members>::kName)...},
          index.uniqueness,
          index.role};
}

// The fields of a type defined from T.
template <class T>
std::vector<FieldDefinition> struct_fields(const ResolveReference& resolve) {
  std::vector<FieldDefinition> fields;
  fields.reserve(kMemberCount<T>);
  for_each_member<T>([&]<class Member>(Member, auto) {
    fields.push_back({std::string(Member::kName), Mapping<typename Member::Type>::type(resolve)});
  });
  return fields;
}

}  // namespace detail

// For define<T>: index<&Task::status, &Task::priority>("by_status_and_priority").
template <auto Member, auto... More>
IndexOf<void, Member, More...> index(std::string name = {}) {
  return {std::move(name), Uniqueness::kMany, IndexRole::kLookup};
}
// With members of a base: index<Derived, &Base::name>().
template <class T, auto Member, auto... More>
IndexOf<T, Member, More...> index(std::string name = {}) {
  return {std::move(name), Uniqueness::kMany, IndexRole::kLookup};
}

// No two objects may have the same values in all of these members.
template <auto Member, auto... More>
IndexOf<void, Member, More...> unique(std::string name = {}) {
  return {std::move(name), Uniqueness::kUnique, IndexRole::kLookup};
}
template <class T, auto Member, auto... More>
IndexOf<T, Member, More...> unique(std::string name = {}) {
  return {std::move(name), Uniqueness::kUnique, IndexRole::kLookup};
}

template <class T, detail::IndexDeclaration... Indexes>
Schema& Schema::define(Indexes... indexes) {
  return define<T>(detail::kNameOf<T>, std::move(indexes)...);
}

template <class T, detail::IndexDeclaration... Indexes>
Schema& Schema::define(std::string_view name, Indexes... indexes) {
  static_assert(detail::Described<T>,
                "odb: only a struct with BOOST_DESCRIBE_STRUCT can be defined as a type");
  detail::StructDefinition definition;
  definition.slot = detail::type_slot<T>();
  definition.struct_name = detail::kNameOf<T>;
  definition.fields = &detail::struct_fields<T>;
  definition.indexes.reserve(sizeof...(Indexes));
  (definition.indexes.push_back(detail::index_definition<T>(std::move(indexes))), ...);
  return define_struct(name, std::move(definition));
}

}  // namespace odb
