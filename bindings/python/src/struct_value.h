// StructValue: a value of a NamedTuple, or of one alternative of an Alternative, in Python.
#pragma once

#include "python.h"

namespace odb::python {

// Immutable. The declaration layer makes one subclass for each struct, with `_fields`, a tuple of
// names, and one StructField for each of them.
struct StructValue {
  PyObject_VAR_HEAD PyObject* items[1];
};

bool is_struct_value(PyObject* object);
// Its items are null until the caller sets each of them.
StructValue* new_struct_value(PyTypeObject* python_class, Py_ssize_t size);

void register_struct_value(py::module_& module);

}  // namespace odb::python
