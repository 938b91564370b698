// The typed form of what a commit changed.
#pragma once

#include <algorithm>
#include <vector>

#include "odb/client/database.h"
#include "odb/client/mapping.h"
#include "odb/client/typed_query.h"

namespace odb {
namespace detail {

template <class T>
std::vector<Ref<T>> refs_of(const View& view, const std::vector<Change::Object>& objects) {
  std::vector<Ref<T>> refs;
  const auto& bindings = view.snapshot().catalog().bindings;
  if (type_slot<T>() >= bindings.size()) return refs;
  for (const TypeBinding& binding : bindings[type_slot<T>()]) {
    for (const Change::Object& object : objects) {
      if (object.object.type == binding.type->id) refs.push_back(Ref<T>(object.object));
    }
  }
  return refs;
}

}  // namespace detail

template <class T>
std::vector<Ref<T>> Change::created_of() const {
  return detail::refs_of<T>(view, created);
}
template <class T>
std::vector<Ref<T>> Change::changed_of() const {
  return detail::refs_of<T>(view, changed);
}
template <class T>
std::vector<Ref<T>> Change::deleted_of() const {
  return detail::refs_of<T>(view, deleted);
}

template <auto Member, class T>
bool Change::wrote(Ref<T> object) const {
  const detail::TypeBinding& binding =
      detail::binding_of<T>(view.snapshot().catalog(), object.type);
  const FieldId field = binding.fields[detail::MemberOf<T, Member>::kPosition];
  return std::any_of(changed.begin(), changed.end(), [&](const Object& written) {
    return written.object == object &&
           std::find(written.fields.begin(), written.fields.end(), field) != written.fields.end();
  });
}

}  // namespace odb
