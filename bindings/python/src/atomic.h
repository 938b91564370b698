// Atomic updates: the methods atomicAdd, atomicAppend, atomicInsert and atomicErase of objects.
#pragma once

#include "python.h"

namespace odb::python {

// Each takes fields by keyword, works in the current transaction and reads nothing.
PyObject* atomic_add(PyObject* self, PyObject* const* args, Py_ssize_t count, PyObject* names);
PyObject* atomic_append(PyObject* self, PyObject* const* args, Py_ssize_t count, PyObject* names);
PyObject* atomic_insert(PyObject* self, PyObject* const* args, Py_ssize_t count, PyObject* names);
PyObject* atomic_erase(PyObject* self, PyObject* const* args, Py_ssize_t count, PyObject* names);

}  // namespace odb::python
