#include "odb/client/detail/write_set.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace odb::detail {

const Value* WriteSet::Write::find_set(FieldId field) const {
  for (const CellOperation& cell : cells) {
    if (cell.field == field) return cell.kind == CellOperation::Kind::kSet ? &cell.value : nullptr;
  }
  return nullptr;
}

bool WriteSet::Write::touches(FieldId field) const {
  return std::any_of(cells.begin(), cells.end(),
                     [&](const CellOperation& cell) { return cell.field == field; });
}

std::optional<WriteSet::Place> WriteSet::find(ObjectId object) const {
  if (object > highest_) return std::nullopt;
  const auto& objects = changes_.objects;
  const std::size_t few = std::min(kFew, objects.size());
  for (Place place = 0; place < few; ++place) {
    if (objects[place].object == object) return place;
  }
  for (; indexed_ < objects.size(); ++indexed_) places_.emplace(objects[indexed_].object, indexed_);
  const auto found = places_.find(object);
  return found == places_.end() ? std::nullopt : std::optional(found->second);
}

WriteSet::Write WriteSet::at(Place place) const {
  const ObjectChange& change = changes_.objects[place];
  return {change.kind,
          is_created_here(change),
          {change.type, change.object},
          changes_.cells_of(change)};
}

WriteSet::Place WriteSet::find_or_add(ObjectRef object) {
  if (const auto place = find(object.object)) return *place;
  highest_ = std::max(highest_, object.object);
  changes_.begin(ObjectChange::Kind::kUpdate, object.type, object.object);
  return size() - 1;
}

void WriteSet::create(ObjectRef object, std::span<std::pair<FieldId, Value>> fields) {
  const Place place = find_or_add(object);
  ObjectChange& change = changes_.objects[place];
  if (change.kind == ObjectChange::Kind::kDelete) undone_.erase(change.object);
  change.kind = ObjectChange::Kind::kCreate;
  clear_cells(change);
  for (auto& [field, value] : fields) {
    add_cell(place, {.field = field, .value = std::move(value), .key = {}});
  }
}

void WriteSet::remove(Place place) {
  ObjectChange& change = changes_.objects[place];
  if (change.kind == ObjectChange::Kind::kCreate) undone_.insert(change.object);
  change.kind = ObjectChange::Kind::kDelete;
  clear_cells(change);
}

void WriteSet::set(Place place, FieldId field, Value value) {
  ObjectChange& change = changes_.objects[place];
  const std::span<CellOperation> cells = changes_.cells_of(change);
  for (CellOperation& cell : cells) {
    if (cell.field != field || cell.kind != CellOperation::Kind::kSet) continue;
    cell.value = std::move(value);
    return;
  }
  const auto kept = std::remove_if(cells.begin(), cells.end(),
                                   [&](const CellOperation& cell) { return cell.field == field; });
  const auto dropped = static_cast<std::size_t>(cells.end() - kept);
  unused_cells_ += dropped;
  change.cells_count -= static_cast<std::uint32_t>(dropped);
  add_cell(place, {.field = field, .value = std::move(value), .key = {}});
}

void WriteSet::add_cell(Place place, CellOperation cell) {
  ObjectChange& change = changes_.objects[place];
  std::vector<CellOperation>& cells = changes_.cells;
  if (place != size() - 1) in_order_ = false;
  if (change.cells_begin + change.cells_count != cells.size()) {
    const auto begin = static_cast<std::uint32_t>(cells.size());
    for (std::uint32_t i = 0; i < change.cells_count; ++i) {
      CellOperation moved = std::move(cells[change.cells_begin + i]);
      cells.push_back(std::move(moved));
    }
    unused_cells_ += change.cells_count;
    change.cells_begin = begin;
  }
  cells.push_back(std::move(cell));
  ++change.cells_count;
  if (unused_cells_ > cells.size() / 2 + kFew) drop_unused_cells();
}

void WriteSet::clear_cells(ObjectChange& change) {
  unused_cells_ += change.cells_count;
  change.cells_count = 0;
}

void WriteSet::drop_unused_cells() {
  std::vector<CellOperation> cells;
  cells.reserve(2 * (changes_.cells.size() - unused_cells_));
  for (ObjectChange& change : changes_.objects) {
    const std::span<CellOperation> of_object = changes_.cells_of(change);
    change.cells_begin = static_cast<std::uint32_t>(cells.size());
    std::move(of_object.begin(), of_object.end(), std::back_inserter(cells));
  }
  changes_.cells = std::move(cells);
  unused_cells_ = 0;
  in_order_ = true;
}

Changeset WriteSet::take() {
  Changeset taken = is_compact() ? std::move(changes_) : changes();
  changes_ = {};
  undone_.clear();
  return taken;
}

Changeset WriteSet::changes() const {
  if (is_compact()) return changes_;
  Changeset changes;
  changes.objects.reserve(size() - undone_.size());
  changes.cells.reserve(changes_.cells.size() - unused_cells_);
  for (const ObjectChange& change : changes_.objects) {
    if (undone_.contains(change.object)) continue;
    changes.begin(change.kind, change.type, change.object);
    for (const CellOperation& cell : changes_.cells_of(change)) changes.add_cell(cell);
  }
  return changes;
}

}  // namespace odb::detail
