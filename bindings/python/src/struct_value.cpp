#include "struct_value.h"

#include <cstddef>

namespace odb::python {
namespace {

StructValue* as_value(PyObject* object) { return reinterpret_cast<StructValue*>(object); }

int traverse(PyObject* self, visitproc visit, void* arg) {
  for (Py_ssize_t i = 0; i < Py_SIZE(self); ++i) Py_VISIT(as_value(self)->items[i]);
  return 0;
}

// The classes of values derive from this one, and Python's own deallocation, which comes before it,
// takes deeply nested ones apart in steps.
void deallocate(PyObject* self) {
  PyObject_GC_UnTrack(self);
  for (Py_ssize_t i = 0; i < Py_SIZE(self); ++i) Py_CLEAR(as_value(self)->items[i]);
  Py_TYPE(self)->tp_free(self);
}

PyObject* compare(PyObject* self, PyObject* other, int operation) {
  if ((operation != Py_EQ && operation != Py_NE) || !is_struct_value(other)) {
    Py_RETURN_NOTIMPLEMENTED;
  }
  bool equal = Py_TYPE(self) == Py_TYPE(other) && Py_SIZE(self) == Py_SIZE(other);
  for (Py_ssize_t i = 0; equal && i < Py_SIZE(self); ++i) {
    const int result =
        PyObject_RichCompareBool(as_value(self)->items[i], as_value(other)->items[i], Py_EQ);
    if (result < 0) return nullptr;
    equal = result != 0;
  }
  return PyBool_FromLong(equal == (operation == Py_EQ) ? 1 : 0);
}

Py_hash_t hash_items(PyObject* self) {
  std::size_t out = reinterpret_cast<std::size_t>(Py_TYPE(self)) >> 4;
  for (Py_ssize_t i = 0; i < Py_SIZE(self); ++i) {
    const Py_hash_t item = PyObject_Hash(as_value(self)->items[i]);
    if (item == -1) return -1;
    out = (out ^ static_cast<std::size_t>(item)) * 0x9E3779B97F4A7C15ull;
    out ^= out >> 29;
  }
  const auto result = static_cast<Py_hash_t>(out);
  return result == -1 ? -2 : result;
}

// Values nest as deep as programs make them. Comparing and printing are bounded by Python.
Py_hash_t hash(PyObject* self) {
  if (Py_EnterRecursiveCall(" while hashing a value") != 0) return -1;
  const Py_hash_t out = hash_items(self);
  Py_LeaveRecursiveCall();
  return out;
}

PyObject* represent(PyObject* self) {
  return guarded([&] {
    const py::object type = borrow(as_object(Py_TYPE(self)));
    const py::object names = type.attr("_fields");
    std::string out = py::str(type.attr("__qualname__"));
    out += '(';
    for (Py_ssize_t i = 0; i < Py_SIZE(self); ++i) {
      if (i != 0) out += ", ";
      out += py::str(names[py::int_(i)]);
      out += '=';
      out += py::str(steal(PyObject_Repr(as_value(self)->items[i])));
    }
    out += ')';
    return py::str(out).release().ptr();
  });
}

PyTypeObject struct_value_type = [] {
  PyTypeObject type = {PyVarObject_HEAD_INIT(nullptr, 0)};
  type.tp_name = "object_database._odb.StructValue";
  type.tp_basicsize = offsetof(StructValue, items);
  type.tp_itemsize = sizeof(PyObject*);
  type.tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC;
  type.tp_doc = "A value of a NamedTuple or of an alternative.";
  type.tp_traverse = traverse;
  type.tp_dealloc = deallocate;
  type.tp_richcompare = compare;
  type.tp_hash = hash;
  type.tp_repr = represent;
  return type;
}();

// Reads one item of a StructValue.
struct StructField {
  PyObject_HEAD Py_ssize_t position;
};

PyObject* get_item(PyObject* self, PyObject* object, PyObject*) {
  if (object == nullptr || object == Py_None) {
    Py_INCREF(self);
    return self;
  }
  const Py_ssize_t position = reinterpret_cast<StructField*>(self)->position;
  if (!is_struct_value(object) || position >= Py_SIZE(object)) {
    PyErr_SetString(PyExc_TypeError, "this field belongs to another type");
    return nullptr;
  }
  PyObject* const item = as_value(object)->items[position];
  Py_INCREF(item);
  return item;
}

int refuse_set(PyObject*, PyObject*, PyObject*) {
  PyErr_SetString(PyExc_AttributeError, "values are immutable: make a new one");
  return -1;
}

PyObject* new_field(PyTypeObject* type, PyObject* args, PyObject*) {
  Py_ssize_t position = 0;
  if (PyArg_ParseTuple(args, "n", &position) == 0) return nullptr;
  PyObject* const self = type->tp_alloc(type, 0);
  if (self != nullptr) reinterpret_cast<StructField*>(self)->position = position;
  return self;
}

PyTypeObject struct_field_type = [] {
  PyTypeObject type = {PyVarObject_HEAD_INIT(nullptr, 0)};
  type.tp_name = "object_database._odb.StructField";
  type.tp_basicsize = sizeof(StructField);
  type.tp_flags = Py_TPFLAGS_DEFAULT;
  type.tp_new = new_field;
  type.tp_descr_get = get_item;
  type.tp_descr_set = refuse_set;
  return type;
}();

}  // namespace

bool is_struct_value(PyObject* object) {
  return PyObject_TypeCheck(object, &struct_value_type) != 0;
}

StructValue* new_struct_value(PyTypeObject* python_class, Py_ssize_t size) {
  PyObject* const out = python_class->tp_alloc(python_class, size);
  if (out == nullptr) throw py::error_already_set();
  return as_value(out);
}

void register_struct_value(py::module_& module) {
  if (PyType_Ready(&struct_value_type) < 0 || PyType_Ready(&struct_field_type) < 0) {
    throw py::error_already_set();
  }
  module.add_object("StructValue", as_object(&struct_value_type));
  module.add_object("StructField", as_object(&struct_field_type));
}

}  // namespace odb::python
