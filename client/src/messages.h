// The sentences in which the client tells what went wrong with an object.
#pragma once

#include <span>
#include <string>
#include <utility>

#include "odb/client/errors.h"
#include "odb/client/object_ref.h"
#include "odb/core/error.h"
#include "odb/core/schema.h"

namespace odb::detail {

// "todo.Task 42"; the type's number when the catalog does not know it.
std::string describe(const Catalog& catalog, ObjectRef object);

Error not_found(const Catalog& catalog, ObjectRef object);
Error not_subscribed(const Catalog& catalog, ObjectRef object);

// Of views and transactions of a history that has ended.
Error history_has_ended();
// "the server sent " and what makes no sense.
Error nonsense(const std::string& what);

// The value; throws what the error is.
template <class T>
T checked(Result<T> result) {
  if (!result) throw_error(std::move(result.error()));
  return *std::move(result);
}

// The one object of a look-up; throws NotFoundError when there is none or there are several.
ObjectRef only_one(const Catalog& catalog, IndexId index, std::span<const ObjectRef> found);

}  // namespace odb::detail
