#include "odb/server/store.h"

#include <algorithm>

namespace odb::server {

Result<void> StoreLoader::on_loaded(Version) {
  return Error{ErrorCode::kUnsupported, "this loader does not follow a store"};
}

Result<void> StoreLoader::on_version(CommitRecord) {
  return Error{ErrorCode::kUnsupported, "this loader does not follow a store"};
}

namespace {

template <class T>
void sort_once(std::vector<T>& items) {
  std::sort(items.begin(), items.end());
  items.erase(std::unique(items.begin(), items.end()), items.end());
}

}  // namespace

std::vector<TouchedObject> touched_objects(const CommitBatch& batch) {
  std::vector<TouchedObject> touched;
  for (const CommitRecord* record : batch.records) {
    for (const ObjectChange& change : record->changes.objects) {
      touched.push_back({change.type, change.object});
    }
  }
  sort_once(touched);
  return touched;
}

std::vector<ClientId> touched_clients(const CommitBatch& batch) {
  std::vector<ClientId> touched;
  for (const CommitRecord* record : batch.records) {
    if (record->sequence == Sequence{}) continue;
    if (touched.empty() || touched.back() != record->client) touched.push_back(record->client);
  }
  sort_once(touched);
  return touched;
}

std::vector<TypeId> touched_types(const CommitBatch& batch) {
  std::vector<TypeId> touched;
  for (const CommitRecord* record : batch.records) {
    if (!record->schema) continue;
    const auto types = batch.state.catalog()->types_of(record->schema->name);
    touched.insert(touched.end(), types.begin(), types.end());
  }
  sort_once(touched);
  return touched;
}

}  // namespace odb::server
