#include "replay.h"

#include <vector>

namespace odb::server {

namespace {

// Whether the object lacks this change yet. Objects are never created again: one that is not
// there was deleted later.
bool is_to_come(const VersionedState& state, const ObjectChange& change, Version version) {
  const ObjectTable* objects = state.objects(change.type);
  const Row* row = objects == nullptr ? nullptr : objects->newest(change.object);
  if (row == nullptr || row->deleted()) return change.kind == ObjectChange::Kind::kCreate;
  return row->version() < version;
}

}  // namespace

void replay(VersionedState& state, CommitRecord record) {
  std::erase_if(record.changes.objects, [&](const ObjectChange& change) {
    return !is_to_come(state, change, record.version);
  });
  state.apply(record.version, record.changes);
  state.trim_to(record.version);
}

}  // namespace odb::server
