#include "atomic.h"

#include <string>

#include "errors.h"
#include "object_handle.h"
#include "type_definition.h"
#include "view.h"

namespace odb::python {
namespace {

// One field of one call, ready to be updated.
struct Update {
  PyTransaction* transaction = nullptr;
  const Binding* binding = nullptr;
  ObjectId object;
  std::size_t position = 0;
  PyObject* given = nullptr;

  const Codec& codec() const { return *binding->definition->fields()[position].codec; }
  std::string path() const { return binding->definition->field_path(position); }
  Value convert(const Codec& expected) const {
    return expected.convert(given, &transaction->bindings(), path());
  }
  void apply(CellOperation operation) const {
    operation.field = binding->fields[position];
    transaction->apply(*binding, object, std::move(operation));
  }
  [[noreturn]] void refuse(const char* method, const char* expected) const {
    raise_type_error(path() + " is of type " + codec().name() + ": " + method + " needs " +
                     expected);
  }
};

// Runs `body` with each field that the keywords name.
template <class Body>
PyObject* update(const char* method, PyObject* self, PyObject* const* args, Py_ssize_t count,
                 PyObject* names, const Body& body) {
  return guarded([&]() -> PyObject* {
    const Py_ssize_t given = names == nullptr ? 0 : PyTuple_GET_SIZE(names);
    if (count != 0 || given == 0) {
      raise_type_error(std::string(method) + " takes fields by keyword: " + method +
                       "(field=value)");
    }
    const TypeDefinition* const definition = TypeDefinition::of(Py_TYPE(self));
    if (definition == nullptr) {
      raise_type_error(std::string(Py_TYPE(self)->tp_name) + " is not defined in a schema");
    }
    const Current current;
    PyTransaction& transaction = current.transaction(method);
    transaction.session().check_process();
    Update each;
    each.transaction = &transaction;
    each.binding = &transaction.bindings().of(*definition);
    each.object = identity_of(self);
    for (Py_ssize_t i = 0; i < given; ++i) {
      each.position = definition->find_field(PyTuple_GET_ITEM(names, i));
      if (each.position == definition->fields().size()) {
        raise_type_error(to_string(definition->name()) + " has no field " +
                         to_text(PyTuple_GET_ITEM(names, i)));
      }
      each.given = args[i];
      body(each);
    }
    Py_RETURN_NONE;
  });
}

}  // namespace

PyObject* atomic_add(PyObject* self, PyObject* const* args, Py_ssize_t count, PyObject* names) {
  return update("atomicAdd", self, args, count, names, [](const Update& field) {
    const Type::Kind kind = field.codec().type().kind;
    if (kind != Type::Kind::kInt && kind != Type::Kind::kFloat) {
      field.refuse("atomicAdd", "an int or a float");
    }
    field.apply({CellOperation::Kind::kAdd, {}, field.convert(field.codec()), {}});
  });
}

PyObject* atomic_append(PyObject* self, PyObject* const* args, Py_ssize_t count, PyObject* names) {
  return update("atomicAppend", self, args, count, names, [](const Update& field) {
    const Codec* const element = field.codec().key() == nullptr ? field.codec().element() : nullptr;
    if (element == nullptr) field.refuse("atomicAppend", "a TupleOf");
    field.apply({CellOperation::Kind::kAppend, {}, field.convert(*element), {}});
  });
}

PyObject* atomic_insert(PyObject* self, PyObject* const* args, Py_ssize_t count, PyObject* names) {
  return update("atomicInsert", self, args, count, names, [](const Update& field) {
    if (field.codec().key() == nullptr) field.refuse("atomicInsert", "a ConstDict");
    const Value entries = field.convert(field.codec());
    const std::span<const Value> flat = entries.elements();
    for (std::size_t i = 0; i + 1 < flat.size(); i += 2) {
      field.apply({CellOperation::Kind::kInsert, {}, flat[i + 1], flat[i]});
    }
  });
}

PyObject* atomic_erase(PyObject* self, PyObject* const* args, Py_ssize_t count, PyObject* names) {
  return update("atomicErase", self, args, count, names, [](const Update& field) {
    const Codec* const key = field.codec().key();
    if (key == nullptr) field.refuse("atomicErase", "a ConstDict");
    field.apply({CellOperation::Kind::kErase, {}, {}, field.convert(*key)});
  });
}

}  // namespace odb::python
