#include "odb/client/view.h"

#include <map>
#include <utility>

#include "messages.h"
#include "odb/client/detail/transaction_state.h"

namespace odb {

bool View::exists(ObjectRef object) const {
  return snapshot_->find(object.type, object.object) != nullptr;
}

const Value& View::get(ObjectRef object, FieldId field) const {
  const Row* row = snapshot_->find(object.type, object.object);
  if (row == nullptr) throw NotFoundError(detail::not_found(catalog(), object));
  return snapshot_->field(*catalog().find(object.type), object.object, *row, field);
}

std::vector<ObjectRef> View::all(TypeId type) const {
  std::vector<ObjectRef> found;
  for (auto id = snapshot_->next_object(type, ObjectId{1}); id;
       id = snapshot_->next_object(type, ObjectId{id->value + 1})) {
    found.push_back({type, *id});
  }
  return found;
}

std::vector<ObjectRef> View::lookup(IndexId index, std::span<const Value> values) const {
  const std::string key = detail::TransactionState::key_of(catalog(), index, values);
  const TypeId type = catalog().find(index)->type;
  std::vector<ObjectRef> found;
  for (const ObjectId object : snapshot_->lookup(index, key)) found.push_back({type, object});
  return found;
}

std::optional<ObjectRef> View::lookup_any(IndexId index, std::span<const Value> values) const {
  const std::vector<ObjectRef> found = lookup(index, values);
  if (found.empty()) return std::nullopt;
  return found.front();
}

std::vector<ObjectRef> View::range(const IndexRange& range, const RangeOptions& options) const {
  auto span = encode_index_range(catalog(), range);
  if (!span) throw_error(std::move(span.error()));
  const TypeId type = catalog().find(range.index)->type;
  IndexScan scan = snapshot_->scan(range.index, *std::move(span), options.order);
  std::vector<ObjectRef> found;
  while (found.size() < options.limit) {
    const auto* entry = scan.next();
    if (entry == nullptr) break;
    found.push_back({type, entry->object()});
  }
  return found;
}

std::size_t View::count(const IndexRange& range) const {
  auto span = encode_index_range(catalog(), range);
  if (!span) throw_error(std::move(span.error()));
  IndexScan scan = snapshot_->scan(range.index, *std::move(span), ScanOrder::kAscending);
  std::size_t entries = 0;
  while (scan.next() != nullptr) ++entries;
  return entries;
}

void View::load(std::span<const ObjectRef> objects) const {
  std::map<TypeId, std::vector<ObjectId>> by_type;
  for (const ObjectRef& object : objects) by_type[object.type].push_back(object.object);
  for (const auto& [type, ids] : by_type) snapshot_->load_fields(type, ids);
}

ObjectRef View::lookup_unique(IndexId index, std::span<const Value> values) const {
  return detail::only_one(catalog(), index, lookup(index, values));
}

}  // namespace odb
