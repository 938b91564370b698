// References to objects: usable before commit, storable in fields, valid in any view.
#pragma once

#include <compare>
#include <functional>

#include "odb/core/ids.h"

namespace odb {

// An object of a type known at run time. Default-made it refers to nothing, and is no valid field
// value.
struct ObjectRef {
  TypeId type;
  ObjectId object;

  explicit operator bool() const { return object != ObjectId{}; }
  friend auto operator<=>(const ObjectRef&, const ObjectRef&) = default;
  friend std::size_t hash_value(const ObjectRef& ref) noexcept { return hash_value(ref.object); }
};

// An object of the described struct T.
template <class T>
struct Ref : ObjectRef {
  using type_of_object = T;

  Ref() = default;
  // Unchecked: `ref` must refer to an object of a type defined from T.
  explicit Ref(ObjectRef ref) : ObjectRef(ref) {}
  friend auto operator<=>(const Ref&, const Ref&) = default;
};

}  // namespace odb

template <>
struct std::hash<odb::ObjectRef> {
  std::size_t operator()(const odb::ObjectRef& ref) const noexcept { return hash_value(ref); }
};
template <class T>
struct std::hash<odb::Ref<T>> {
  std::size_t operator()(const odb::Ref<T>& ref) const noexcept { return hash_value(ref); }
};
