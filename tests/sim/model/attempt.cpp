#include "model/attempt.h"

#include <algorithm>

#include "odb/core/cell_operation.h"
#include "odb/core/key_codec.h"

namespace odb::sim {

namespace {

std::string list(const std::vector<ObjectId>& objects) {
  std::string out = "[";
  for (const ObjectId object : objects) {
    out += (out.size() > 1 ? " " : "") + std::to_string(object.value);
  }
  return out + "]";
}

std::string text(const std::optional<Value>& value) {
  return value ? to_string(*value) : "no object";
}

void insert_sorted(std::vector<ObjectId>& objects, ObjectId object) {
  objects.insert(std::lower_bound(objects.begin(), objects.end(), object), object);
}

}  // namespace

Overlay::Overlay(const Model& model, Version version, std::span<const OwnWrite> writes)
    : model_(model), version_(version) {
  for (const OwnWrite& one : writes) write(one);
}

void Overlay::write(const OwnWrite& write) {
  std::optional<Fields>& fields = written_[write.object];
  if (write.kind == ObjectChange::Kind::kDelete) {
    fields.reset();
    unknown_.erase(write.object);
    return;
  }
  if (write.kind == ObjectChange::Kind::kCreate) {
    fields.emplace();
    for (const CatalogField& field : model_.catalog().find(write.object.type)->fields) {
      fields->push_back(field.fallback.value_or(Value::none()));
    }
  } else if (!fields) {
    const Fields* before = model_.find(write.object, version_);
    if (before == nullptr) {
      unknown_.insert(write.object);
      return;
    }
    fields = *before;
  }
  for (const CellOperation& cell : write.cells) {
    Value& value = (*fields)[cell.field.value];
    value = apply_operation(value, cell).value();
  }
}

bool Overlay::knows_all(TypeId type) const {
  return std::none_of(unknown_.begin(), unknown_.end(),
                      [&](ObjectRef object) { return object.type == type; });
}

KeyedObjects Overlay::range(const CatalogIndex& index, const KeySpan& span) const {
  KeyedObjects out = model_.range(index, span, version_);
  std::erase_if(out, [&](const auto& entry) {
    return written_.contains({index.type, entry.second});
  });
  for (const auto& [object, fields] : written_) {
    if (object.type != index.type || !fields) continue;
    std::string key = encode_key(Model::key_of(*fields, index));
    if (span.contains(key)) out.emplace(std::move(key), object.object);
  }
  return out;
}

const Fields* Overlay::find(ObjectRef object) const {
  const auto written = written_.find(object);
  if (written == written_.end()) return model_.find(object, version_);
  return written->second ? &*written->second : nullptr;
}

std::vector<ObjectId> Overlay::all(TypeId type) const {
  std::vector<ObjectId> out = model_.all(type, version_);
  std::erase_if(out, [&](ObjectId object) { return written_.contains({type, object}); });
  for (const auto& [object, fields] : written_) {
    if (object.type == type && fields) insert_sorted(out, object.object);
  }
  return out;
}

std::vector<ObjectId> Overlay::lookup(const CatalogIndex& index, std::span<const Value> key) const {
  std::vector<ObjectId> out = model_.lookup(index, key, version_);
  std::erase_if(out, [&](ObjectId object) { return written_.contains({index.type, object}); });
  for (const auto& [object, fields] : written_) {
    if (object.type == index.type && fields && Model::has_key(*fields, index, key)) {
      insert_sorted(out, object.object);
    }
  }
  return out;
}

std::optional<std::string> differs(const Model& model, Version version,
                                   const Observation& observation,
                                   std::span<const OwnWrite> writes) {
  const Overlay state(model, version, writes.first(observation.writes_before));
  const auto sentence = [&](const std::string& what, const std::string& saw,
                            const std::string& expected) {
    return what + ": the transaction saw " + saw + ", at version " + std::to_string(version.value) +
           " it is " + expected;
  };
  switch (observation.kind) {
    case Observation::Kind::kCell: {
      if (!state.is_known(observation.object)) return std::nullopt;
      const Fields* fields = state.find(observation.object);
      std::optional<Value> expected;
      if (fields != nullptr) expected = (*fields)[observation.field.value];
      if (expected == observation.value) return std::nullopt;
      return sentence("field " + std::to_string(observation.field.value) + " of " +
                          describe(observation.object),
                      text(observation.value), text(expected));
    }
    case Observation::Kind::kExistence: {
      if (!state.is_known(observation.object)) return std::nullopt;
      const bool expected = state.find(observation.object) != nullptr;
      if (expected == observation.exists) return std::nullopt;
      return sentence("existence of " + describe(observation.object),
                      observation.exists ? "yes" : "no", expected ? "yes" : "no");
    }
    case Observation::Kind::kLookup: {
      const CatalogIndex& index = *model.catalog().find(observation.index);
      const auto without_unknown = [&](std::vector<ObjectId> objects) {
        std::erase_if(objects, [&](ObjectId object) {
          return !state.is_known({index.type, object});
        });
        return objects;
      };
      const auto saw = without_unknown(observation.found);
      const auto expected = without_unknown(state.lookup(index, observation.key));
      if (saw == expected) return std::nullopt;
      std::string key;
      for (const Value& value : observation.key) key += to_string(value) + " ";
      return sentence("index " + index.name + " at " + key, list(saw), list(expected));
    }
    case Observation::Kind::kRange: {
      const CatalogIndex& index = *model.catalog().find(observation.range.index);
      if (!state.knows_all(index.type)) return std::nullopt;  // what a limit cuts off is open
      const KeySpan span = encode_index_range(model.catalog(), observation.range).value();
      std::vector<ObjectId> expected;
      for (const auto& [key, object] : state.range(index, span)) expected.push_back(object);
      if (observation.options.order == ScanOrder::kDescending) {
        std::reverse(expected.begin(), expected.end());
      }
      if (expected.size() > observation.options.limit) expected.resize(observation.options.limit);
      if (observation.found == expected) return std::nullopt;
      return sentence("a range of index " + index.name, list(observation.found), list(expected));
    }
    case Observation::Kind::kMembership: {
      const auto expected = state.all(observation.type);
      if (expected == observation.found) return std::nullopt;
      return sentence("the objects of type " + std::to_string(observation.type.value),
                      list(observation.found), list(expected));
    }
  }
  return std::nullopt;
}

}  // namespace odb::sim
