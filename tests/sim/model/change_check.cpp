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

// What a snapshot holds.
Objects objects_of(const detail::Snapshot& snapshot) {
  Objects out;
  for (const auto& type : snapshot.catalog().catalog->types()) {
    if (type == nullptr) continue;
    for (auto id = snapshot.next_object(type->id, ObjectId{1}); id;
         id = snapshot.next_object(type->id, ObjectId{id->value + 1})) {
      out.insert({type->id, *id});
    }
  }
  return out;
}

// Fields that both have loaded and that are not the same.
std::vector<FieldId> changed_fields(const CatalogType& type, const Row& was, const Row& now) {
  const auto value_of = [&](const Row& row, FieldId field) -> Value {
    return VersionedState::field_of(type, row.loaded() == nullptr ? row : *row.loaded(), field);
  };
  std::vector<FieldId> out;
  for (std::uint32_t i = 0; i < type.fields.size(); ++i) {
    const Value before = value_of(was, FieldId{i});
    const Value after = value_of(now, FieldId{i});
    if (before.is_loaded() && after.is_loaded() && before != after) out.push_back(FieldId{i});
  }
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

std::optional<std::string> check_reload(const detail::Snapshot& before, const Change& change) {
  const auto wrong = [&](const std::string& what) {
    return "a handler is told of a reload up to version " + std::to_string(change.version.value) +
           ", but " + what;
  };
  const detail::Snapshot& after = change.view.snapshot();
  if (change.version != after.version()) return wrong("its view is of another version");
  const bool same_history = before.history() == after.history();
  const Objects were = objects_of(before);
  const Objects are = objects_of(after);
  Objects created;
  Objects changed;
  Objects deleted;
  Entries entries_before;
  Entries entries_after;
  for (const ObjectRef object : were) {
    const CatalogType& type = *before.catalog().catalog->find(object.type);
    if (same_history && are.contains(object)) {
      const CatalogType& grown = *after.catalog().catalog->find(object.type);
      const auto fields = changed_fields(grown, *before.find(object.type, object.object),
                                         *after.find(object.type, object.object));
      if (!fields.empty()) changed.insert(object);
      continue;
    }
    deleted.insert(object);
    add_entries(before, type, object, entries_before);
  }
  for (const ObjectRef object : are) {
    if (same_history && were.contains(object)) continue;
    created.insert(object);
    add_entries(after, *after.catalog().catalog->find(object.type), object, entries_after);
  }
  if (objects_of(change.created) != created) return wrong("other objects were created");
  if (objects_of(change.deleted) != deleted) return wrong("other objects were deleted");
  if (objects_of(change.changed) != changed) return wrong("other objects changed");
  const Entries added = entries_of(change.index_additions);
  const Entries removed = entries_of(change.index_removals);
  if (!std::includes(added.begin(), added.end(), entries_after.begin(), entries_after.end())) {
    return wrong("not all index entries were added");
  }
  if (!std::includes(removed.begin(), removed.end(), entries_before.begin(),
                     entries_before.end())) {
    return wrong("not all index entries were removed");
  }
  return std::nullopt;
}

}  // namespace odb::sim
