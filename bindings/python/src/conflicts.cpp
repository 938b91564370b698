#include "conflicts.h"

#include <optional>
#include <variant>

#include "errors.h"
#include "object_handle.h"
#include "odb/core/key_codec.h"

namespace odb::python {

namespace {

// What was looked up; None for the fields of an index that this program does not declare.
py::object looked_up_values(const Binding& binding, const CatalogIndex& index,
                            const std::string& key, Bindings& bindings) {
  const auto values = decode_key(key);
  if (!values || values->size() != index.fields.size()) return py::none();
  py::tuple out(values->size());
  for (std::size_t i = 0; i < values->size(); ++i) {
    const std::size_t position = binding.positions[index.fields[i].value];
    out[i] = position == Binding::kNoPosition
                 ? py::object(py::none())
                 : steal(binding.definition->fields()[position].codec->to_python((*values)[i],
                                                                                 &bindings));
  }
  return out;
}

}  // namespace

py::object conflict_exception(Session& session, Bindings& bindings, const Conflict& conflict) {
  const Catalog& catalog = bindings.catalog();
  py::object out =
      exception_class("RevisionConflictException")(describe_conflict(catalog, conflict));
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
  } else if (const auto* const range = std::get_if<IndexRangeRead>(&conflict.key)) {
    index = catalog.find(range->index);
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
  if (const auto* const entry = std::get_if<IndexRead>(&conflict.key);
      entry != nullptr && index != nullptr && definition != nullptr) {
    out.attr("value") = looked_up_values(bindings.of(*definition), *index, entry->key, bindings);
  }
  if (field) out.attr("field") = known->fields.at(field->value).name;
  if (index != nullptr) out.attr("index") = index->name;
  out.attr("version") = conflict.won.value;
  out.attr("readVersion") = conflict.read.value;
  if (conflict.client != ClientId{}) {
    out.attr("request") =
        py::make_tuple(py::int_(conflict.client.high) * py::int_(std::uint64_t{1} << 32) *
                               py::int_(std::uint64_t{1} << 32) +
                           py::int_(conflict.client.low),
                       conflict.sequence.value);
  }
  out.attr("actor") = conflict.actor;
  return out;
}

py::object outcome_to_python(const CommitOutcome& outcome, const Catalog& catalog) {
  const py::object make = py::module_::import("object_database.view").attr("_transaction_result");
  if (const auto* const accepted = std::get_if<Accepted>(&outcome)) {
    return make("Success", accepted->version.value);
  }
  if (const auto* const conflict = std::get_if<Conflict>(&outcome)) {
    return make("RevisionConflict", describe_conflict_key(catalog, conflict->key));
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

py::object outcome_exception(Session* session, const CommitOutcome& outcome, Bindings& bindings) {
  if (std::holds_alternative<Accepted>(outcome)) return py::none();
  if (const auto* const conflict = std::get_if<Conflict>(&outcome)) {
    if (session != nullptr) return conflict_exception(*session, bindings, *conflict);
    return exception_class("RevisionConflictException")(
        describe_conflict(bindings.catalog(), *conflict));
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
