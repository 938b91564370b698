// The part of Cache that takes in what the server sends: pieces of snapshots, and deltas.
#include <algorithm>
#include <utility>

#include "cache.h"
#include "messages.h"
#include "odb/core/cell_operation.h"

namespace odb::detail {

namespace {

bool is_loaded(const Value& value) { return value.is_loaded(); }

// Whether a row has not loaded something that these values have.
bool lacks_any(const Row& row, std::span<const Value> values) {
  if (row.extent() == Row::Extent::kWhole) return false;
  for (std::size_t i = 0; i < row.fields().size() && i < values.size(); ++i) {
    if (!row.fields()[i].is_loaded() && values[i].is_loaded()) return true;
  }
  return false;
}

Row::Owner whole_row(std::span<Value> fields) {
  Row::Owner row =
      Row::create(Row::Kind::kCreated, Version{}, static_cast<std::uint32_t>(fields.size()));
  std::move(fields.begin(), fields.end(), row->mutable_fields().begin());
  return row;
}

}  // namespace

Result<void> Cache::stage(SubscriptionId subscription, RowBlock rows) {
  const CatalogType* type = state_->catalog()->find(rows.type);
  if (type == nullptr) return nonsense("objects of a type that it has not described");
  if (rows.field_count > type->fields.size()) {
    return nonsense("more fields than " + to_string(type->name) + " has");
  }
  const bool again = loaded_.contains(subscription);
  if (!again) loading_ = subscription;
  state_->begin_step(next_step());
  Value* value = rows.values.data();
  for (const ObjectId object : rows.objects) {
    if (object == ObjectId{}) return nonsense("an object without identity");
    const std::span<Value> fields(value, rows.field_count);
    value += rows.field_count;
    // Held already through another subscription, and kept up to date there; but this one may bring
    // more of it.
    if (const Row* held = held_row(rows.type, object)) {
      if (lacks_any(*held, fields)) state_->refine(rows.type, object, fields);
      continue;
    }
    if (again) return nonsense("an object again that it has not sent");
    auto& table = staged_[rows.type];
    if (table == nullptr) table = std::make_unique<ObjectTable>();
    if (table->newest(object) != nullptr) continue;
    const bool whole = std::all_of(fields.begin(), fields.end(), is_loaded);
    if (!whole) partial_types_.insert(rows.type);
    Row::Owner row = Row::create(Row::Kind::kCreated, Version{}, rows.field_count,
                                 whole ? Row::Extent::kWhole : Row::Extent::kPartial);
    std::move(fields.begin(), fields.end(), row->mutable_fields().begin());
    table->put(object, row.release());
  }
  state_->trim_to(state_->version());
  return {};
}

void Cache::complete_held(const Row& held, std::span<Value> fields) {
  if (held.extent() == Row::Extent::kWhole || held.loaded() != nullptr) return;
  if (!std::all_of(fields.begin(), fields.end(), is_loaded)) return;
  held.set_loaded(whole_row(fields));
}

void Cache::complete(const std::vector<std::pair<ObjectId, const Row*>>& partial,
                     std::vector<RowBlock> blocks) {
  boost::unordered_flat_map<ObjectId, const Row*> rows(partial.begin(), partial.end());
  for (RowBlock& block : blocks) {
    Value* value = block.values.data();
    for (const ObjectId object : block.objects) {
      const std::span<Value> fields(value, block.field_count);
      value += block.field_count;
      if (const auto found = rows.find(object); found != rows.end()) {
        complete_held(*found->second, fields);
      }
    }
  }
}

Row* Cache::staged_row(TypeId type, ObjectId object) const {
  const auto found = staged_.find(type);
  return found == staged_.end() ? nullptr : found->second->newest_for_writer(object);
}

Result<void> Cache::check(const ObjectChange& change, const Changeset& changes) const {
  const CatalogType* type = state_->catalog()->find(change.type);
  if (type == nullptr) return nonsense("a change of a type that it has not described");
  if (change.object == ObjectId{}) return nonsense("a change of an object without identity");
  if (std::size_t{change.cells_begin} + change.cells_count > changes.cells.size()) {
    return nonsense("a change without its cells");
  }
  const Row* held = held_row(change.type, change.object);
  if (held == nullptr) held = staged_row(change.type, change.object);
  const bool appears = change.kind == ObjectChange::Kind::kCreate ||
                       change.kind == ObjectChange::Kind::kEnter ||
                       change.kind == ObjectChange::Kind::kEnterLazily;
  if ((held != nullptr) == appears) {
    return nonsense(appears ? "an object twice" : "a change of an object that it has not sent");
  }
  return check_cells(*type, change, changes.cells_of(change), held);
}

Result<void> Cache::check_cells(const CatalogType& type, const ObjectChange& change,
                                std::span<const CellOperation> cells, const Row* row) {
  bool sets_only = true;
  for (const CellOperation& cell : cells) {
    if (cell.field.value >= type.fields.size()) {
      return nonsense("a field that it has not described");
    }
    if (cell.kind == CellOperation::Kind::kSet) continue;
    sets_only = false;
    if (auto possible = check_operation(cell, type.fields[cell.field.value].type); !possible) {
      return nonsense("an operation that cannot be: " + possible.error().message);
    }
  }
  if (sets_only) return {};
  if (change.kind != ObjectChange::Kind::kUpdate) {
    return nonsense("an operation on an object that appears or goes");
  }
  const Row* whole = row->loaded();
  if (auto possible = check_operations(cells, type, whole == nullptr ? *row : *whole); !possible) {
    return nonsense("an operation that cannot be: " + possible.error().message);
  }
  return {};
}

Row::Owner Cache::make_row(const CatalogType& type, const ObjectChange& change,
                           const Changeset& changes) {
  const auto field_count = static_cast<std::uint32_t>(type.fields.size());
  const bool lazily = change.kind == ObjectChange::Kind::kEnterLazily;
  Row::Owner row = Row::create(Row::Kind::kCreated, Version{}, field_count,
                               lazily ? Row::Extent::kPartial : Row::Extent::kWhole);
  for (std::uint32_t i = 0; i < field_count; ++i) {
    if (lazily) {
      row->mutable_fields()[i] = Value::not_loaded();
    } else if (const auto& fallback = type.fields[i].fallback) {
      row->mutable_fields()[i] = *fallback;
    }
  }
  for (const CellOperation& cell : changes.cells_of(change)) row->set(cell.field, cell.value);
  return row;
}

Row::Owner Cache::updated_row(const CatalogType& type, const Row& old, const ObjectChange& change,
                              const Changeset& changes) {
  const Row* whole = old.loaded();
  const Row& from = whole == nullptr ? old : *whole;
  const auto field_count = static_cast<std::uint32_t>(type.fields.size());
  Row::Owner row = Row::create(Row::Kind::kCreated, Version{}, field_count, from.extent());
  for (std::uint32_t i = 0; i < field_count; ++i) {
    row->mutable_fields()[i] = VersionedState::field_of(type, from, FieldId{i});
  }
  for (const CellOperation& cell : changes.cells_of(change)) {
    const Value& current = row->fields()[cell.field.value];
    if (cell.kind != CellOperation::Kind::kSet && !current.is_loaded()) continue;
    row->set(cell.field, apply_operation(current, cell).value());
  }
  return row;
}

// An object that is not visible yet stays in staging until what it becomes is covered by an
// interest that is loaded already: look-ups that rely on that one must find it then.
void Cache::apply_staged(const ObjectChange& change, const Changeset& changes, Changeset& visible) {
  const CatalogType& type = *state_->catalog()->find(change.type);
  auto& table = staged_[change.type];
  if (table == nullptr) table = std::make_unique<ObjectTable>();
  const Row::Owner old(table->newest_for_writer(change.object));
  Row::Owner row;
  switch (change.kind) {
    case ObjectChange::Kind::kCreate:
    case ObjectChange::Kind::kEnter:
    case ObjectChange::Kind::kEnterLazily:
      row = make_row(type, change, changes);
      break;
    case ObjectChange::Kind::kUpdate:
      row = updated_row(type, *old, change, changes);
      break;
    case ObjectChange::Kind::kDelete:
    case ObjectChange::Kind::kLeave:
      break;
  }
  if (row != nullptr && !is_covered(type, change.object, *row)) {
    table->put(change.object, row.release());
    return;
  }
  if (old != nullptr) {
    table->erase(change.object, [](ObjectTable::Node* node) { ObjectTable::free_node(node); });
  }
  if (row == nullptr) return;
  const bool whole = row->extent() == Row::Extent::kWhole;
  visible.begin(whole ? ObjectChange::Kind::kEnter : ObjectChange::Kind::kEnterLazily, change.type,
                change.object);
  std::uint32_t field = 0;
  for (const Value& value : row->fields()) {
    if (value.is_loaded()) visible.add_cell({.field = FieldId{field}, .value = value});
    ++field;
  }
}

// Splits off what concerns objects that are not visible yet.
Changeset Cache::visible_part(const Changeset& changes) {
  Changeset visible;
  for (const ObjectChange& change : changes.objects) {
    if (held_row(change.type, change.object) == nullptr) {
      apply_staged(change, changes, visible);
      continue;
    }
    visible.begin(change.kind, change.type, change.object);
    for (const CellOperation& cell : changes.cells_of(change)) visible.add_cell(cell);
  }
  return visible;
}

Result<void> Cache::apply(Version version, const std::string& actor, const Changeset& changes) {
  if (version <= version_ && version_ != Version{}) {
    return nonsense("version " + std::to_string(version.value) + " after version " +
                    std::to_string(version_.value));
  }
  for (const ObjectChange& change : changes.objects) {
    if (auto valid = check(change, changes); !valid) return valid;
  }
  for (const ObjectChange& change : changes.objects) {
    if (change.kind == ObjectChange::Kind::kEnterLazily) partial_types_.insert(change.type);
  }
  if (loading_ != SubscriptionId{} || !staged_.empty()) {
    take_in(version, actor, visible_part(changes));
  } else {
    take_in(version, actor, changes);
  }
  return {};
}

void Cache::take_in(Version version, const std::string& actor, const Changeset& changes) {
  state_->apply(next_step(), changes);  // from here on no snapshot but a new one is given
  version_ = version;
  if (!own_.empty()) {
    for (const ObjectChange& change : changes.objects) {
      if (change.kind == ObjectChange::Kind::kDelete) own_.erase({change.type, change.object});
    }
  }
  if (watch_ || !watches_.empty()) note_change(actor, changes);
  state_->trim_to(state_->version());
}

}  // namespace odb::detail
