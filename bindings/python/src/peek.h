// What an object holds, for people to look at: without a read being noted or the server asked.
#pragma once

#include "python.h"

namespace odb::python {

// None when that cannot be told: no view is current here, or it holds nothing of the object. False
// when the object does not exist. Else a dict from field names to values, Ellipsis for one that is
// not loaded.
py::object peek(PyObject* handle);

void register_peek(py::module_& module);

}  // namespace odb::python
