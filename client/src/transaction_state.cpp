#include "odb/client/detail/transaction_state.h"

#include <algorithm>

#include "messages.h"
#include "odb/client/errors.h"
#include "odb/core/cell_operation.h"
#include "odb/core/key_codec.h"

namespace odb::detail {

namespace {

template <class T>
T checked(Result<T> result) {
  if (!result) throw_error(std::move(result.error()));
  return *std::move(result);
}

const Value& default_of(const CatalogType& type, FieldId field) {
  static const Value none;
  const auto& fallback = type.fields.at(field.value).fallback;
  return fallback ? *fallback : none;
}

}  // namespace

TransactionState::TransactionState(std::shared_ptr<const Snapshot> snapshot)
    : snapshot_(std::move(snapshot)) {}

const Value* TransactionState::Write::find_set(FieldId field) const {
  for (const CellOperation& cell : cells) {
    if (cell.field == field) return cell.kind == CellOperation::Kind::kSet ? &cell.value : nullptr;
  }
  return nullptr;
}

bool TransactionState::Write::touches(FieldId field) const {
  return std::any_of(cells.begin(), cells.end(),
                     [&](const CellOperation& cell) { return cell.field == field; });
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

// ---- what no subscription covers ----

void TransactionState::fetch(Interest what, std::string_view not_covered) {
  const std::shared_ptr<ObjectSource> source = snapshot_->source();
  if (source == nullptr) {
    throw NotSubscribedError({ErrorCode::kNotSubscribed, std::string(not_covered)});
  }
  std::vector<RowBlock> blocks = source->load(snapshot_->origin(), what);
  add_fetched(what, std::move(blocks));
}

void TransactionState::add_fetched(const Interest& what, std::vector<RowBlock> blocks) {
  for (RowBlock& block : blocks) {
    Value* value = block.values.data();
    for (const ObjectId object : block.objects) {
      Row::Owner& row = fetched_[{block.type, object}];
      if (row == nullptr) {
        row = Row::create(Row::Kind::kCreated, Version{}, block.field_count);
        std::move(value, value + block.field_count, row->mutable_fields().begin());
        fetched_coverage_.objects.insert({block.type, object});
      }
      value += block.field_count;
    }
  }
  fetched_coverage_.add(what, *snapshot_->catalog().catalog);
  fetched_interests_.push_back(what);
}

const Row* TransactionState::find_row(ObjectRef object) {
  if (const Row* row = snapshot_->find(object.type, object.object)) return row;
  if (snapshot_->coverage().has_object(object)) return nullptr;
  if (!fetched_coverage_.has_object(object)) {
    fetch(ObjectsInterest{object.type, {object.object}},
          not_subscribed(*snapshot_->catalog().catalog, object).message);
  }
  const auto found = fetched_.find(object);
  return found == fetched_.end() ? nullptr : found->second.get();
}

// ---- reads ----

bool TransactionState::exists(ObjectRef object) {
  check_open();
  type_of(object);
  if (const Write* write = write_of(object)) {
    return write->kind != ObjectChange::Kind::kDelete;  // any write implies that it exists
  }
  const Row* row = find_row(object);
  existence_reads_.insert({object.type, object.object});
  return row != nullptr;
}

const Value& TransactionState::get(ObjectRef object, FieldId field) {
  check_open();
  const CatalogType& type = type_of(object);
  return field_after(object, type, write_of(object), field);
}

const Value& TransactionState::field_after(ObjectRef object, const CatalogType& type,
                                           const Write* write, FieldId field) {
  if (write != nullptr) {
    if (write->kind == ObjectChange::Kind::kDelete) throw_absent(object);
    if (const Value* set = write->find_set(field)) return *set;
    if (write->created_here) return default_of(type, field);
  }
  const Row* row = find_row(object);
  if (row == nullptr) {
    existence_reads_.insert({object.type, object.object});
    throw_absent(object);
  }
  const Value& stored = snapshot_->field(type, object.object, *row, field);
  const CellRead read{type.id, field, object.object};
  cell_reads_.insert(read);
  if (write == nullptr || !write->touches(field)) return stored;
  Value folded = stored;
  for (const CellOperation& cell : write->cells) {
    if (cell.field == field) folded = checked(apply_operation(folded, cell));
  }
  return folded_[read] = std::move(folded);
}

void TransactionState::mark_cell(ObjectRef object, FieldId field) {
  check_open();
  if (field.value >= type_of(object).fields.size()) {
    throw SchemaError(
        {ErrorCode::kUnknownField,
         to_string(type_of(object).name) + " has no field number " + std::to_string(field.value)});
  }
  cell_reads_.insert({object.type, field, object.object});
}

void TransactionState::mark_index(IndexId index, std::span<const Value> values) {
  check_open();
  index_reads_.insert({index, key_of(*snapshot_->catalog().catalog, index, values)});
}

std::vector<ObjectRef> TransactionState::all(TypeId type) {
  check_open();
  const CatalogType& described = type_of({type, {}});
  const bool held = snapshot_->coverage().has_type(type);
  if (!held && !fetched_coverage_.has_type(type)) {
    fetch(TypeInterest{type},
          to_string(described.name) + " is not covered by any loaded subscription");
  }
  membership_reads_.insert({type});
  std::vector<ObjectRef> found;
  const auto add = [&](ObjectRef object) {
    const Write* write = write_of(object);
    if (write == nullptr || write->kind != ObjectChange::Kind::kDelete) found.push_back(object);
  };
  if (held) {
    for (auto id = snapshot_->next_object(type, ObjectId{1}); id;
         id = snapshot_->next_object(type, ObjectId{id->value + 1})) {
      add({type, *id});
    }
  } else {
    for (auto at = fetched_.lower_bound({type, {}}); at != fetched_.end() && at->first.type == type;
         ++at) {
      add(at->first);
    }
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

// ---- look-ups ----

std::string TransactionState::key_of(const Catalog& catalog, IndexId index,
                                     std::span<const Value> values) {
  return checked(encode_index_key(catalog, index, values));
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

std::optional<std::string> TransactionState::key_of_written(const CatalogType& type,
                                                            const CatalogIndex& index,
                                                            const Write& write) {
  const bool moves = std::any_of(index.fields.begin(), index.fields.end(),
                                 [&](FieldId field) { return write.touches(field); });
  std::string key;
  const bool all_set = std::all_of(index.fields.begin(), index.fields.end(),
                                   [&](FieldId field) { return write.find_set(field) != nullptr; });
  if (moves && !all_set && !write.created_here && find_row(write.object) == nullptr) {
    existence_reads_.insert({write.object.type, write.object.object});
    return std::nullopt;  // written blindly, but there is no such object
  }
  for (const FieldId field : index.fields) {
    if (moves || write.created_here) {
      // Together with what was written these fields decide, and no entry of the index stands for
      // them: they are read.
      append_key(key, field_after(write.object, type, &write, field));
    } else {
      const Row* row = snapshot_->find(type.id, write.object.object);
      if (row == nullptr) {
        const auto fetched = fetched_.find(write.object);
        if (fetched == fetched_.end())
          return std::nullopt;  // it would be held, or fetched, if it were there
        row = fetched->second.get();
      }
      append_key(key, snapshot_->field(type, write.object.object, *row, field));
    }
  }
  return key;
}

// Written objects whose keys lie in the span now, in the order of (key, object). The first fields
// of every key in the span equal `first_values`.
std::vector<TransactionState::KeyedObject> TransactionState::own_entries(
    const CatalogIndex& index, std::span<const Value> first_values, const KeySpan& span) {
  std::vector<KeyedObject> own;
  const CatalogType& type = *snapshot_->catalog().catalog->find(index.type);
  for (const Write& write : writes_) {
    if (write.object.type != type.id || write.kind == ObjectChange::Kind::kDelete) continue;
    // What was set may tell that the object lies elsewhere, without reading the rest.
    bool elsewhere = false;
    for (std::size_t i = 0; i < first_values.size(); ++i) {
      const Value* set = write.find_set(index.fields[i]);
      elsewhere = elsewhere || (set != nullptr && *set != first_values[i]);
    }
    if (elsewhere) continue;
    std::optional<std::string> key = key_of_written(type, index, write);
    if (key && span.contains(*key)) own.emplace_back(*std::move(key), write.object.object);
  }
  std::sort(own.begin(), own.end());
  return own;
}

void TransactionState::cover_span(const CatalogIndex& index, const KeySpan& span, Interest what) {
  if (snapshot_->coverage().has_range(index, span)) return;
  if (fetched_coverage_.has_range(index, span)) return;
  const CatalogType& type = *snapshot_->catalog().catalog->find(index.type);
  fetch(std::move(what), "this part of index " + to_string(type.name) + "." + index.name +
                             " is not covered by any loaded subscription");
}

// Entries of the snapshot, or of what was fetched, in the order of the options, of objects that the
// transaction did not write. Stops when `visit` returns false.
template <class Visit>
void TransactionState::scan_unwritten(const CatalogIndex& index, const KeySpan& span,
                                      ScanOrder order, const Visit& visit) {
  if (snapshot_->coverage().has_range(index, span)) {
    IndexScan scan = snapshot_->scan(index.id, span, order);
    while (const auto* entry = scan.next()) {
      if (write_of(ObjectRef{index.type, entry->object()}) != nullptr) continue;
      if (!visit(entry->key(), entry->object())) return;
    }
    return;
  }
  const CatalogType& type = *snapshot_->catalog().catalog->find(index.type);
  std::vector<KeyedObject> entries;
  for (auto at = fetched_.lower_bound({type.id, {}});
       at != fetched_.end() && at->first.type == type.id; ++at) {
    if (write_of(at->first) != nullptr) continue;
    std::string key;
    for (const FieldId field : index.fields) {
      append_key(key, VersionedState::field_of(type, *at->second, field));
    }
    if (span.contains(key)) entries.emplace_back(std::move(key), at->first.object);
  }
  std::sort(entries.begin(), entries.end());
  if (order == ScanOrder::kDescending) std::reverse(entries.begin(), entries.end());
  for (const auto& [key, object] : entries) {
    if (!visit(key, object)) return;
  }
}

std::vector<ObjectRef> TransactionState::lookup(IndexId index_id, std::span<const Value> values) {
  check_open();
  const Catalog& catalog = *snapshot_->catalog().catalog;
  const std::string key = key_of(catalog, index_id, values);
  const CatalogIndex& index = *catalog.find(index_id);
  const KeySpan span{key, key_after(key)};
  cover_span(index, span, IndexInterest{index_id, {values.begin(), values.end()}});
  std::vector<ObjectRef> found;
  scan_unwritten(index, span, ScanOrder::kAscending, [&](std::string_view, ObjectId object) {
    found.push_back({index.type, object});
    return true;
  });
  const std::vector<KeyedObject> own = own_entries(index, values, span);
  for (const auto& [own_key, object] : own) found.push_back({index.type, object});
  if (!own.empty()) std::sort(found.begin(), found.end());
  index_reads_.insert({index_id, key});
  return found;
}

std::vector<ObjectRef> TransactionState::range(const IndexRange& range,
                                               const RangeOptions& options) {
  check_open();
  const Catalog& catalog = *snapshot_->catalog().catalog;
  const KeySpan span = checked(encode_index_range(catalog, range));
  const CatalogIndex& index = *catalog.find(range.index);
  cover_span(index, span, IndexRangeInterest{range});
  const bool up = options.order == ScanOrder::kAscending;
  std::vector<KeyedObject> own = own_entries(index, range.prefix, span);
  if (!up) std::reverse(own.begin(), own.end());
  std::vector<ObjectRef> found;
  std::string last_key;
  auto next_own = own.begin();
  const auto add = [&](std::string_view key, ObjectId object) {
    if (found.size() == options.limit) return false;
    found.push_back({index.type, object});
    last_key = key;
    return true;
  };
  bool full = options.limit == 0;
  scan_unwritten(index, span, options.order, [&](std::string_view key, ObjectId object) {
    const KeyedObject entry(key, object);
    while (!full && next_own != own.end() && (up ? *next_own < entry : *next_own > entry)) {
      full = !add(next_own->first, next_own->second);
      ++next_own;
    }
    full = full || !add(key, object);
    return !full;
  });
  while (!full && next_own != own.end()) {
    full = !add(next_own->first, next_own->second);
    ++next_own;
  }
  // What lies beyond the last one given was not read.
  KeySpan read = span;
  if (full && !found.empty()) (up ? read.to : read.from) = up ? key_after(last_key) : last_key;
  if (options.limit > 0)
    range_reads_.insert({range.index, std::move(read.from), std::move(read.to)});
  return found;
}

// ---- writes ----

// A write implies that the object exists, which the server checks; here only what is surely wrong.
// The refusal tells the program that there is no such object: it has read that.
void TransactionState::check_not_absent(ObjectRef object) {
  if (snapshot_->find(object.type, object.object) != nullptr) return;
  const bool absent = snapshot_->coverage().has_object(object) ||
                      (fetched_coverage_.has_object(object) && !fetched_.contains(object));
  if (!absent) return;
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
  write.cells.clear();
  write.cells.reserve(fields.size());
  for (auto& [field, value] : fields) {
    write.cells.push_back({.field = field, .value = std::move(value)});
  }
}

TransactionState::Write& TransactionState::write_to_existing(ObjectRef object) {
  Write* write = write_of(object);
  if (write == nullptr) {
    check_not_absent(object);
    return write_for(object);
  }
  if (write->kind == ObjectChange::Kind::kDelete) throw_absent(object);
  return *write;
}

void TransactionState::set(ObjectRef object, FieldId field, Value value) {
  check_open();
  const CatalogType& type = type_of(object);
  check_value(type, field, value);
  Write& write = write_to_existing(object);
  for (CellOperation& cell : write.cells) {
    if (cell.field != field || cell.kind != CellOperation::Kind::kSet) continue;
    cell.value = std::move(value);
    return;
  }
  // What was pending on the field is overwritten.
  std::erase_if(write.cells, [&](const CellOperation& cell) { return cell.field == field; });
  write.cells.push_back({.field = field, .value = std::move(value)});
}

void TransactionState::apply(ObjectRef object, CellOperation operation) {
  check_open();
  const CatalogType& type = type_of(object);
  const FieldId field = operation.field;
  if (operation.kind == CellOperation::Kind::kSet) {
    return set(object, field, std::move(operation.value));
  }
  if (field.value >= type.fields.size()) check_value(type, field, Value());  // throws
  if (auto possible = check_operation(operation, type.fields[field.value].type); !possible) {
    throw ValueError({possible.error().code, to_string(type.name) + "." +
                                                 type.fields[field.value].name + ": " +
                                                 possible.error().message});
  }
  fold(write_to_existing(object), type, std::move(operation));
}

// Into what was set, or into an earlier addition; else it waits in its place for the server.
void TransactionState::fold(Write& write, const CatalogType& type, CellOperation operation) {
  const FieldId field = operation.field;
  const auto combine = [&](const Value& before) {
    auto after = apply_operation(before, operation);
    if (!after) {
      throw ValueError({after.error().code, to_string(type.name) + "." +
                                                type.fields[field.value].name + ": " +
                                                after.error().message});
    }
    return *std::move(after);
  };
  for (CellOperation& cell : write.cells) {
    if (cell.field != field) continue;
    const bool both_add = cell.kind == CellOperation::Kind::kAdd;  // then so is the new one
    if (cell.kind != CellOperation::Kind::kSet && !both_add) continue;
    cell.value = combine(cell.value);
    return;
  }
  if (write.created_here) {
    Value value = combine(default_of(type, field));
    write.cells.push_back({.field = field, .value = std::move(value)});
    return;
  }
  write.cells.push_back(std::move(operation));
}

void TransactionState::remove(ObjectRef object) {
  check_open();
  type_of(object);
  Write& write = write_to_existing(object);
  write.kind = ObjectChange::Kind::kDelete;
  write.cells.clear();
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
  reads.ranges.assign(range_reads_.begin(), range_reads_.end());
  reads.memberships.assign(membership_reads_.begin(), membership_reads_.end());
  // The same transaction gives the same bytes.
  std::sort(reads.cells.begin(), reads.cells.end());
  std::sort(reads.existences.begin(), reads.existences.end());
  std::sort(reads.indexes.begin(), reads.indexes.end());
  std::sort(reads.ranges.begin(), reads.ranges.end());
  std::sort(reads.memberships.begin(), reads.memberships.end());
  return reads;
}

Changeset TransactionState::writes() const {
  Changeset changes;
  for (const Write& write : writes_) {
    if (write.created_here && write.kind == ObjectChange::Kind::kDelete) continue;
    changes.begin(write.kind, write.object.type, write.object.object);
    for (const CellOperation& cell : write.cells) changes.add_cell(cell);
  }
  return changes;
}

CommitRequest TransactionState::take_request() {
  check_open();
  ended_ = true;
  return {snapshot_->version(), reads(), writes()};
}

}  // namespace odb::detail
