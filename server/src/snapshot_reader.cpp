#include "snapshot_reader.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "odb/core/key_codec.h"

namespace odb::server {

namespace {

constexpr ObjectId kLastObject{~std::uint64_t{0}};

void sort_unique(std::vector<ObjectId>& objects, std::size_t from) {
  const auto begin = objects.begin() + static_cast<std::ptrdiff_t>(from);
  std::sort(begin, objects.end());
  objects.erase(std::unique(begin, objects.end()), objects.end());
}

}  // namespace

// Gathers rows of one type.
class SnapshotReader::Gatherer {
 public:
  Gatherer(const CatalogType& type, Loading loading, const SnapshotPiece& piece, RowBlock& rows)
      : type_(type), piece_(piece), rows_(rows) {
    rows_.type = type.id;
    rows_.field_count = static_cast<std::uint32_t>(type.fields.size());
    is_sent_.assign(type.fields.size(), loading == Loading::kEager);
    for (const CatalogIndex& index : type.indexes) {
      for (const FieldId field : index.fields) is_sent_[field.value] = true;
    }
  }

  void add(ObjectId object, const Row& row) {
    rows_.objects.push_back(object);
    for (std::uint32_t field = 0; field < rows_.field_count; ++field) {
      rows_.values.push_back(is_sent_[field] ? VersionedState::field_of(type_, row, FieldId{field})
                                             : Value::not_loaded());
      bytes_ += sizeof(Value) + rows_.values.back().heap_bytes();
    }
  }
  bool is_full() const {
    return rows_.objects.size() >= piece_.rows_max || bytes_ >= piece_.bytes_max ||
           rows_.values.size() + rows_.field_count > kRowBlockValuesMax;
  }

 private:
  const CatalogType& type_;
  const SnapshotPiece& piece_;
  RowBlock& rows_;
  std::vector<bool> is_sent_;
  std::size_t bytes_ = 0;
};

SnapshotReader::SnapshotReader(Interest interest, Loading loading)
    : interest_(std::move(interest)), loading_(loading) {
  if (const auto* objects = std::get_if<ObjectsInterest>(&interest_)) {
    listed_ = objects->objects;
    sort_unique(listed_, 0);
    has_listed_ = true;
  }
}

bool SnapshotReader::read(const SnapshotSource& source, Version version, RowBlock& rows) {
  if (std::holds_alternative<SchemaInterest>(interest_)) return read_schema(source, version, rows);
  if (const auto* type = std::get_if<TypeInterest>(&interest_)) {
    return read_type(source, version, type->type, rows);
  }
  if (const auto* index = std::get_if<IndexInterest>(&interest_)) {
    return read_key(source, version, *index, rows);
  }
  if (const auto* objects = std::get_if<ObjectsInterest>(&interest_)) {
    return read_listed(source, version, objects->type, rows);
  }
  const IndexRange& range = std::get<IndexRangeInterest>(interest_).range;
  range_index_ = source.catalog.find(range.index);
  if (!has_listed_) list_range(source, version, range);
  return read_listed(source, version, range_index_->type, rows);
}

bool SnapshotReader::read_schema(const SnapshotSource& source, Version version, RowBlock& rows) {
  const std::string& schema = std::get<SchemaInterest>(interest_).schema;
  for (const TypeId type : source.catalog.types_of(schema)) {
    if (type < position_.type) continue;
    if (read_type(source, version, type, rows)) return true;
    // One block holds one type: send what there is before going on.
    if (!rows.objects.empty()) {
      position_ = {type, kLastObject};
      return true;
    }
  }
  return false;
}

bool SnapshotReader::read_type(const SnapshotSource& source, Version version, TypeId id,
                               RowBlock& rows) {
  const CatalogType& type = *source.catalog.find(id);
  if (!source.policy.may_see(source.actor, type)) return false;
  std::uint64_t from = 1;
  if (position_.type == id) {
    if (position_.object == kLastObject) return false;
    from = position_.object.value + 1;
  }
  const ObjectTable* objects = source.state.objects(id);
  Gatherer gatherer(type, loading_, source.piece, rows);
  for (auto found = objects->find_from(ObjectId{from}); found.newest != nullptr;
       found = objects->find_from(ObjectId{found.id.value + 1})) {
    position_ = {id, found.id};
    if (const Row* row = ObjectTable::visible(found.newest, version)) gatherer.add(found.id, *row);
    if (gatherer.is_full()) return true;
  }
  return false;
}

bool SnapshotReader::read_key(const SnapshotSource& source, Version version,
                              const IndexInterest& interest, RowBlock& rows) {
  const CatalogType& type = *source.catalog.find(source.catalog.find(interest.index)->type);
  if (!source.policy.may_see(source.actor, type)) return false;
  const IndexTable* entries = source.state.entries(interest.index);
  Gatherer gatherer(type, loading_, source.piece, rows);
  const ObjectId from{position_.object.value + 1};
  for (const auto* entry = entries->find(encode_key(interest.key), from, version); entry != nullptr;
       entry = IndexTable::next(entry, version)) {
    position_ = {type.id, entry->object()};
    gatherer.add(entry->object(), *source.state.find(type.id, entry->object(), version));
    if (gatherer.is_full()) return true;
  }
  return false;
}

void SnapshotReader::list_range(const SnapshotSource& source, Version version,
                                const IndexRange& range) {
  has_listed_ = true;
  span_ = *encode_index_range(source.catalog, range);
  const IndexTable* entries = source.state.entries(range.index);
  for (const auto* entry = entries->first_from(span_.from, version);
       entry != nullptr && entry->key() < span_.to; entry = IndexTable::following(entry, version)) {
    listed_.push_back(entry->object());
  }
  sort_unique(listed_, 0);
}

void SnapshotReader::add_arrivals(const boost::unordered_flat_set<ObjectId>& arrivals) {
  if (!has_listed_ || arrivals.empty()) return;
  listed_.erase(listed_.begin(), listed_.begin() + static_cast<std::ptrdiff_t>(next_));
  next_ = 0;
  listed_.insert(listed_.end(), arrivals.begin(), arrivals.end());
  sort_unique(listed_, 0);
}

bool SnapshotReader::read_listed(const SnapshotSource& source, Version version, TypeId id,
                                 RowBlock& rows) {
  const CatalogType& type = *source.catalog.find(id);
  if (!source.policy.may_see(source.actor, type)) return false;
  Gatherer gatherer(type, loading_, source.piece, rows);
  while (next_ < listed_.size()) {
    const ObjectId object = listed_[next_++];
    position_ = {id, object};
    const Row* row = source.state.find(id, object, version);
    if (row == nullptr) continue;
    // It may have left the range since it was listed.
    if (range_index_ != nullptr && !span_.contains(source.state.key_of(*range_index_, *row))) {
      continue;
    }
    gatherer.add(object, *row);
    if (gatherer.is_full()) return true;
  }
  return false;
}

}  // namespace odb::server
