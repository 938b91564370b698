#include "peek.h"

#include "current.h"
#include "errors.h"
#include "object_handle.h"
#include "odb/core/cell_operation.h"
#include "type_definition.h"
#include "view.h"

namespace odb::python {
namespace {

// What the current transaction did to the object.
struct OwnWrites {
  std::optional<ObjectChange::Kind> kind;
  std::vector<CellOperation> cells;

  bool is(ObjectChange::Kind other) const { return kind == other; }
};

OwnWrites own_writes(PyView& view, ObjectRef object) {
  OwnWrites out;
  if (!view.is_transaction()) return out;
  const Changeset writes = static_cast<PyTransaction&>(view).transaction().writes();
  for (const ObjectChange& change : writes.objects) {
    if (change.type != object.type || change.object != object.object) continue;
    const auto cells = writes.cells_of(change);
    out.kind = change.kind;
    out.cells.assign(cells.begin(), cells.end());
  }
  return out;
}

Value stored_value(const CatalogType& type, const Row* row, FieldId field) {
  if (row != nullptr && row->loaded() != nullptr) row = row->loaded();
  if (row != nullptr && field.value < row->fields().size()) return row->fields()[field.value];
  const auto& fallback = type.fields[field.value].fallback;
  return fallback ? *fallback : Value::none();
}

Value value_after(Value value, const OwnWrites& own, FieldId field) {
  for (const CellOperation& cell : own.cells) {
    if (cell.field != field) continue;
    if (!value.is_loaded() && cell.kind != CellOperation::Kind::kSet) continue;
    Result<Value> after = apply_operation(value, cell);
    if (after) value = *std::move(after);
  }
  return value;
}

py::object peek_in(PyView& view, const TypeDefinition& definition, ObjectId identity) {
  const Binding& binding = view.bindings().of(definition);
  const ObjectRef object{binding.type->id, identity};
  const OwnWrites own = own_writes(view, object);
  const Row* const row = view.snapshot().find(object.type, object.object);
  const bool is_deleted = own.is(ObjectChange::Kind::kDelete);
  if (is_deleted || (row == nullptr && !own.is(ObjectChange::Kind::kCreate))) {
    const bool is_known = is_deleted || view.snapshot().coverage().has_object(object);
    return is_known ? py::object(py::bool_(false)) : py::object(py::none());
  }
  py::dict out;
  for (std::size_t i = 0; i < definition.fields().size(); ++i) {
    const FieldInfo& info = definition.fields()[i];
    const FieldId field = binding.fields[i];
    const Value value = value_after(stored_value(*binding.type, row, field), own, field);
    out[info.python_name] = value.is_loaded()
                                ? steal(info.codec->to_python(value, &view.bindings()))
                                : borrow(Py_Ellipsis);
  }
  return out;
}

}  // namespace

py::object peek(PyObject* handle) {
  const TypeDefinition* const definition = TypeDefinition::of(Py_TYPE(handle));
  const std::uint64_t identity = reinterpret_cast<ObjectHandle*>(handle)->identity;
  if (definition == nullptr || identity == 0) return py::none();
  try {
    const Current current;
    if (current.entry() == nullptr) return py::none();
    PyView& view = current.view("repr()");
    view.session().check_process();
    return peek_in(view, *definition, ObjectId{identity});
  } catch (py::error_already_set&) {
  } catch (const Exception&) {
  }
  return py::none();
}

void register_peek(py::module_& module) {
  module.def("peek", [](const py::object& handle) {
    if (!is_handle(handle.ptr())) raise_type_error("peek takes an object of a schema's type");
    return peek(handle.ptr());
  });
}

}  // namespace odb::python
