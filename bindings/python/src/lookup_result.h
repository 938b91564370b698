// LookupResult: what lookupAll returns, a sequence that makes its handles when they are asked for.
#pragma once

#include <vector>

#include "odb/client/object_ref.h"
#include "python.h"

namespace odb::python {

// A new reference.
PyObject* make_lookup_result(PyTypeObject* python_class, std::vector<ObjectRef> objects);
bool is_lookup_result(PyObject* object);
void register_lookup_result(py::module_& module);

}  // namespace odb::python
