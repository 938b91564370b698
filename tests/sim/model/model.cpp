#include "model/model.h"

#include <algorithm>

#include "odb/core/cell_operation.h"
#include "odb/core/key_codec.h"

namespace odb::sim {

namespace {

template <class... Fs>
struct Overloaded : Fs... {
  using Fs::operator()...;
};
template <class... Fs>
Overloaded(Fs...) -> Overloaded<Fs...>;

}  // namespace

Model::Model() : catalog_(std::make_shared<const Catalog>()) {}

std::optional<std::string> Model::apply(const server::CommitRecord& record) {
  if (record.version != next(version())) {
    return "version " + std::to_string(record.version.value) + " follows version " +
           std::to_string(version().value);
  }
  log_.push_back(record);
  if (record.schema) {
    auto merged = catalog_->merged(*record.schema);
    if (!merged) return "a schema that does not merge: " + merged.error().message;
    const auto before =
        std::exchange(catalog_, std::make_shared<const Catalog>(*std::move(merged)));
    widen(*before);
    return std::nullopt;
  }
  for (const ObjectChange& change : record.changes.objects) {
    if (auto wrong = apply_change(record, change)) return wrong;
  }
  for (const ObjectChange& change : record.changes.objects) {
    if (auto wrong = check_unique(change)) return wrong;
  }
  return std::nullopt;
}

Model Model::up_to(Version version) const {
  Model out;
  for (std::uint64_t i = 0; i < version.value; ++i) static_cast<void>(out.apply(log_[i]));
  return out;
}

// A new field has its default in every object there ever was.
void Model::widen(const Catalog& before) {
  for (auto& [type, objects] : objects_) {
    const CatalogType& described = *catalog_->find(type);
    if (before.find(type)->fields.size() == described.fields.size()) continue;
    for (auto& [object, steps] : objects) {
      for (Step& step : steps) {
        while (step.fields && step.fields->size() < described.fields.size()) {
          step.fields->push_back(*described.fields[step.fields->size()].fallback);
        }
      }
    }
  }
}

std::optional<std::string> Model::apply_change(const server::CommitRecord& record,
                                               const ObjectChange& change) {
  const CatalogType* type = catalog_->find(change.type);
  if (type == nullptr) return "a change of an unknown type";
  const ObjectRef object{change.type, change.object};
  Steps& steps = objects_[change.type][change.object];
  const bool lives = !steps.empty() && steps.back().fields.has_value();
  Step step{record.version, change.kind, {}, std::nullopt};
  if (change.kind == ObjectChange::Kind::kCreate) {
    if (!steps.empty()) return describe(object) + " is created for the second time";
    step.fields.emplace();
    for (const CatalogField& field : type->fields) {
      step.fields->push_back(field.fallback.value_or(Value::none()));
    }
    living_[change.type].insert(change.object);
  } else if (!lives) {
    return describe(object) + " is changed, but does not exist";
  } else if (change.kind == ObjectChange::Kind::kUpdate) {
    step.fields = steps.back().fields;
  } else {
    living_[change.type].erase(change.object);
  }
  for (const CellOperation& cell : record.changes.cells_of(change)) {
    step.written.insert(cell.field);
    Value& value = (*step.fields)[cell.field.value];
    auto changed = apply_operation(value, cell);
    if (!changed) return "an impossible operation: " + changed.error().message;
    value = *std::move(changed);
  }
  steps.push_back(std::move(step));
  return std::nullopt;
}

std::optional<std::string> Model::check_unique(const ObjectChange& change) const {
  const Fields* fields = find({change.type, change.object}, version());
  if (fields == nullptr) return std::nullopt;
  for (const CatalogIndex& index : catalog_->find(change.type)->indexes) {
    if (index.uniqueness != Uniqueness::kUnique) continue;
    if (lookup(index, key_of(*fields, index), version()).size() > 1) {
      return "unique index " + index.name + " holds the value of " +
             describe({change.type, change.object}) + " twice";
    }
  }
  return std::nullopt;
}

// ---- the state at a version ----

const Model::Steps* Model::steps(ObjectRef object) const {
  const auto objects = objects_.find(object.type);
  if (objects == objects_.end()) return nullptr;
  const auto found = objects->second.find(object.object);
  return found == objects->second.end() ? nullptr : &found->second;
}

const Model::Step* Model::step_at(ObjectRef object, Version version) const {
  const Steps* all = steps(object);
  if (all == nullptr) return nullptr;
  for (auto step = all->rbegin(); step != all->rend(); ++step) {
    if (step->version <= version) return &*step;
  }
  return nullptr;
}

const Fields* Model::find(ObjectRef object, Version version) const {
  const Step* step = step_at(object, version);
  return step == nullptr || !step->fields ? nullptr : &*step->fields;
}

std::vector<ObjectId> Model::all(TypeId type, Version version) const {
  std::vector<ObjectId> out;
  const auto objects = objects_.find(type);
  if (objects == objects_.end()) return out;
  for (const auto& [object, steps] : objects->second) {
    if (find({type, object}, version) != nullptr) out.push_back(object);
  }
  return out;
}

std::vector<ObjectId> Model::lookup(const CatalogIndex& index, std::span<const Value> key,
                                    Version version) const {
  std::vector<ObjectId> out;
  const auto objects = objects_.find(index.type);
  if (objects == objects_.end()) return out;
  for (const auto& [object, steps] : objects->second) {
    const Fields* fields = find({index.type, object}, version);
    if (fields != nullptr && has_key(*fields, index, key)) out.push_back(object);
  }
  return out;
}

KeyedObjects Model::range(const CatalogIndex& index, const KeySpan& span, Version version) const {
  KeyedObjects out;
  for (const ObjectId object : all(index.type, version)) {
    std::string key = encode_key(key_of(*find({index.type, object}, version), index));
    if (span.contains(key)) out.emplace(std::move(key), object);
  }
  return out;
}

const std::set<ObjectId>& Model::living(TypeId type) const {
  static const std::set<ObjectId> none;
  const auto found = living_.find(type);
  return found == living_.end() ? none : found->second;
}

bool Model::was_created(ObjectRef object) const { return steps(object) != nullptr; }

bool Model::has_key(const Fields& fields, const CatalogIndex& index, std::span<const Value> key) {
  for (std::size_t i = 0; i < index.fields.size(); ++i) {
    if (fields[index.fields[i].value] != key[i]) return false;
  }
  return true;
}

std::vector<Value> Model::key_of(const Fields& fields, const CatalogIndex& index) {
  std::vector<Value> key;
  for (const FieldId field : index.fields) key.push_back(fields[field.value]);
  return key;
}

// ---- whether a version changed something ----

// Whether this version moved an object into the span, out of it, or within it.
bool Model::changed_entries(IndexId id, const KeySpan& span, Version version) const {
  const CatalogIndex* index = catalog_->find(id);
  if (record(version).schema) return true;  // may have built the index
  for (const ObjectChange& change : record(version).changes.objects) {
    if (change.type != index->type) continue;
    const auto key_at = [&](Version at) -> std::optional<std::string> {
      const Fields* fields = find({change.type, change.object}, at);
      if (fields == nullptr) return std::nullopt;
      std::string key = encode_key(key_of(*fields, *index));
      return span.contains(key) ? std::optional(std::move(key)) : std::nullopt;
    };
    if (key_at(version) != key_at(previous(version))) return true;
  }
  return false;
}

bool Model::changed_at(const ConflictKey& key, Version version) const {
  if (version == Version{} || version > this->version()) return false;
  const auto step_of = [&](ObjectRef object) -> const Step* {
    const Step* step = step_at(object, version);
    return step != nullptr && step->version == version ? step : nullptr;
  };
  return std::visit(
      Overloaded{
          [&](const CellRead& read) {
            const Step* step = step_of({read.type, read.object});
            return step != nullptr && (step->kind != ObjectChange::Kind::kUpdate ||
                                       step->written.contains(read.field));
          },
          [&](const ExistenceRead& read) {
            const Step* step = step_of({read.type, read.object});
            return step != nullptr && step->kind != ObjectChange::Kind::kUpdate;
          },
          [&](const IndexRead& read) {
            return changed_entries(read.index, {read.key, key_after(read.key)}, version);
          },
          [&](const IndexRangeRead& read) {
            return changed_entries(read.index, {read.from, read.to}, version);
          },
          [&](const MembershipRead& read) {
            const auto& changes = record(version).changes.objects;
            return std::any_of(changes.begin(), changes.end(), [&](const ObjectChange& change) {
              return change.type == read.type && change.kind != ObjectChange::Kind::kUpdate;
            });
          },
      },
      key);
}

std::string describe(ObjectRef object) {
  return "object " + std::to_string(object.object.value) + " of type " +
         std::to_string(object.type.value);
}

std::string describe(const ConflictKey& key) {
  return std::visit(Overloaded{
                        [](const CellRead& read) {
                          return "field " + std::to_string(read.field.value) + " of " +
                                 describe(ObjectRef{read.type, read.object});
                        },
                        [](const ExistenceRead& read) {
                          return "existence of " + describe(ObjectRef{read.type, read.object});
                        },
                        [](const IndexRangeRead& read) {
                          return "a range of index " + std::to_string(read.index.value);
                        },
                        [](const IndexRead& read) {
                          return "a value of index " + std::to_string(read.index.value);
                        },
                        [](const MembershipRead& read) {
                          return "the objects of type " + std::to_string(read.type.value);
                        },
                    },
                    key);
}

}  // namespace odb::sim
