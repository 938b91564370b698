// The part of Cache that tells handlers and reactors what a delta changes.
#include <algorithm>
#include <utility>

#include "cache.h"

namespace odb::detail {

namespace {

std::vector<Value> index_values(const CatalogType& type, const CatalogIndex& index,
                                const Row& row) {
  std::vector<Value> values;
  for (const FieldId field : index.fields) {
    values.push_back(VersionedState::field_of(type, row, field));
  }
  return values;
}

}  // namespace

void Cache::note_change(const std::string& actor, const Changeset& changes) {
  Change noted{.version = version_,
               .actor = actor,
               .created = {},
               .changed = {},
               .deleted = {},
               .index_additions = {},
               .index_removals = {},
               .view = View(snapshot())};
  for (const ObjectChange& change : changes.objects) {
    const ObjectRef object{change.type, change.object};
    Change::Object noted_object{object, {}};
    for (const CellOperation& cell : changes.cells_of(change)) {
      const auto& fields = noted_object.fields;
      if (std::find(fields.begin(), fields.end(), cell.field) != fields.end()) continue;
      noted_object.fields.push_back(cell.field);
    }
    switch (change.kind) {
      case ObjectChange::Kind::kCreate:
      case ObjectChange::Kind::kEnter:
      case ObjectChange::Kind::kEnterLazily:
        noted.created.push_back(std::move(noted_object));
        break;
      case ObjectChange::Kind::kUpdate:
        noted.changed.push_back(std::move(noted_object));
        break;
      case ObjectChange::Kind::kDelete:
      case ObjectChange::Kind::kLeave:
        noted.deleted.push_back(std::move(noted_object));
        break;
    }
    const CatalogType& type = *state_->catalog()->find(change.type);
    if (type.indexes.empty()) continue;
    // Before trimming, the row of the step before is still there.
    const Row* newest = state_->objects(change.type)->newest(change.object);
    note_index_entries(noted, type, object,
                       ObjectTable::visible(newest, previous(state_->version())),
                       ObjectTable::visible(newest, state_->version()));
  }
  tell(std::move(noted));
}

void Cache::tell(Change change) {
  for (const auto& watch : watches_) watch->note(change);
  if (watch_) changes_.push_back(std::move(change));
}

void Cache::remove_watch(const ReadWatch& watch) {
  std::erase_if(watches_, [&](const auto& known) { return known.get() == &watch; });
}

void Cache::end_watches(const Error& reason) {
  for (const auto& watch : watches_) watch->note_end(reason);
}

void Cache::note_index_entries(Change& change, const CatalogType& type, ObjectRef object,
                               const Row* before, const Row* after) const {
  for (const CatalogIndex& index : type.indexes) {
    const bool was_listed = before != nullptr && VersionedState::is_listed(index, *before);
    const bool now_listed = after != nullptr && VersionedState::is_listed(index, *after);
    if (was_listed && now_listed &&
        state_->key_of(index, *before) == state_->key_of(index, *after)) {
      continue;
    }
    if (was_listed) {
      change.index_removals.push_back({index.id, index_values(type, index, *before), object});
    }
    if (now_listed) {
      change.index_additions.push_back({index.id, index_values(type, index, *after), object});
    }
  }
}

}  // namespace odb::detail
