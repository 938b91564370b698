#include "odb/client/detail/transaction_state.h"

#include <algorithm>

#include "messages.h"
#include "odb/client/errors.h"
#include "odb/core/key_codec.h"

namespace odb::detail {

TransactionState::TransactionState(std::shared_ptr<const Snapshot> snapshot)
    : snapshot_(std::move(snapshot)) {}

const Value* TransactionState::Write::find(FieldId field) const {
  for (const auto& [written, value] : cells) {
    if (written == field) return &value;
  }
  return nullptr;
}

void TransactionState::check_open() const {
  if (ended_) {
    throw UsageError({ErrorCode::kTransactionEnded, "the transaction has ended: begin a new one"});
  }
}

const CatalogType& TransactionState::type_of(ObjectRef object) const {
  const CatalogType* type = snapshot_->catalog().catalog->find(object.type);
  if (type == nullptr) {
    throw SchemaError({ErrorCode::kUnknownType, "type number " + std::to_string(object.type.value) +
                                                    " is not known on this connection"});
  }
  return *type;
}

TransactionState::Write* TransactionState::write_of(ObjectRef object) {
  if (writes_.empty()) return nullptr;
  const auto found = write_places_.find(object.object);
  return found == write_places_.end() ? nullptr : &writes_[found->second];
}

const TransactionState::Write* TransactionState::write_of(ObjectRef object) const {
  return const_cast<TransactionState*>(this)->write_of(object);
}

TransactionState::Write& TransactionState::write_for(ObjectRef object) {
  const auto [at, fresh] = write_places_.emplace(object.object, writes_.size());
  if (fresh) writes_.push_back({.object = object, .cells = {}});
  return writes_[at->second];
}

void TransactionState::throw_absent(ObjectRef object) const {
  throw NotFoundError(not_found(*snapshot_->catalog().catalog, object));
}

const Row* TransactionState::find_covered(ObjectRef object) const {
  const Row* row = snapshot_->find(object.type, object.object);
  if (row == nullptr && !snapshot_->covers_object(object.type, object.object)) {
    throw NotSubscribedError(not_subscribed(*snapshot_->catalog().catalog, object));
  }
  return row;
}

// ---- reads ----

bool TransactionState::exists(ObjectRef object) {
  check_open();
  type_of(object);
  if (const Write* write = write_of(object)) {
    return write->kind != ObjectChange::Kind::kDelete;  // any write implies that it exists
  }
  const Row* row = find_covered(object);
  existence_reads_.insert({object.type, object.object});
  return row != nullptr;
}

const Value& TransactionState::get(ObjectRef object, FieldId field) {
  check_open();
  const CatalogType& type = type_of(object);
  const Write* write = write_of(object);
  if (write != nullptr) {
    if (write->kind == ObjectChange::Kind::kDelete) throw_absent(object);
    if (const Value* written = write->find(field)) return *written;
    if (write->created_here) {
      static const Value none;
      const auto& fallback = type.fields.at(field.value).fallback;
      return fallback ? *fallback : none;
    }
  }
  const Row* row = find_covered(object);
  if (row == nullptr) {
    existence_reads_.insert({object.type, object.object});
    throw_absent(object);
  }
  const Value& value = Snapshot::field(type, *row, field);
  cell_reads_.insert({object.type, field, object.object});
  return value;
}

std::vector<ObjectRef> TransactionState::all(TypeId type) {
  check_open();
  type_of({type, {}});
  if (!snapshot_->covers_type(type)) {
    throw NotSubscribedError(
        {ErrorCode::kNotSubscribed,
         to_string(type_of({type, {}}).name) + " is not covered by any loaded subscription"});
  }
  membership_reads_.insert({type});
  std::vector<ObjectRef> found;
  for (auto id = snapshot_->next_object(type, ObjectId{1}); id;
       id = snapshot_->next_object(type, ObjectId{id->value + 1})) {
    const ObjectRef object{type, *id};
    const Write* write = write_of(object);
    if (write == nullptr || write->kind != ObjectChange::Kind::kDelete) found.push_back(object);
  }
  bool added = false;
  for (const Write& write : writes_) {
    if (write.kind != ObjectChange::Kind::kCreate || write.object.type != type) continue;
    found.push_back(write.object);
    added = true;
  }
  if (added) std::sort(found.begin(), found.end());
  return found;
}

std::string TransactionState::key_of(const Catalog& catalog, IndexId index_id,
                                     std::span<const Value> values) {
  const CatalogIndex* index = catalog.find(index_id);
  if (index == nullptr) {
    throw SchemaError({ErrorCode::kUnknownIndex, "index number " + std::to_string(index_id.value) +
                                                     " is not known on this connection"});
  }
  const CatalogType& type = *catalog.find(index->type);
  if (values.size() != index->fields.size()) {
    throw ValueError(
        {ErrorCode::kWrongType, "index " + to_string(type.name) + "." + index->name +
                                    ": expected " + std::to_string(index->fields.size()) +
                                    " values, found " + std::to_string(values.size())});
  }
  std::string key;
  for (std::size_t i = 0; i < values.size(); ++i) {
    check_value(type, index->fields[i], values[i]);
    append_key(key, values[i]);
  }
  return key;
}

void TransactionState::check_value(const CatalogType& type, FieldId field, const Value& value) {
  if (field.value >= type.fields.size()) {
    throw SchemaError({ErrorCode::kUnknownField, to_string(type.name) + " has no field number " +
                                                     std::to_string(field.value)});
  }
  if (auto fits = check_fits(value, type.fields[field.value].type); !fits) {
    throw ValueError(
        {fits.error().code,
         to_string(type.name) + "." + type.fields[field.value].name + ": " + fits.error().message});
  }
}

bool TransactionState::has_key_after(const CatalogType& type, const CatalogIndex& index,
                                     std::span<const Value> values, const Write& write) {
  bool all_written = true;
  bool any_written = write.created_here;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const Value* value = write.find(index.fields[i]);
    if (value != nullptr && *value != values[i]) return false;
    any_written = any_written || value != nullptr;
    all_written = all_written && value != nullptr;
  }
  if (all_written) return true;
  if (write.created_here) {
    static const Value none;
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (write.find(index.fields[i]) != nullptr) continue;
      const auto& fallback = type.fields[index.fields[i].value].fallback;
      if ((fallback ? *fallback : none) != values[i]) return false;
    }
    return true;
  }
  const Row* row = snapshot_->find(write.object.type, write.object.object);
  if (row == nullptr) {
    if (!any_written) return false;  // it would be held if it had this key
    throw NotSubscribedError(not_subscribed(*snapshot_->catalog().catalog, write.object));
  }
  for (std::size_t i = 0; i < values.size(); ++i) {
    const FieldId field = index.fields[i];
    if (write.find(field) != nullptr) continue;
    // Together with what was written these fields decide, and no entry of this key stands for them.
    if (any_written) cell_reads_.insert({type.id, field, write.object.object});
    if (Snapshot::field(type, *row, field) != values[i]) return false;
  }
  return true;
}

std::vector<ObjectRef> TransactionState::lookup(IndexId index_id, std::span<const Value> values) {
  check_open();
  const Catalog& catalog = *snapshot_->catalog().catalog;
  std::string key = key_of(catalog, index_id, values);
  const CatalogIndex& index = *catalog.find(index_id);
  const CatalogType& type = *catalog.find(index.type);
  if (!snapshot_->covers_index_key(index_id, key)) {
    throw NotSubscribedError(
        {ErrorCode::kNotSubscribed, "this value of index " + to_string(type.name) + "." +
                                        index.name + " is not covered by any loaded subscription"});
  }
  std::vector<ObjectRef> found;
  for (const ObjectId object : snapshot_->lookup(index_id, key)) {
    const Write* write = write_of(ObjectRef{type.id, object});
    if (write == nullptr) found.push_back({type.id, object});
  }
  bool added = false;
  for (const Write& write : writes_) {
    if (write.object.type != type.id || write.kind == ObjectChange::Kind::kDelete) continue;
    if (!has_key_after(type, index, values, write)) continue;
    found.push_back(write.object);
    added = true;
  }
  if (added) std::sort(found.begin(), found.end());
  index_reads_.insert({index_id, std::move(key)});
  return found;
}

// ---- writes ----

// A write implies that the object exists, which the server checks; here only what is surely wrong.
// The refusal tells the program that there is no such object: it has read that.
void TransactionState::check_not_absent(ObjectRef object) {
  if (snapshot_->find(object.type, object.object) != nullptr) return;
  if (!snapshot_->covers_object(object.type, object.object)) return;
  existence_reads_.insert({object.type, object.object});
  throw_absent(object);
}

void TransactionState::create(ObjectRef object, std::vector<std::pair<FieldId, Value>> fields) {
  check_open();
  const CatalogType& type = type_of(object);
  for (const auto& [field, value] : fields) check_value(type, field, value);
  for (std::uint32_t i = 0; i < type.fields.size(); ++i) {
    if (type.fields[i].fallback) continue;
    const bool given = std::any_of(fields.begin(), fields.end(),
                                   [&](const auto& cell) { return cell.first.value == i; });
    if (!given) {
      throw ValueError({ErrorCode::kMissingField,
                        to_string(type.name) + "." + type.fields[i].name +
                            ": must be given when an object is created: its type has no default"});
    }
  }
  Write& write = write_for(object);
  write.kind = ObjectChange::Kind::kCreate;
  write.created_here = true;
  write.cells = std::move(fields);
}

void TransactionState::set(ObjectRef object, FieldId field, Value value) {
  check_open();
  const CatalogType& type = type_of(object);
  check_value(type, field, value);
  Write* write = write_of(object);
  if (write == nullptr) {
    check_not_absent(object);
    write = &write_for(object);
  } else if (write->kind == ObjectChange::Kind::kDelete) {
    throw_absent(object);
  }
  for (auto& [written, old] : write->cells) {
    if (written != field) continue;
    old = std::move(value);
    return;
  }
  write->cells.emplace_back(field, std::move(value));
}

void TransactionState::remove(ObjectRef object) {
  check_open();
  type_of(object);
  Write* write = write_of(object);
  if (write == nullptr) {
    check_not_absent(object);
    write = &write_for(object);
  } else if (write->kind == ObjectChange::Kind::kDelete) {
    throw_absent(object);
  }
  write->kind = ObjectChange::Kind::kDelete;
  write->cells.clear();
}

// ---- the end ----

bool TransactionState::has_writes() const {
  return std::any_of(writes_.begin(), writes_.end(), [](const Write& write) {
    // Created and deleted again: no write at all.
    return !(write.created_here && write.kind == ObjectChange::Kind::kDelete);
  });
}

ReadSet TransactionState::reads() const {
  ReadSet reads;
  reads.cells.assign(cell_reads_.begin(), cell_reads_.end());
  reads.existences.assign(existence_reads_.begin(), existence_reads_.end());
  reads.indexes.assign(index_reads_.begin(), index_reads_.end());
  reads.memberships.assign(membership_reads_.begin(), membership_reads_.end());
  // The same transaction gives the same bytes.
  std::sort(reads.cells.begin(), reads.cells.end());
  std::sort(reads.existences.begin(), reads.existences.end());
  std::sort(reads.indexes.begin(), reads.indexes.end());
  std::sort(reads.memberships.begin(), reads.memberships.end());
  return reads;
}

Changeset TransactionState::writes() const {
  Changeset changes;
  for (const Write& write : writes_) {
    if (write.created_here && write.kind == ObjectChange::Kind::kDelete) continue;
    changes.begin(write.kind, write.object.type, write.object.object);
    for (const auto& [field, value] : write.cells) {
      changes.add_cell({.field = field, .value = value});
    }
  }
  return changes;
}

CommitRequest TransactionState::take_request() {
  check_open();
  ended_ = true;
  return {snapshot_->version(), reads(), writes()};
}

}  // namespace odb::detail
