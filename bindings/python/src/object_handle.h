// ObjectHandle: an object in Python: its class and its identity.
#pragma once

#include <cstdint>

#include "odb/core/ids.h"
#include "python.h"

namespace odb::python {

class TypeDefinition;

// The base of all classes that schemas define; `object_database.DatabaseObject`. Holds no
// connection: what it reads and writes goes through the current view. `identity` is 0 from its
// construction until the transaction creates it.
struct ObjectHandle {
  PyObject_HEAD PyObject* weak_references;
  std::uint64_t identity;
};

bool is_handle(PyObject* object);
PyObject* new_handle(PyTypeObject* python_class,
                     ObjectId object) noexcept;  // null with an error set

// The identity; creates the object now if it is under construction. Raises when that fails.
ObjectId identity_of(PyObject* handle);

// A class's __del__ says that its object was deleted; Python must not run it when it collects a
// handle.
void suppress_finalizer(PyTypeObject* python_class);

void register_object_handle(py::module_& module);

}  // namespace odb::python
