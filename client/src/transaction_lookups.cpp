// The part of TransactionState that looks up: what the cache has, with the transaction's own
// writes.
#include <algorithm>
#include <utility>

#include "messages.h"
#include "odb/client/detail/transaction_state.h"
#include "odb/client/errors.h"
#include "odb/core/key_codec.h"

namespace odb::detail {

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
      append_key(key, field_after(write.object, type, write, field));
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
  for (WriteSet::Place place = 0; place < writes_.size(); ++place) {
    const Write write = writes_.at(place);
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
      if (write_of(ObjectRef{index.type, entry->object()})) continue;
      if (!visit(entry->key(), entry->object())) return;
    }
    return;
  }
  const CatalogType& type = *snapshot_->catalog().catalog->find(index.type);
  std::vector<KeyedObject> entries;
  for (auto at = fetched_.lower_bound({type.id, {}});
       at != fetched_.end() && at->first.type == type.id; ++at) {
    if (write_of(at->first)) continue;
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

}  // namespace odb::detail
