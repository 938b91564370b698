#include "conflicts.h"

#include <optional>
#include <variant>

#include "errors.h"
#include "object_handle.h"

namespace odb::python {

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
  const auto index_name = [&](IndexId id) {
    const CatalogIndex* const index = catalog.find(id);
    return index == nullptr ? "an index" : type_name(index->type) + " index " + index->name;
  };
  if (const auto* const entry = std::get_if<IndexRead>(&conflict.key)) {
    return index_name(entry->index);
  }
  if (const auto* const range = std::get_if<IndexRangeRead>(&conflict.key)) {
    return index_name(range->index);
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
