#include "type_definition.h"

#include <algorithm>
#include <boost/unordered/unordered_flat_map.hpp>

#include "errors.h"
#include "field.h"
#include "object_handle.h"

namespace odb::python {
namespace {

boost::unordered_flat_map<PyTypeObject*, TypeDefinition*>& definitions_by_class() {
  static auto& map = *new boost::unordered_flat_map<PyTypeObject*, TypeDefinition*>();
  return map;
}

std::size_t next_slot() {
  static std::size_t last = 0;
  return last++;
}

PyObject* interned(const std::string& name) {
  PyObject* const out = PyUnicode_InternFromString(name.c_str());
  if (out == nullptr) throw py::error_already_set();
  return out;
}

}  // namespace

TypeDefinition::TypeDefinition(TypeName type_name)
    : name_(std::move(type_name)), slot_(next_slot()) {}

void TypeDefinition::complete(py::type python_class, std::vector<FieldInfo> own_fields,
                              std::vector<IndexInfo> own_indexes, py::object deletion) {
  if (is_complete()) raise_type_error(to_string(name_) + " is defined already");
  auto* const type = reinterpret_cast<PyTypeObject*>(python_class.ptr());
  fields_ = std::move(own_fields);
  indexes_ = std::move(own_indexes);
  on_delete_ = std::move(deletion);
  for (FieldInfo& field : fields_) field.python_name = interned(field.name);
  for (IndexInfo& index : indexes_) index.python_name = interned(index.name);
  for (std::size_t i = 0; i < fields_.size(); ++i) {
    python_class.attr(fields_[i].python_name) = make_field_descriptor(*this, i);
  }
  suppress_finalizer(type);
  class_ = type;
  Py_INCREF(type);
  definitions_by_class().emplace(type, this);
}

TypeDefinition* TypeDefinition::of(PyTypeObject* python_class) {
  const auto found = definitions_by_class().find(python_class);
  return found == definitions_by_class().end() ? nullptr : found->second;
}

namespace {

bool refers_to(const Type& type, const std::function<bool(const TypeName&)>& targets) {
  if (type.kind == Type::Kind::kReference) return targets(type.target);
  return std::any_of(type.children.begin(), type.children.end(),
                     [&](const Type& child) { return refers_to(child, targets); });
}

}  // namespace

odb::TypeDefinition TypeDefinition::declaration(
    const std::function<bool(const TypeName&)>& omits) const {
  odb::TypeDefinition out;
  out.name = name_.type;
  std::vector<bool> is_omitted;
  for (const FieldInfo& field : fields_) {
    is_omitted.push_back(refers_to(field.codec->type(), omits));
    if (!is_omitted.back()) out.fields.push_back({field.name, field.codec->type()});
  }
  for (const IndexInfo& index : indexes_) {
    if (std::any_of(index.fields.begin(), index.fields.end(),
                    [&](std::size_t field) { return is_omitted[field]; })) {
      continue;
    }
    IndexDefinition& declared = out.indexes.emplace_back();
    declared.name = index.name;
    declared.uniqueness = index.uniqueness;
    declared.role = index.role;
    for (const std::size_t field : index.fields) declared.fields.push_back(fields_[field].name);
  }
  return out;
}

std::size_t TypeDefinition::find_field(PyObject* field_name) const {
  std::size_t i = 0;
  while (i < fields_.size() && fields_[i].python_name != field_name &&
         PyUnicode_Compare(fields_[i].python_name, field_name) != 0) {
    ++i;
  }
  return i;
}

std::string TypeDefinition::field_path(std::size_t field) const {
  return to_string(name_) + "." + fields_[field].name;
}

void TypeDefinition::refuse_without_default(const std::string& field, const std::string& type,
                                            const std::string& what) const {
  py::object error = exception_class("FieldNotDefaultInitializable")(
      to_string(name_) + "." + field + ": " + type + " has no default and " + what);
  error.attr("type") = borrow(as_object(class_));
  error.attr("field") = field;
  PyErr_SetObject(as_object(Py_TYPE(error.ptr())), error.ptr());
  throw py::error_already_set();
}

const Binding& Bindings::resolve(const TypeDefinition& definition) {
  const std::string name = to_string(definition.name());
  const CatalogType* const type = catalog_.catalog->find(definition.name());
  if (type == nullptr || !definition.is_complete()) {
    raise("NotSubscribedException",
          name + " is not known on this connection: subscribe to its schema" +
              " first, with subscribeToSchema(" + definition.name().schema + ")");
  }
  auto binding = std::make_unique<Binding>();
  binding->definition = &definition;
  binding->type = type;
  binding->objects = catalog_.objects_of(type->id);
  binding->positions.assign(type->fields.size(), Binding::kNoPosition);
  for (const FieldInfo& field : definition.fields()) {
    const std::optional<FieldId> id = type->find_field(field.name);
    if (!id || !(type->fields[id->value].type == field.codec->type())) {
      raise("SchemaException",
            name + "." + field.name + ": this program declares " + field.codec->name() +
                ", the server " + (id ? to_string(type->fields[id->value].type) : "no such field"));
    }
    binding->positions[id->value] = binding->fields.size();
    if (!type->fields[id->value].fallback) binding->required.push_back(binding->fields.size());
    binding->fields.push_back(*id);
  }
  for (std::size_t id = 0; id < type->fields.size(); ++id) {
    if (type->fields[id].fallback || binding->positions[id] != Binding::kNoPosition) continue;
    binding->undeclared_required = type->fields[id].name;
  }
  for (const IndexInfo& index : definition.indexes()) {
    const CatalogIndex* const known = type->find_index(index.name);
    if (known == nullptr) {
      raise("SchemaException", name + ": the server knows no index " + index.name);
    }
    binding->indexes.push_back(known->id);
  }
  if (slots_.size() <= definition.slot()) slots_.resize(definition.slot() + 1);
  slots_[definition.slot()] = std::move(binding);
  return *slots_[definition.slot()];
}

}  // namespace odb::python
