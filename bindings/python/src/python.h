// What every source of the module starts from: pybind11, and the way from C++ exceptions to
// Python's.
#pragma once

#define PY_SSIZE_T_CLEAN
#include <pybind11/pybind11.h>

#include <exception>
#include <string>
#include <utility>

namespace odb::python {

namespace py = pybind11;

// Takes over a new reference; a null one means that a Python error is set, and throws it.
inline py::object steal(PyObject* object) {
  if (object == nullptr) throw py::error_already_set();
  return py::reinterpret_steal<py::object>(object);
}
inline py::object borrow(PyObject* object) { return py::reinterpret_borrow<py::object>(object); }

template <class Struct>
PyObject* as_object(Struct* object) {
  return reinterpret_cast<PyObject*>(object);
}

// Sets the Python error that the exception being handled stands for. Only inside a catch block.
void set_error_from_exception() noexcept;

// The edge between the C API and C++: runs `body`, and turns what it throws into a Python error.
template <class Body>
PyObject* guarded(Body&& body) noexcept {
  try {
    return body();
  } catch (...) {
    set_error_from_exception();
    return nullptr;
  }
}
template <class Body>
int guarded_status(Body&& body) noexcept {
  try {
    return body();
  } catch (...) {
    set_error_from_exception();
    return -1;
  }
}

inline std::string to_text(PyObject* unicode) {
  Py_ssize_t size = 0;
  const char* const utf8 = PyUnicode_AsUTF8AndSize(unicode, &size);
  if (utf8 == nullptr) throw py::error_already_set();
  return {utf8, static_cast<std::size_t>(size)};
}

// repr(object), shortened; never throws.
std::string short_repr(PyObject* object);

}  // namespace odb::python
