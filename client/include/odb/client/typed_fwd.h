// Names that the typed members of Schema, View, Transaction and Database need; odb/odb.h defines
// them.
#pragma once

#include <cstddef>
#include <type_traits>
#include <utility>
#include <vector>

#include "odb/client/object_ref.h"

namespace odb {

class Schema;
template <class T>
class Objects;  // typed_view.h
template <class T>
class TransactionObjects;  // typed_transaction.h
template <class T, auto... Members>
struct Where;  // typed_query.h
template <class T, auto... Members>
struct InRange;  // typed_range.h

namespace detail {

template <class Pointer>
struct MemberPointer {};
template <class C, class M>
struct MemberPointer<M C::*> {
  using Class = C;
  using Type = M;
};

// The type of the member that `Member` points to.
template <auto Member>
using MemberType = typename MemberPointer<decltype(Member)>::Type;

// The struct that it belongs to.
template <auto Member>
using ClassOf = typename MemberPointer<decltype(Member)>::Class;

template <class Index>
inline constexpr bool kIsIndex = false;  // typed_schema.h
template <class Index>
concept IndexDeclaration = kIsIndex<Index>;

}  // namespace detail
}  // namespace odb
