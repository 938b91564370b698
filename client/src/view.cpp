#include "odb/client/view.h"

#include "messages.h"
#include "odb/client/detail/transaction_state.h"

namespace odb {

bool View::exists(ObjectRef object) const {
  return snapshot_->find(object.type, object.object) != nullptr;
}

const Value& View::get(ObjectRef object, FieldId field) const {
  const Row* row = snapshot_->find(object.type, object.object);
  if (row == nullptr) throw NotFoundError(detail::not_found(catalog(), object));
  return detail::Snapshot::field(*catalog().find(object.type), *row, field);
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

ObjectRef View::lookup_unique(IndexId index, std::span<const Value> values) const {
  return detail::only_one(catalog(), index, lookup(index, values));
}

}  // namespace odb
