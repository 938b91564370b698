#include "field.h"

#include "errors.h"
#include "object_handle.h"
#include "type_definition.h"
#include "view.h"

namespace odb::python {
namespace {

struct FieldDescriptor {
  PyObject_HEAD const TypeDefinition* definition;
  std::size_t position;
};

FieldDescriptor* as_field(PyObject* object) { return reinterpret_cast<FieldDescriptor*>(object); }

const FieldInfo& info_of(const FieldDescriptor* field) {
  return field->definition->fields()[field->position];
}

void check_owner(const TypeDefinition& definition, PyObject* object) {
  if (Py_TYPE(object) == definition.python_class()) [[likely]]
    return;
  raise_type_error(std::string("a field of ") + to_string(definition.name()) +
                   " cannot be used on a " + Py_TYPE(object)->tp_name);
}

// A read inside __init__, before the object exists.
PyObject* read_under_construction(const FieldDescriptor* field, PyObject* object) {
  const FieldInfo& info = info_of(field);
  const std::string path = field->definition->field_path(field->position);
  const Current current;
  PyView& view = current.view("reading a field");
  auto* const transaction = view.is_transaction() ? static_cast<PyTransaction*>(&view) : nullptr;
  Construction* const construction =
      transaction == nullptr
          ? nullptr
          : transaction->find_construction(reinterpret_cast<ObjectHandle*>(object));
  if (construction == nullptr) raise_usage(path + ": the object's construction failed");
  const FieldId id = construction->binding->fields[field->position];
  if (const Value* const value = construction->find(id)) {
    return info.codec->to_python(*value, &view.bindings());
  }
  const Result<Value> value = default_value(info.codec->type());
  if (!value)
    field->definition->refuse_without_default(field->position, "is read before it is set");
  return info.codec->to_python(*value, &view.bindings());
}

PyObject* get_field(PyObject* self, PyObject* object, PyObject*) {
  if (object == nullptr || object == Py_None) {
    Py_INCREF(self);
    return self;
  }
  return guarded([&]() -> PyObject* {
    const FieldDescriptor* const field = as_field(self);
    const TypeDefinition& definition = *field->definition;
    check_owner(definition, object);
    const std::uint64_t identity = reinterpret_cast<ObjectHandle*>(object)->identity;
    if (identity == 0) [[unlikely]]
      return read_under_construction(field, object);
    const Current current;
    PyView& view = current.view("reading a field");
    view.session().check_process();
    const Binding& binding = view.bindings().of(definition);
    const Value& value = view.get(binding, ObjectId{identity}, field->position);
    return info_of(field).codec->to_python(value, &view.bindings());
  });
}

int set_field_of(PyObject* self, PyObject* object, PyObject* value) {
  return guarded_status([&] {
    const FieldDescriptor* const field = as_field(self);
    check_owner(*field->definition, object);
    if (value == nullptr) {
      raise_type_error(field->definition->field_path(field->position) + " cannot be deleted");
    }
    set_field(*field->definition, field->position, object, value);
    return 0;
  });
}

PyObject* represent(PyObject* self) {
  return guarded([&] {
    const FieldDescriptor* const field = as_field(self);
    const std::string text = "<field " + field->definition->field_path(field->position) + ": " +
                             info_of(field).codec->name() + ">";
    return py::str(text).release().ptr();
  });
}

PyTypeObject field_descriptor_type = [] {
  PyTypeObject type = {PyVarObject_HEAD_INIT(nullptr, 0)};
  type.tp_name = "object_database._odb.Field";
  type.tp_basicsize = sizeof(FieldDescriptor);
  type.tp_flags = Py_TPFLAGS_DEFAULT;
  type.tp_doc = "A field of a schema type.";
  type.tp_descr_get = get_field;
  type.tp_descr_set = set_field_of;
  type.tp_repr = represent;
  return type;
}();

}  // namespace

py::object make_field_descriptor(const TypeDefinition& definition, std::size_t position) {
  FieldDescriptor* const field = PyObject_New(FieldDescriptor, &field_descriptor_type);
  if (field == nullptr) throw py::error_already_set();
  field->definition = &definition;
  field->position = position;
  return py::reinterpret_steal<py::object>(as_object(field));
}

void set_field(const TypeDefinition& definition, std::size_t position, PyObject* handle,
               PyObject* value) {
  const Current current;
  PyTransaction& transaction = current.transaction("writing a field");
  transaction.session().check_process();
  const Binding& binding = transaction.bindings().of(definition);
  const Codec& codec = *definition.fields()[position].codec;
  Value converted;
  if (!codec.from_python(value, Match::kConverting, {&transaction.bindings()}, converted)) {
    converted = codec.convert(value, &transaction.bindings(), definition.field_path(position));
  }
  auto* const object = reinterpret_cast<ObjectHandle*>(handle);
  if (object->identity == 0) {
    Construction* const construction = transaction.find_construction(object);
    if (construction == nullptr) {
      raise_usage(definition.field_path(position) + ": the object's construction failed");
    }
    construction->set(binding.fields[position], std::move(converted));
    return;
  }
  transaction.set(binding, ObjectId{object->identity}, position, std::move(converted));
}

void register_field_descriptor(py::module_& module) {
  if (PyType_Ready(&field_descriptor_type) < 0) throw py::error_already_set();
  module.add_object("Field", as_object(&field_descriptor_type));
}

}  // namespace odb::python
