#include "model/change_check.h"

#include <algorithm>
#include <set>
#include <tuple>
#include <vector>

namespace odb::sim {

namespace {

using Objects = std::set<ObjectRef>;
using Entries = std::set<std::tuple<IndexId, ObjectRef, std::vector<Value>>>;

// What the view after the change knows of this object's index entries in `snapshot`.
void add_entries(const detail::Snapshot& snapshot, const CatalogType& type, ObjectRef object,
                 Entries& out) {
  const Row* row = snapshot.find(object.type, object.object);
  if (row == nullptr) return;
  for (const CatalogIndex& index : type.indexes) {
    std::vector<Value> key;
    for (const FieldId field : index.fields) {
      key.push_back(VersionedState::field_of(type, *row, field));
    }
    const auto is_loaded = [](const Value& value) { return value.is_loaded(); };
    if (!std::all_of(key.begin(), key.end(), is_loaded)) continue;
    out.emplace(index.id, object, std::move(key));
  }
}

Entries difference(const Entries& a, const Entries& b) {
  Entries out;
  std::set_difference(a.begin(), a.end(), b.begin(), b.end(), std::inserter(out, out.end()));
  return out;
}

Objects objects_of(const std::vector<Change::Object>& told) {
  Objects out;
  for (const Change::Object& one : told) out.insert(one.object);
  return out;
}

Entries entries_of(const std::vector<Change::IndexEntry>& told) {
  Entries out;
  for (const Change::IndexEntry& entry : told) out.emplace(entry.index, entry.object, entry.values);
  return out;
}

}  // namespace

std::optional<std::string> check_change(const Model& model, const detail::Snapshot& before,
                                        const Change& change) {
  const auto wrong = [&](const std::string& what) {
    return "a handler is told of version " + std::to_string(change.version.value) + ", but " + what;
  };
  const detail::Snapshot& after = change.view.snapshot();
  if (change.version > model.version()) return wrong("that is not durable");
  if (change.version != after.version()) return wrong("its view is of another version");
  const server::CommitRecord& record = model.record(change.version);
  if (change.actor != record.actor) return wrong("of the wrong actor");

  Objects created;
  Objects changed;
  Objects deleted;
  Entries entries_before;
  Entries entries_after;
  for (const ObjectChange& one : record.changes.objects) {
    const ObjectRef object{one.type, one.object};
    const bool held_before = before.find(one.type, one.object) != nullptr;
    const bool held_after = after.find(one.type, one.object) != nullptr;
    if (held_before && held_after) changed.insert(object);
    if (held_before && !held_after) deleted.insert(object);
    if (!held_before && held_after) created.insert(object);
    const CatalogType* type = after.catalog().catalog->find(one.type);
    if (type == nullptr) continue;
    add_entries(before, *type, object, entries_before);
    add_entries(after, *type, object, entries_after);
    const auto told =
        std::find_if(change.changed.begin(), change.changed.end(),
                     [&](const auto& candidate) { return candidate.object == object; });
    if (told == change.changed.end()) continue;
    std::vector<FieldId> written;
    for (const CellOperation& cell : record.changes.cells_of(one)) {
      if (std::find(written.begin(), written.end(), cell.field) == written.end()) {
        written.push_back(cell.field);
      }
    }
    if (told->fields != written) return wrong("other fields of " + describe(object) + " changed");
  }
  if (objects_of(change.created) != created) return wrong("other objects were created");
  if (objects_of(change.changed) != changed) return wrong("other objects changed");
  if (objects_of(change.deleted) != deleted) return wrong("other objects were deleted");
  if (entries_of(change.index_additions) != difference(entries_after, entries_before)) {
    return wrong("other index entries were added");
  }
  if (entries_of(change.index_removals) != difference(entries_before, entries_after)) {
    return wrong("other index entries were removed");
  }
  return std::nullopt;
}

}  // namespace odb::sim
