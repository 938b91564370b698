#include "lookup_result.h"

#include <algorithm>
#include <new>

#include "object_handle.h"

namespace odb::python {
namespace {

struct LookupResult {
  PyObject_HEAD PyTypeObject* python_class;
  std::vector<ObjectRef> objects;
};

LookupResult* as_result(PyObject* object) { return reinterpret_cast<LookupResult*>(object); }

void deallocate(PyObject* self) {
  as_result(self)->objects.~vector();
  Py_TYPE(self)->tp_free(self);
}

Py_ssize_t length(PyObject* self) {
  return static_cast<Py_ssize_t>(as_result(self)->objects.size());
}

PyObject* item(PyObject* self, Py_ssize_t i) {
  if (i < 0 || i >= length(self)) {
    PyErr_SetString(PyExc_IndexError, "look-up index out of range");
    return nullptr;
  }
  const LookupResult* const result = as_result(self);
  return new_handle(result->python_class, result->objects[static_cast<std::size_t>(i)].object);
}

PyObject* as_tuple(PyObject* self) { return PySequence_Tuple(self); }

PyObject* subscript(PyObject* self, PyObject* key) {
  if (PySlice_Check(key)) {
    PyObject* const tuple = as_tuple(self);
    if (tuple == nullptr) return nullptr;
    PyObject* const out = PyObject_GetItem(tuple, key);
    Py_DECREF(tuple);
    return out;
  }
  Py_ssize_t i = PyNumber_AsSsize_t(key, PyExc_IndexError);
  if (i == -1 && PyErr_Occurred() != nullptr) return nullptr;
  if (i < 0) i += length(self);
  return item(self, i);
}

int contains(PyObject* self, PyObject* object) {
  const LookupResult* const result = as_result(self);
  if (Py_TYPE(object) != result->python_class) return 0;
  const std::uint64_t identity = reinterpret_cast<ObjectHandle*>(object)->identity;
  return std::any_of(result->objects.begin(), result->objects.end(),
                     [&](const ObjectRef& ref) { return ref.object.value == identity; })
             ? 1
             : 0;
}

PyObject* compare(PyObject* self, PyObject* other, int operation) {
  if ((operation != Py_EQ && operation != Py_NE) ||
      (!PyTuple_Check(other) && !is_lookup_result(other))) {
    Py_RETURN_NOTIMPLEMENTED;
  }
  PyObject* const mine = as_tuple(self);
  PyObject* const theirs = mine == nullptr ? nullptr : as_tuple(other);
  PyObject* const out = theirs == nullptr ? nullptr : PyObject_RichCompare(mine, theirs, operation);
  Py_XDECREF(mine);
  Py_XDECREF(theirs);
  return out;
}

Py_hash_t hash(PyObject* self) {
  PyObject* const tuple = as_tuple(self);
  if (tuple == nullptr) return -1;
  const Py_hash_t out = PyObject_Hash(tuple);
  Py_DECREF(tuple);
  return out;
}

PyObject* displayed(PyObject* self, const char* function) {
  return guarded([&] {
    const py::module_ display = py::module_::import("object_database.display");
    return py::object(display.attr(function)(borrow(self))).release().ptr();
  });
}

PyObject* represent(PyObject* self) { return displayed(self, "result_repr"); }
PyObject* represent_html(PyObject* self, PyObject*) { return displayed(self, "result_html"); }

// index() and count(), as tuples have them.
template <const char* const& kName>
PyObject* call_of_tuple(PyObject* self, PyObject* args) {
  return guarded([&] {
    const py::object tuple = steal(as_tuple(self));
    return py::object(tuple.attr(kName)(*borrow(args))).release().ptr();
  });
}
constexpr const char* kIndex = "index";
constexpr const char* kCount = "count";

PyMethodDef methods[] = {{"index", call_of_tuple<kIndex>, METH_VARARGS, nullptr},
                         {"count", call_of_tuple<kCount>, METH_VARARGS, nullptr},
                         {"_repr_html_", represent_html, METH_NOARGS, "A table, for notebooks."},
                         {nullptr, nullptr, 0, nullptr}};

PySequenceMethods sequence_methods = [] {
  PySequenceMethods out = {};
  out.sq_length = length;
  out.sq_item = item;
  out.sq_contains = contains;
  return out;
}();
PyMappingMethods mapping_methods = [] {
  PyMappingMethods out = {};
  out.mp_length = length;
  out.mp_subscript = subscript;
  return out;
}();

PyTypeObject lookup_result_type = [] {
  PyTypeObject type = {PyVarObject_HEAD_INIT(nullptr, 0)};
  type.tp_name = "object_database._odb.LookupResult";
  type.tp_basicsize = sizeof(LookupResult);
  type.tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_SEQUENCE;
  type.tp_doc = "The objects that a look-up found: an immutable sequence.";
  type.tp_dealloc = deallocate;
  type.tp_repr = represent;
  type.tp_richcompare = compare;
  type.tp_hash = hash;
  type.tp_as_sequence = &sequence_methods;
  type.tp_as_mapping = &mapping_methods;
  type.tp_methods = methods;
  return type;
}();

}  // namespace

PyObject* make_lookup_result(PyTypeObject* python_class, std::vector<ObjectRef> objects) {
  LookupResult* const out = PyObject_New(LookupResult, &lookup_result_type);
  if (out == nullptr) return nullptr;
  out->python_class = python_class;  // classes of schemas live as long as the process
  new (&out->objects) std::vector<ObjectRef>(std::move(objects));
  return as_object(out);
}

bool is_lookup_result(PyObject* object) { return Py_TYPE(object) == &lookup_result_type; }

void register_lookup_result(py::module_& module) {
  if (PyType_Ready(&lookup_result_type) < 0) throw py::error_already_set();
  module.add_object("LookupResult", as_object(&lookup_result_type));
}

}  // namespace odb::python
