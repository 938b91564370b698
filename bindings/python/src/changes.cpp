#include "changes.h"

#include <algorithm>

#include "errors.h"
#include "object_handle.h"
#include "odb/core/cell_operation.h"

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
  Bindings& mutable_bindings() const { return *bindings_; }

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

const char* word_of(CellOperation::Kind kind) {
  switch (kind) {
    case CellOperation::Kind::kSet:
      return "set";
    case CellOperation::Kind::kAdd:
      return "add";
    case CellOperation::Kind::kAppend:
      return "append";
    case CellOperation::Kind::kInsert:
      return "insert";
    case CellOperation::Kind::kErase:
      return "erase";
  }
  return "";
}

// An update that needs no read, at the end of the list of those of its field.
void add_operation(py::dict& out, const Names& names, const Binding& binding, ObjectId object,
                   const CellOperation& cell) {
  const std::size_t position = binding.positions[cell.field.value];
  if (position == Binding::kNoPosition) return;
  const FieldInfo& field = binding.definition->fields()[position];
  const auto convert = [&](const Codec* codec, const Value& value) {
    if (codec == nullptr) return py::object(py::none());
    return steal(codec->to_python(value, &names.mutable_bindings()));
  };
  const bool adds = cell.kind == CellOperation::Kind::kAdd;
  const bool erases = cell.kind == CellOperation::Kind::kErase;
  const py::object make = py::module_::import("object_database.view").attr("AtomicOperation");
  const py::object operation =
      make(word_of(cell.kind), convert(adds ? nullptr : field.codec->key(), cell.key),
           convert(adds     ? field.codec.get()
                   : erases ? nullptr
                            : field.codec->element(),
                   cell.value));
  const py::tuple place = py::make_tuple(Names::handle(binding, object), field.name);
  if (!out.contains(place)) out[place] = py::list();
  py::list(out[place]).append(operation);
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

bool is_loaded(const View& view, ObjectRef object, FieldId field) {
  const Row* const row = view.snapshot().find(object.type, object.object);
  return row == nullptr || row->loaded() != nullptr || field.value >= row->fields().size() ||
         row->fields()[field.value].is_loaded();
}

// What was added to a field that is not loaded is known once that is, in one round trip for all.
void load_changed(const Change& change) {
  std::vector<ObjectRef> partial;
  for (const Change::Object& changed : change.changed) {
    const bool is_whole =
        std::all_of(changed.fields.begin(), changed.fields.end(),
                    [&](FieldId field) { return is_loaded(change.view, changed.object, field); });
    if (!is_whole) partial.push_back(changed.object);
  }
  if (!partial.empty()) change.view.load(partial);
}

}  // namespace

py::tuple change_arguments(Session& session, const Change& change) {
  const Names names(session, session.bindings(change.view.snapshot().catalog()));
  load_changed(change);
  py::dict writes;
  for (const Change::Object& created : change.created) {
    const Binding* const binding = names.binding(created.object.type);
    if (binding == nullptr) continue;
    add_existence(writes, *binding, created.object.object, py::bool_(true));
    for (const FieldId field : binding->fields) {
      if (!is_loaded(change.view, created.object, field)) continue;
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
      if (cell.kind == CellOperation::Kind::kSet) {
        add_cell(out, names, *binding, change.object, cell.field, cell.value);
      } else {
        add_operation(out, names, *binding, change.object, cell);
      }
    }
  }
  return out;
}

namespace {

// ((keyword of lookupRange, value), ...)
py::tuple bounds(const Names& names, const CatalogIndex& index, const IndexReadRecord& read) {
  py::list out;
  const auto add = [&](const std::optional<RangeBound>& bound, const char* inclusive,
                       const char* exclusive) {
    if (!bound) return;
    const FieldId field = index.fields[read.values.size()];
    out.append(py::make_tuple(
        bound->edge == RangeBound::Edge::kInclusive ? inclusive : exclusive,
        names.value(*read.binding, read.binding->positions[field.value], bound->value)));
  };
  add(read.lower, "atLeast", "above");
  add(read.upper, "atMost", "below");
  return py::tuple(out);
}

}  // namespace

py::set index_reads(PyTransaction& transaction) {
  const Names names(transaction.session(), transaction.shared_bindings());
  py::set out;
  for (const IndexReadRecord& read : transaction.index_reads()) {
    const CatalogIndex& index = *names.bindings().catalog().find(read.binding->indexes[read.index]);
    const py::object cls = Names::python_class(*read.binding);
    const py::tuple values = names.key(*read.binding, index, read.values);
    if (!read.is_range) {
      out.add(py::make_tuple(cls, index.name, values));
    } else {
      out.add(py::make_tuple(cls, index.name, values, bounds(names, index, read)));
    }
  }
  for (const MembershipRead& read : transaction.transaction().reads().memberships) {
    const Binding* const binding = names.binding(read.type);
    if (binding == nullptr) continue;
    out.add(py::make_tuple(Names::python_class(*binding), py::none(), py::tuple()));
  }
  return out;
}

namespace {

// The values of an index's fields: what the operations make of those of the row; nothing without
// either.
std::optional<std::vector<Value>> index_values(const detail::Snapshot& snapshot,
                                               const CatalogType& type, const CatalogIndex& index,
                                               const ObjectChange& change, const Row* row,
                                               std::span<const CellOperation> cells) {
  std::vector<Value> out;
  for (const FieldId field : index.fields) {
    std::optional<Value> value;
    const bool is_set = std::any_of(cells.begin(), cells.end(), [&](const CellOperation& cell) {
      return cell.field == field && cell.kind == CellOperation::Kind::kSet;
    });
    if (!is_set && row != nullptr) {
      value = snapshot.field(type, change.object, *row, field);
    } else if (!is_set && change.kind == ObjectChange::Kind::kCreate) {
      value = type.fields[field.value].fallback;
    }
    for (const CellOperation& cell : cells) {
      if (cell.field != field) continue;
      if (cell.kind == CellOperation::Kind::kSet) {
        value = cell.value;
      } else if (value) {
        Result<Value> after = apply_operation(*value, cell);
        if (!after) return std::nullopt;  // it cannot be committed
        value = *std::move(after);
      }
    }
    if (!value) return std::nullopt;
    out.push_back(*std::move(value));
  }
  return out;
}

}  // namespace

py::tuple index_writes(PyTransaction& transaction) {
  const Names names(transaction.session(), transaction.shared_bindings());
  const PyTransaction::Use use(transaction);
  const detail::Snapshot& snapshot = use->state().snapshot();
  const Changeset writes = use->writes();
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
      const auto before = row == nullptr
                              ? std::nullopt
                              : index_values(snapshot, *binding->type, index, change, row, {});
      const auto after = deletes ? std::nullopt
                                 : index_values(snapshot, *binding->type, index, change, row,
                                                writes.cells_of(change));
      if (before == after) continue;
      if (before) removals.append(entry(*before));
      if (after) additions.append(entry(*after));
    }
  }
  return py::make_tuple(additions, removals);
}

}  // namespace odb::python
