#include "changes.h"

#include "errors.h"
#include "object_handle.h"

namespace odb::python {
namespace {

constexpr const char* kExists = " exists";

// Numbers of one catalog back into this program's classes and names.
class Names {
 public:
  Names(Session& session, std::shared_ptr<Bindings> bindings)
      : session_(session), bindings_(std::move(bindings)) {}

  // Null for a type that this program does not define.
  const Binding* binding(TypeId type) const {
    const CatalogType* const known = bindings_->catalog().find(type);
    const TypeDefinition* const definition =
        known == nullptr ? nullptr : session_.find(known->name);
    return definition == nullptr ? nullptr : &bindings_->of(*definition);
  }
  const Bindings& bindings() const { return *bindings_; }

  static py::object handle(const Binding& binding, ObjectId object) {
    return steal(new_handle(binding.definition->python_class(), object));
  }
  static py::object python_class(const Binding& binding) {
    return borrow(as_object(binding.definition->python_class()));
  }
  py::object value(const Binding& binding, std::size_t position, const Value& value) const {
    return steal(binding.definition->fields()[position].codec->to_python(value, bindings_.get()));
  }
  py::tuple key(const Binding& binding, const CatalogIndex& index,
                std::span<const Value> values) const {
    py::tuple out(values.size());
    for (std::size_t i = 0; i < values.size(); ++i) {
      const std::size_t position = binding.positions[index.fields[i].value];
      out[i] = position == Binding::kNoPosition ? py::none() : value(binding, position, values[i]);
    }
    return out;
  }

 private:
  Session& session_;
  std::shared_ptr<Bindings> bindings_;
};

void add_cell(py::dict& out, const Names& names, const Binding& binding, ObjectId object,
              FieldId field, const Value& value) {
  const std::size_t position = binding.positions[field.value];
  if (position == Binding::kNoPosition) return;
  const std::string& name = binding.definition->fields()[position].name;
  out[py::make_tuple(Names::handle(binding, object), name)] = names.value(binding, position, value);
}

void add_existence(py::dict& out, const Binding& binding, ObjectId object, py::object value) {
  out[py::make_tuple(Names::handle(binding, object), kExists)] = std::move(value);
}

py::list index_entries(const Names& names, const std::vector<Change::IndexEntry>& entries) {
  py::list out;
  for (const Change::IndexEntry& entry : entries) {
    const Binding* const binding = names.binding(entry.object.type);
    const CatalogIndex* const index = names.bindings().catalog().find(entry.index);
    if (binding == nullptr || index == nullptr) continue;
    out.append(py::make_tuple(Names::python_class(*binding), index->name,
                              names.key(*binding, *index, entry.values),
                              Names::handle(*binding, entry.object.object)));
  }
  return out;
}

}  // namespace

py::tuple change_arguments(Session& session, const Change& change) {
  const Names names(session, session.bindings(change.view.snapshot().catalog()));
  py::dict writes;
  for (const Change::Object& created : change.created) {
    const Binding* const binding = names.binding(created.object.type);
    if (binding == nullptr) continue;
    add_existence(writes, *binding, created.object.object, py::bool_(true));
    for (const FieldId field : binding->fields) {
      add_cell(writes, names, *binding, created.object.object, field,
               change.view.get(created.object, field));
    }
  }
  for (const Change::Object& changed : change.changed) {
    const Binding* const binding = names.binding(changed.object.type);
    if (binding == nullptr) continue;
    for (const FieldId field : changed.fields) {
      add_cell(writes, names, *binding, changed.object.object, field,
               change.view.get(changed.object, field));
    }
  }
  for (const Change::Object& deleted : change.deleted) {
    const Binding* const binding = names.binding(deleted.object.type);
    if (binding != nullptr) add_existence(writes, *binding, deleted.object.object, py::none());
  }
  return py::make_tuple(writes, index_entries(names, change.index_additions),
                        index_entries(names, change.index_removals), change.version.value);
}

py::set field_reads(PyTransaction& transaction) {
  const Names names(transaction.session(), transaction.shared_bindings());
  const ReadSet reads = transaction.transaction().reads();
  py::set out;
  for (const CellRead& read : reads.cells) {
    const Binding* const binding = names.binding(read.type);
    if (binding == nullptr) continue;
    const std::size_t position = binding->positions[read.field.value];
    out.add(py::make_tuple(Names::handle(*binding, read.object),
                           binding->definition->fields()[position].name));
  }
  for (const ExistenceRead& read : reads.existences) {
    const Binding* const binding = names.binding(read.type);
    if (binding != nullptr) out.add(py::make_tuple(Names::handle(*binding, read.object), kExists));
  }
  return out;
}

py::dict field_writes(PyTransaction& transaction) {
  const Names names(transaction.session(), transaction.shared_bindings());
  const Changeset writes = transaction.transaction().writes();
  py::dict out;
  for (const ObjectChange& change : writes.objects) {
    const Binding* const binding = names.binding(change.type);
    if (binding == nullptr) continue;
    if (change.kind == ObjectChange::Kind::kDelete) {
      add_existence(out, *binding, change.object, py::none());
    } else if (change.kind == ObjectChange::Kind::kCreate) {
      add_existence(out, *binding, change.object, py::bool_(true));
    }
    for (const CellOperation& cell : writes.cells_of(change)) {
      add_cell(out, names, *binding, change.object, cell.field, cell.value);
    }
  }
  return out;
}

py::set index_reads(PyTransaction& transaction) {
  const Names names(transaction.session(), transaction.shared_bindings());
  py::set out;
  for (const IndexReadRecord& read : transaction.index_reads()) {
    const CatalogIndex& index = *names.bindings().catalog().find(read.binding->indexes[read.index]);
    out.add(py::make_tuple(Names::python_class(*read.binding), index.name,
                           names.key(*read.binding, index, read.values)));
  }
  for (const MembershipRead& read : transaction.transaction().reads().memberships) {
    const Binding* const binding = names.binding(read.type);
    if (binding == nullptr) continue;
    out.add(py::make_tuple(Names::python_class(*binding), py::none(), py::tuple()));
  }
  return out;
}

namespace {

// The values of an index's fields: those written over those of the row; nothing without either.
std::optional<std::vector<Value>> index_values(const CatalogType& type, const CatalogIndex& index,
                                               const Row* row,
                                               std::span<const CellOperation> cells) {
  std::vector<Value> out;
  for (const FieldId field : index.fields) {
    const CellOperation* written = nullptr;
    for (const CellOperation& cell : cells) {
      if (cell.field == field) written = &cell;
    }
    if (written != nullptr) {
      out.push_back(written->value);
    } else if (row != nullptr) {
      out.push_back(VersionedState::field_of(type, *row, field));
    } else if (type.fields[field.value].fallback) {
      out.push_back(*type.fields[field.value].fallback);
    } else {
      return std::nullopt;
    }
  }
  return out;
}

}  // namespace

py::tuple index_writes(PyTransaction& transaction) {
  const Names names(transaction.session(), transaction.shared_bindings());
  const detail::Snapshot& snapshot = transaction.transaction().state().snapshot();
  const Changeset writes = transaction.transaction().writes();
  py::list additions;
  py::list removals;
  for (const ObjectChange& change : writes.objects) {
    const Binding* const binding = names.binding(change.type);
    if (binding == nullptr) continue;
    const bool creates = change.kind == ObjectChange::Kind::kCreate;
    const bool deletes = change.kind == ObjectChange::Kind::kDelete;
    const Row* const row = creates ? nullptr : snapshot.find(change.type, change.object);
    for (const CatalogIndex& index : binding->type->indexes) {
      const auto entry = [&](const std::vector<Value>& values) {
        return py::make_tuple(Names::python_class(*binding), index.name,
                              names.key(*binding, index, values),
                              Names::handle(*binding, change.object));
      };
      const auto before =
          row == nullptr ? std::nullopt : index_values(*binding->type, index, row, {});
      const auto after = deletes
                             ? std::nullopt
                             : index_values(*binding->type, index, row, writes.cells_of(change));
      if (before == after) continue;
      if (before) removals.append(entry(*before));
      if (after) additions.append(entry(*after));
    }
  }
  return py::make_tuple(additions, removals);
}

py::object conflict_exception(Session& session, const Catalog& catalog, const Conflict& conflict,
                              const std::string& message) {
  py::object out = exception_class("RevisionConflictException")(message);
  TypeId type;
  ObjectId object;
  const CatalogIndex* index = nullptr;
  std::optional<FieldId> field;
  if (const auto* const cell = std::get_if<CellRead>(&conflict.key)) {
    type = cell->type;
    object = cell->object;
    field = cell->field;
  } else if (const auto* const existence = std::get_if<ExistenceRead>(&conflict.key)) {
    type = existence->type;
    object = existence->object;
  } else if (const auto* const entry = std::get_if<IndexRead>(&conflict.key)) {
    index = catalog.find(entry->index);
    if (index != nullptr) type = index->type;
  } else {
    type = std::get<MembershipRead>(conflict.key).type;
  }
  const CatalogType* const known = catalog.find(type);
  if (known == nullptr) return out;
  const TypeDefinition* const definition = session.find(known->name);
  if (definition != nullptr) {
    out.attr("type") = borrow(as_object(definition->python_class()));
    if (object.value != 0) {
      out.attr("object") = steal(new_handle(definition->python_class(), object));
    }
  }
  if (field) out.attr("field") = known->fields.at(field->value).name;
  if (index != nullptr) out.attr("index") = index->name;
  out.attr("version") = conflict.won.value;
  out.attr("actor") = conflict.actor;
  return out;
}

namespace {

std::string describe(const Conflict& conflict, const Catalog& catalog) {
  const auto type_name = [&](TypeId id) {
    const CatalogType* const type = catalog.find(id);
    return type == nullptr ? "an unknown type" : to_string(type->name);
  };
  if (const auto* const cell = std::get_if<CellRead>(&conflict.key)) {
    const CatalogType* const type = catalog.find(cell->type);
    const std::string field = type == nullptr ? "?" : type->fields.at(cell->field.value).name;
    return type_name(cell->type) + "." + field + " of object " + std::to_string(cell->object.value);
  }
  if (const auto* const existence = std::get_if<ExistenceRead>(&conflict.key)) {
    return type_name(existence->type) + " object " + std::to_string(existence->object.value);
  }
  if (const auto* const entry = std::get_if<IndexRead>(&conflict.key)) {
    const CatalogIndex* const index = catalog.find(entry->index);
    return index == nullptr ? "an index" : type_name(index->type) + " index " + index->name;
  }
  return "the objects of " + type_name(std::get<MembershipRead>(conflict.key).type);
}

}  // namespace

py::object outcome_to_python(const CommitOutcome& outcome, const Catalog& catalog) {
  const py::object make = py::module_::import("object_database.view").attr("_transaction_result");
  if (const auto* const accepted = std::get_if<Accepted>(&outcome)) {
    return make("Success", accepted->version.value);
  }
  if (const auto* const conflict = std::get_if<Conflict>(&outcome)) {
    return make("RevisionConflict", describe(*conflict, catalog));
  }
  const Error& error = std::get<Error>(outcome);
  try {
    throw_error(error);
  } catch (const DisconnectedError&) {
    return make("Disconnected", error.message);
  } catch (const OutcomeUnknownError&) {
    return make("Disconnected", error.message);
  } catch (const Exception&) {
    return make("Refused", error.message);
  }
}

py::object outcome_exception(Session* session, const CommitOutcome& outcome,
                             const Catalog& catalog) {
  if (std::holds_alternative<Accepted>(outcome)) return py::none();
  if (const auto* const conflict = std::get_if<Conflict>(&outcome)) {
    std::string message = "conflict on " + describe(*conflict, catalog) + ": read at version " +
                          std::to_string(conflict->read.value) + ", changed";
    if (!conflict->actor.empty()) message += " by " + conflict->actor;
    if (conflict->won != Version{}) message += " in version " + std::to_string(conflict->won.value);
    if (session != nullptr) return conflict_exception(*session, catalog, *conflict, message);
    return exception_class("RevisionConflictException")(message);
  }
  try {
    throw_error(std::get<Error>(outcome));
  } catch (...) {
    set_error_from_exception();
  }
  const py::error_already_set raised;
  return raised.value();
}

}  // namespace odb::python
