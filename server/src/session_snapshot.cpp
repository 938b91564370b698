// The part of Session that sends snapshots.
//
// A snapshot is read in pieces, each at the last published version, while commits go on. The
// interest counts for an object only once its piece has been sent (InterestIndex), so deltas and
// pieces together show the subscriber each object exactly once and then every change of it.
#include <variant>

#include "odb/core/key_codec.h"
#include "odb/server/server_core.h"
#include "odb/server/session.h"

namespace odb::server {

namespace {

// Gathers rows of one type.
class RowGatherer {
 public:
  RowGatherer(const CatalogType& type, const SnapshotPiece& piece, RowBlock& rows)
      : type_(type), piece_(piece), rows_(rows) {
    rows_.type = type.id;
    rows_.field_count = static_cast<std::uint32_t>(type.fields.size());
  }

  void add(ObjectId object, const Row& row) {
    rows_.objects.push_back(object);
    for (std::uint32_t field = 0; field < rows_.field_count; ++field) {
      rows_.values.push_back(VersionedState::field_of(type_, row, FieldId{field}));
      bytes_ += sizeof(Value) + rows_.values.back().heap_bytes();
    }
  }
  bool is_full() const {
    return rows_.objects.size() >= piece_.rows_max || bytes_ >= piece_.bytes_max;
  }

 private:
  const CatalogType& type_;
  const SnapshotPiece& piece_;
  RowBlock& rows_;
  std::size_t bytes_ = 0;
};

}  // namespace

bool Session::send_snapshots(Time now) {
  now_ = now;
  while (phase_ == Phase::kOpen && !loading_.empty() &&
         link_.queued_bytes() < kSnapshotQueueBytes) {
    Loading& loading = loading_.front();
    const Version version = core_.pipeline().published();
    SnapshotChunk chunk{loading.subscription, version, {}};
    const bool more = fill_chunk(loading, chunk.rows);
    const SubscriptionId subscription = loading.subscription;
    if (more) {
      core_.interests().set_position(id_, subscription, loading.position);
    } else {
      core_.interests().set_loaded(id_, subscription);
      loading_.pop_front();
    }
    if (!chunk.rows.objects.empty()) send(std::move(chunk));
    if (!more) send(SubscriptionLoaded{subscription, version});
  }
  return phase_ == Phase::kOpen && !loading_.empty();
}

bool Session::fill_chunk(Loading& loading, RowBlock& rows) {
  if (const auto* schema = std::get_if<SchemaInterest>(&loading.interest)) {
    for (const TypeId type : core_.pipeline().published_catalog()->types_of(schema->schema)) {
      if (type < loading.position.type) continue;
      if (fill_from_type(loading, type, rows)) return true;
      // One block holds one type: send what there is before going on.
      if (!rows.objects.empty()) {
        loading.position = {type, ObjectId{~std::uint64_t{0}}};
        return true;
      }
    }
    return false;
  }
  if (const auto* type = std::get_if<TypeInterest>(&loading.interest)) {
    return fill_from_type(loading, type->type, rows);
  }
  if (const auto* index = std::get_if<IndexInterest>(&loading.interest)) {
    return fill_from_index(loading, *index, rows);
  }
  return fill_from_objects(loading, std::get<ObjectsInterest>(loading.interest), rows);
}

bool Session::fill_from_type(Loading& loading, TypeId type, RowBlock& rows) {
  const VersionedState& state = core_.state();
  const CatalogType& described = *core_.pipeline().published_catalog()->find(type);
  if (!core_.policy().may_see(actor_, described)) return false;
  const ObjectTable* objects = state.objects(type);
  const Version version = core_.pipeline().published();
  std::uint64_t from = 1;
  if (loading.position.type == type) {
    if (loading.position.object.value == ~std::uint64_t{0}) return false;
    from = loading.position.object.value + 1;
  }
  RowGatherer gatherer(described, core_.snapshot_piece(), rows);
  for (auto found = objects->find_from(ObjectId{from}); found.newest != nullptr;
       found = objects->find_from(ObjectId{found.id.value + 1})) {
    loading.position = {type, found.id};
    if (const Row* row = ObjectTable::visible(found.newest, version)) gatherer.add(found.id, *row);
    if (gatherer.is_full()) return true;
  }
  return false;
}

bool Session::fill_from_index(Loading& loading, const IndexInterest& interest, RowBlock& rows) {
  const VersionedState& state = core_.state();
  const CatalogIndex& index = *core_.pipeline().published_catalog()->find(interest.index);
  const CatalogType& type = *core_.pipeline().published_catalog()->find(index.type);
  if (!core_.policy().may_see(actor_, type)) return false;
  const IndexTable* entries = state.entries(interest.index);
  const Version version = core_.pipeline().published();
  const std::string key = encode_key(interest.key);
  RowGatherer gatherer(type, core_.snapshot_piece(), rows);
  const ObjectId from{loading.position.object.value + 1};
  for (const auto* entry = entries->find(key, from, version); entry != nullptr;
       entry = IndexTable::next(entry, version)) {
    loading.position = {type.id, entry->object()};
    gatherer.add(entry->object(), *state.find(type.id, entry->object(), version));
    if (gatherer.is_full()) return true;
  }
  return false;
}

bool Session::fill_from_objects(Loading& loading, const ObjectsInterest& interest, RowBlock& rows) {
  const VersionedState& state = core_.state();
  const CatalogType& type = *core_.pipeline().published_catalog()->find(interest.type);
  if (!core_.policy().may_see(actor_, type)) return false;
  const Version version = core_.pipeline().published();
  RowGatherer gatherer(type, core_.snapshot_piece(), rows);
  while (loading.next_object < loading.objects.size()) {
    const ObjectId object = loading.objects[loading.next_object++];
    loading.position = {type.id, object};
    if (const Row* row = state.find(type.id, object, version)) gatherer.add(object, *row);
    if (gatherer.is_full()) return true;
  }
  return false;
}

}  // namespace odb::server
