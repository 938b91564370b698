#include "odb/core/cell_operation.h"

#include <algorithm>
#include <boost/unordered/unordered_flat_map.hpp>
#include <string>
#include <utility>
#include <vector>

#include "odb/core/versioned_state.h"

namespace odb {

namespace {

using Kind = CellOperation::Kind;

Error wrong_type(std::string_view operation, const Type& type) {
  return {ErrorCode::kWrongType,
          "cannot " + std::string(operation) + " a field of type " + to_string(type)};
}

Error too_many_elements() {
  return {ErrorCode::kValueOutOfRange,
          "would have more than " + std::to_string(kElementsMax) + " elements"};
}

Result<Value> add(const Value& current, const Value& amount) {
  if (current.kind() == ValueKind::kFloat) {
    return Value::real(current.as_float() + amount.as_float());
  }
  std::int64_t sum = 0;
  if (__builtin_add_overflow(current.as_int(), amount.as_int(), &sum)) {
    return Error{ErrorCode::kNumberOverflow, "adding " + std::to_string(amount.as_int()) +
                                                 " gives a number that 64 bits cannot hold"};
  }
  return Value::integer(sum);
}

Result<Value> append(const Value& current, const Value& element) {
  const auto elements = current.elements();
  if (elements.size() >= kElementsMax) return too_many_elements();
  std::vector<Value> grown;
  grown.reserve(elements.size() + 1);
  grown.assign(elements.begin(), elements.end());
  grown.push_back(element);
  return Value::list(std::move(grown));
}

// The entries in the order of their keys, with the one of `key` replaced by `value`, or gone when
// there is none.
Result<Value> with_entry(const Value& current, const Value& key, const Value* value) {
  const auto flat = current.elements();
  if (value != nullptr && flat.size() / 2 >= kElementsMax) return too_many_elements();
  std::vector<std::pair<Value, Value>> entries;
  entries.reserve(flat.size() / 2 + 1);
  for (std::size_t i = 0; i < flat.size(); i += 2) {
    if (flat[i] != key) entries.emplace_back(flat[i], flat[i + 1]);
  }
  if (value != nullptr) {
    const auto place = std::lower_bound(
        entries.begin(), entries.end(), key,
        [](const auto& entry, const Value& sought) { return entry.first < sought; });
    entries.emplace(place, key, *value);
  }
  return Value::dict(std::move(entries));
}

}  // namespace

Result<void> check_operation(const CellOperation& operation, const Type& type) {
  switch (operation.kind) {
    case Kind::kSet:
      return check_fits(operation.value, type);
    case Kind::kAdd:
      if (type.kind != Type::Kind::kInt && type.kind != Type::Kind::kFloat) {
        return wrong_type("add to", type);
      }
      return check_fits(operation.value, type);
    case Kind::kAppend:
      if (type.kind != Type::Kind::kList) return wrong_type("append to", type);
      return check_fits(operation.value, type.children[0]);
    case Kind::kInsert:
      if (type.kind != Type::Kind::kDict) return wrong_type("insert into", type);
      if (auto fits = check_fits(operation.key, type.children[0]); !fits) return fits;
      return check_fits(operation.value, type.children[1]);
    case Kind::kErase:
      if (type.kind != Type::Kind::kDict) return wrong_type("erase from", type);
      return check_fits(operation.key, type.children[0]);
  }
  return Error{ErrorCode::kMalformedMessage, "unknown kind of operation"};
}

Result<Value> apply_operation(const Value& current, const CellOperation& operation) {
  switch (operation.kind) {
    case Kind::kSet:
      return operation.value;
    case Kind::kAdd:
      return add(current, operation.value);
    case Kind::kAppend:
      return append(current, operation.value);
    case Kind::kInsert:
      return with_entry(current, operation.key, &operation.value);
    case Kind::kErase:
      return with_entry(current, operation.key, nullptr);
  }
  return Error{ErrorCode::kMalformedMessage, "unknown kind of operation"};
}

Result<void> check_operations(std::span<const CellOperation> operations, const CatalogType& type,
                              const Row& row) {
  const auto is_set = [](const CellOperation& operation) { return operation.kind == Kind::kSet; };
  if (std::all_of(operations.begin(), operations.end(), is_set)) return {};
  boost::unordered_flat_map<FieldId, Value> values;
  for (const CellOperation& operation : operations) {
    const FieldId field = operation.field;
    const auto [at, fresh] = values.try_emplace(field);
    if (fresh) at->second = VersionedState::field_of(type, row, field);
    if (operation.kind != Kind::kSet && !at->second.is_loaded()) continue;
    auto after = apply_operation(at->second, operation);
    if (!after) {
      return Error{after.error().code, to_string(type.name) + "." + type.fields[field.value].name +
                                           ": " + after.error().message};
    }
    at->second = *std::move(after);
  }
  return {};
}

}  // namespace odb
