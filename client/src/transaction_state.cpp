#include "odb/client/detail/transaction_state.h"

#include <algorithm>

#include "messages.h"
#include "odb/client/errors.h"
#include "odb/core/cell_operation.h"
#include "odb/core/key_codec.h"

namespace odb::detail {

namespace {

const Value& default_of(const CatalogType& type, FieldId field) {
  static const Value none;
  const auto& fallback = type.fields.at(field.value).fallback;
  return fallback ? *fallback : none;
}

// The same transaction gives the same bytes.
template <class Read>
std::vector<Read> sorted(const boost::unordered_flat_set<Read>& reads) {
  if (reads.empty()) return {};
  std::vector<Read> all(reads.begin(), reads.end());
  std::sort(all.begin(), all.end());
  return all;
}

}  // namespace

void CellReads::insert(const CellRead& read) {
  if (std::find(few_.begin(), few_.end(), read) != few_.end()) return;
  if (few_.size() < kFew) {
    few_.push_back(read);
  } else {
    others_.insert(read);
  }
}

std::vector<CellRead> CellReads::sorted() const {
  std::vector<CellRead> all(few_.begin(), few_.end());
  if (!others_.empty()) all.insert(all.end(), others_.begin(), others_.end());
  if (all.size() > 1) std::sort(all.begin(), all.end());
  return all;
}

TransactionState::TransactionState(std::shared_ptr<const Snapshot> snapshot)
    : snapshot_(std::move(snapshot)) {}

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

std::optional<WriteSet::Write> TransactionState::write_of(ObjectRef object) const {
  const auto place = writes_.find(object.object);
  return place ? std::optional(writes_.at(*place)) : std::nullopt;
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
  if (const auto write = write_of(object)) {
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
                                           const std::optional<Write>& write, FieldId field) {
  if (write) {
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
  if (!write || !write->touches(field)) return stored;
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
    const auto write = write_of(object);
    if (!write || write->kind != ObjectChange::Kind::kDelete) found.push_back(object);
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
  for (WriteSet::Place place = 0; place < writes_.size(); ++place) {
    const Write write = writes_.at(place);
    if (write.kind != ObjectChange::Kind::kCreate || write.object.type != type) continue;
    found.push_back(write.object);
    added = true;
  }
  if (added) std::sort(found.begin(), found.end());
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

void TransactionState::create(ObjectRef object, std::span<std::pair<FieldId, Value>> fields) {
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
  writes_.create(object, fields);
}

WriteSet::Place TransactionState::write_to_existing(ObjectRef object) {
  const auto place = writes_.find(object.object);
  if (!place) {
    check_not_absent(object);
    return writes_.find_or_add(object);
  }
  if (writes_.at(*place).kind == ObjectChange::Kind::kDelete) throw_absent(object);
  return *place;
}

void TransactionState::set(ObjectRef object, FieldId field, Value value) {
  check_open();
  const CatalogType& type = type_of(object);
  check_value(type, field, value);
  writes_.set(write_to_existing(object), field, std::move(value));
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
void TransactionState::fold(WriteSet::Place place, const CatalogType& type,
                            CellOperation operation) {
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
  for (CellOperation& cell : writes_.cells(place)) {
    if (cell.field != field) continue;
    const bool both_add = cell.kind == CellOperation::Kind::kAdd;  // then so is the new one
    if (cell.kind != CellOperation::Kind::kSet && !both_add) continue;
    cell.value = combine(cell.value);
    return;
  }
  if (writes_.at(place).created_here) {
    Value value = combine(default_of(type, field));
    return writes_.add_cell(place, {.field = field, .value = std::move(value), .key = {}});
  }
  writes_.add_cell(place, std::move(operation));
}

void TransactionState::remove(ObjectRef object) {
  check_open();
  type_of(object);
  writes_.remove(write_to_existing(object));
}

// ---- the end ----

ReadSet TransactionState::reads() const {
  return {cell_reads_.sorted(), sorted(existence_reads_), sorted(index_reads_),
          sorted(range_reads_), sorted(membership_reads_)};
}

CommitRequest TransactionState::take_request() {
  check_open();
  ended_ = true;
  return {snapshot_->version(), reads(), writes_.take(), tries_again_};
}

}  // namespace odb::detail
