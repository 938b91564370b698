#include "object_handle.h"

#include <cstddef>

#include "atomic.h"
#include "errors.h"
#include "field.h"
#include "lookup.h"
#include "lookup_range.h"
#include "type_definition.h"
#include "view.h"

namespace odb::python {
namespace {

ObjectHandle* as_handle(PyObject* object) { return reinterpret_cast<ObjectHandle*>(object); }

const TypeDefinition& definition_of(PyTypeObject* python_class) {
  const TypeDefinition* const definition = TypeDefinition::of(python_class);
  if (definition == nullptr) {
    raise_type_error(std::string(python_class->tp_name) +
                     " is not defined in a schema: use the decorator @schema.define");
  }
  return *definition;
}

// ---- construction ----

// The base's __init__: fields by keyword.
int initialize(PyObject* self, PyObject* args, PyObject* keywords) {
  return guarded_status([&] {
    const TypeDefinition& definition = definition_of(Py_TYPE(self));
    const std::string& type = definition.name().type;
    if (PyTuple_GET_SIZE(args) != 0) {
      raise_type_error(type + "() takes its fields by keyword");
    }
    PyObject* name = nullptr;
    PyObject* value = nullptr;
    Py_ssize_t at = 0;
    while (keywords != nullptr && PyDict_Next(keywords, &at, &name, &value) != 0) {
      const std::size_t position = definition.find_field(name);
      if (position == definition.fields().size()) {
        raise_type_error(type + "() has no field " + to_text(name));
      }
      set_field(definition, position, self, value);
    }
    return 0;
  });
}

// Calling a class: its object exists once __init__ has returned, and not at all when that raises.
PyObject* construct(PyObject* callee, PyObject* args, PyObject* keywords) {
  return guarded([&] {
    auto* const python_class = reinterpret_cast<PyTypeObject*>(callee);
    const TypeDefinition& definition = definition_of(python_class);
    const Current current;
    PyTransaction& transaction = current.transaction("creating an object");
    transaction.session().check_process();
    const Binding& binding = transaction.bindings().of(definition);
    py::object self = steal(new_handle(python_class, ObjectId{}));
    transaction.begin_construction(as_handle(self.ptr()), binding);
    if (python_class->tp_init(self.ptr(), args, keywords) < 0) {
      py::error_already_set error;
      transaction.abandon_construction(as_handle(self.ptr()));
      throw error;
    }
    transaction.finish_construction(as_handle(self.ptr()));
    return self.release().ptr();
  });
}

PyTypeObject schema_type_type = [] {
  PyTypeObject type = {PyVarObject_HEAD_INIT(nullptr, 0)};
  type.tp_name = "object_database._odb.SchemaType";
  type.tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE;
  type.tp_doc = "The class of all classes that schemas define.";
  type.tp_call = construct;
  return type;
}();

// ---- what objects do ----

void deallocate(PyObject* self) {
  if (as_handle(self)->weak_references != nullptr) PyObject_ClearWeakRefs(self);
  Py_TYPE(self)->tp_free(self);
}

PyObject* represent(PyObject* self) {
  return guarded([&] {
    const TypeDefinition* const definition = TypeDefinition::of(Py_TYPE(self));
    const std::uint64_t identity = as_handle(self)->identity;
    if (definition != nullptr && identity != 0) {
      const py::module_ display = py::module_::import("object_database.display");
      return py::object(display.attr("object_repr")(borrow(self))).release().ptr();
    }
    const std::string name =
        definition != nullptr ? to_string(definition->name()) : Py_TYPE(self)->tp_name;
    const std::string which = identity != 0 ? std::to_string(identity) : "under construction";
    return py::str("<" + name + " " + which + ">").release().ptr();
  });
}

PyObject* represent_html(PyObject* self, PyObject*) {
  return guarded([&] {
    const bool is_made = as_handle(self)->identity != 0;
    if (!is_made || TypeDefinition::of(Py_TYPE(self)) == nullptr) Py_RETURN_NONE;
    const py::module_ display = py::module_::import("object_database.display");
    return py::object(display.attr("object_html")(borrow(self))).release().ptr();
  });
}

PyObject* compare(PyObject* self, PyObject* other, int operation) {
  if ((operation != Py_EQ && operation != Py_NE) || !is_handle(other)) Py_RETURN_NOTIMPLEMENTED;
  bool equal = self == other;
  if (!equal && Py_TYPE(self) == Py_TYPE(other)) {
    // One that is under construction is equal to itself only.
    equal =
        as_handle(self)->identity != 0 && as_handle(self)->identity == as_handle(other)->identity;
  }
  return PyBool_FromLong(equal == (operation == Py_EQ) ? 1 : 0);
}

Py_hash_t hash(PyObject* self) {
  Py_hash_t out = -1;
  const int status = guarded_status([&] {
    const std::size_t type = reinterpret_cast<std::size_t>(Py_TYPE(self)) >> 4;
    out = static_cast<Py_hash_t>((hash_value(identity_of(self)) ^ type) >> 1);
    return 0;
  });
  return status < 0 ? -1 : out;
}

// No attributes but fields, properties and other descriptors: a misspelt field must not go
// unnoticed.
int set_attribute(PyObject* self, PyObject* name, PyObject* value) {
  PyObject* const descriptor = _PyType_Lookup(Py_TYPE(self), name);
  if (descriptor != nullptr && Py_TYPE(descriptor)->tp_descr_set != nullptr) {
    const py::object keep = borrow(descriptor);
    return Py_TYPE(descriptor)->tp_descr_set(descriptor, self, value);
  }
  PyErr_Format(PyExc_AttributeError, "%s has no field %R", Py_TYPE(self)->tp_name, name);
  return -1;
}

PyObject* get_identity(PyObject* self, void*) {
  return guarded([&] { return PyLong_FromUnsignedLongLong(identity_of(self).value); });
}

PyObject* delete_object(PyObject* self, PyObject*) {
  return guarded([&] {
    const TypeDefinition& definition = definition_of(Py_TYPE(self));
    const Current current;
    PyTransaction& transaction = current.transaction("deleting an object");
    transaction.session().check_process();
    transaction.remove(self, transaction.bindings().of(definition), identity_of(self));
    Py_RETURN_NONE;
  });
}

PyObject* object_exists(PyObject* self, PyObject*) {
  return guarded([&] {
    const TypeDefinition& definition = definition_of(Py_TYPE(self));
    const Current current;
    PyView& view = current.view("exists()");
    view.session().check_process();
    const bool exists = view.exists(view.bindings().of(definition), identity_of(self));
    return PyBool_FromLong(exists ? 1 : 0);
  });
}

PyObject* from_identity(PyObject* python_class, PyObject* identity) {
  return guarded([&] {
    definition_of(reinterpret_cast<PyTypeObject*>(python_class));
    const py::object number = steal(PyNumber_Index(identity));
    const unsigned long long value = PyLong_AsUnsignedLongLong(number.ptr());
    if (PyErr_Occurred() != nullptr) throw py::error_already_set();
    if (value == 0) raise_type_error("0 is the identity of no object");
    return new_handle(reinterpret_cast<PyTypeObject*>(python_class), ObjectId{value});
  });
}

PyObject* is_lazy_by_default(PyObject* python_class, PyObject*) {
  return guarded([&] {
    const py::object lazy = py::getattr(borrow(python_class),
                                        "__object_database_lazy_subscription__", py::bool_(false));
    return PyBool_FromLong(lazy.cast<bool>() ? 1 : 0);
  });
}

PyObject* refuse_pickling(PyObject* self, PyObject*) {
  PyErr_Format(PyExc_TypeError,
               "%R cannot be pickled: an object lives in the database; send its _identity instead",
               self);
  return nullptr;
}

PyObject* return_self(PyObject* self, PyObject*) {
  Py_INCREF(self);
  return self;
}

template <class Function>
PyCFunction as_method(Function* function) {
  return reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(function));
}

PyMethodDef* methods() {
  static constexpr int kLookup = METH_FASTCALL | METH_KEYWORDS | METH_CLASS;
  static constexpr int kFields = METH_FASTCALL | METH_KEYWORDS;
  static PyMethodDef all[] = {
      {"lookupAll", as_method(lookup_all), kLookup,
       "All objects with these values of an index; without one all of the type."},
      {"lookupOne", as_method(lookup_one), kLookup,
       "One of the objects with these values. Raises TypeError when there is none."},
      {"lookupAny", as_method(lookup_any), kLookup,
       "One of the objects with these values, or None."},
      {"lookupUnique", as_method(lookup_unique), kLookup,
       "The object with these values. Raises TypeError unless there is exactly one."},
      {"lookupRange", as_method(lookup_range), kLookup,
       "The objects in a part of an index, in its order:\n"
       "\n"
       "    Task.lookupRange(\"priority\", atLeast=2, below=9)\n"
       "    Task.lookupRange(by_status_and_priority=(\"open\",), above=2)\n"
       "\n"
       "The values given are those of the first fields; the bounds atLeast, above, atMost and\n"
       "below are of the next one. reverse=True turns the order round, limit=n gives the first\n"
       "n. Raises TypeError when there is no such index."},
      {"countRange", as_method(count_range), kLookup,
       "How many objects lookupRange would find. Loads nothing of them."},
      {"count", as_method(count_objects), kLookup,
       "How many objects lookupAll would find. Loads nothing of them."},
      {"isLazyByDefault", is_lazy_by_default, METH_NOARGS | METH_CLASS,
       "Whether subscriptions that do not say load this type lazily: SubscribeLazilyByDefault."},
      {"fromIdentity", from_identity, METH_O | METH_CLASS,
       "The object of this identity, whether it exists or not."},
      {"delete", delete_object, METH_NOARGS, "Deletes the object; __del__ runs first."},
      {"exists", object_exists, METH_NOARGS, "Whether the object exists in the current view."},
      {"atomicAdd", as_method(atomic_add), kFields,
       "Adds to numbers, atomicAdd(priority=1), without reading them: transactions that only\n"
       "add to a field do not conflict with each other. The commit raises\n"
       "NumberOverflowException when an int cannot hold the sum."},
      {"atomicAppend", as_method(atomic_append), kFields,
       "Appends one element to each TupleOf named, atomicAppend(tags=\"urgent\"), without\n"
       "reading it."},
      {"atomicInsert", as_method(atomic_insert), kFields,
       "Sets entries of each ConstDict named, atomicInsert(scores={\"a\": 1}), without\n"
       "reading it."},
      {"atomicErase", as_method(atomic_erase), kFields,
       "Removes one key from each ConstDict named, atomicErase(scores=\"a\"), without\n"
       "reading it. A key that is not there changes nothing."},
      {"_repr_html_", represent_html, METH_NOARGS, "A table of the fields, for notebooks."},
      {"__reduce__", refuse_pickling, METH_NOARGS, nullptr},
      {"__reduce_ex__", refuse_pickling, METH_O, nullptr},
      {"__copy__", return_self, METH_NOARGS, nullptr},
      {"__deepcopy__", return_self, METH_O, nullptr},
      {nullptr, nullptr, 0, nullptr}};
  return all;
}

PyGetSetDef* properties() {
  static PyGetSetDef all[] = {
      {"_identity", get_identity, nullptr, "The number of the object, never reused.", nullptr},
      {nullptr, nullptr, nullptr, nullptr, nullptr}};
  return all;
}

PyTypeObject object_handle_type = [] {
  PyTypeObject type = {PyVarObject_HEAD_INIT(nullptr, 0)};
  type.tp_name = "object_database.DatabaseObject";
  type.tp_basicsize = sizeof(ObjectHandle);
  type.tp_weaklistoffset = offsetof(ObjectHandle, weak_references);
  type.tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE;
  type.tp_doc = "An object of the database: a handle that reads and writes in the current view.";
  type.tp_dealloc = deallocate;
  type.tp_repr = represent;
  type.tp_richcompare = compare;
  type.tp_hash = hash;
  type.tp_setattro = set_attribute;
  type.tp_init = initialize;
  return type;
}();

}  // namespace

bool is_handle(PyObject* object) { return PyObject_TypeCheck(object, &object_handle_type) != 0; }

PyObject* new_handle(PyTypeObject* python_class, ObjectId object) noexcept {
  PyObject* const out = python_class->tp_alloc(python_class, 0);
  if (out != nullptr) as_handle(out)->identity = object.value;
  return out;
}

ObjectId identity_of(PyObject* handle) {
  if (as_handle(handle)->identity != 0) [[likely]]
    return ObjectId{as_handle(handle)->identity};
  const Current current;
  PyTransaction& transaction = current.transaction("an object under construction");
  Construction* const construction = transaction.find_construction(as_handle(handle));
  if (construction == nullptr) raise_usage("the object's construction failed");
  transaction.create(*construction);
  return ObjectId{as_handle(handle)->identity};
}

void suppress_finalizer(PyTypeObject* python_class) {
  python_class->tp_finalize = nullptr;
  python_class->tp_del = nullptr;
}

void register_object_handle(py::module_& module) {
  schema_type_type.tp_base = &PyType_Type;
  schema_type_type.tp_basicsize = PyType_Type.tp_basicsize;
  schema_type_type.tp_itemsize = PyType_Type.tp_itemsize;
  if (PyType_Ready(&schema_type_type) < 0) throw py::error_already_set();
  object_handle_type.tp_methods = methods();
  object_handle_type.tp_getset = properties();
  Py_SET_TYPE(&object_handle_type, &schema_type_type);
  if (PyType_Ready(&object_handle_type) < 0) throw py::error_already_set();
  module.add_object("SchemaType", as_object(&schema_type_type));
  module.add_object("DatabaseObject", as_object(&object_handle_type));
}

}  // namespace odb::python
