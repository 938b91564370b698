#include "model/cache_check.h"

#include <algorithm>
#include <map>

#include "odb/core/key_codec.h"

namespace odb::sim {

namespace {

// What a snapshot holds of one type, in the order of ids.
template <class Visit>
void each_object(const detail::Snapshot& snapshot, TypeId type, const Visit& visit) {
  for (auto id = snapshot.next_object(type, ObjectId{1}); id;
       id = snapshot.next_object(type, ObjectId{id->value + 1})) {
    visit(*id, *snapshot.find(type, *id));
  }
}

// What a row has not loaded is as it should be; what came later must be the whole.
bool equals(const CatalogType& type, const Row& row, const Fields& fields) {
  for (std::uint32_t i = 0; i < type.fields.size(); ++i) {
    const Value value = VersionedState::field_of(type, row, FieldId{i});
    if (value.is_loaded() && value != fields[i]) return false;
  }
  return row.loaded() == nullptr || equals(type, *row.loaded(), fields);
}

// A lazily loaded object stands in no index that was defined after it came.
bool is_listed(const CatalogIndex& index, const Row& row) {
  return std::all_of(index.fields.begin(), index.fields.end(), [&](FieldId field) {
    return field.value >= row.fields().size() || row.fields()[field.value].is_loaded();
  });
}

class SnapshotCheck {
 public:
  SnapshotCheck(const Model& model, const detail::Snapshot& snapshot,
                const std::vector<HeldInterest>& interests, const CreatedObjects& created,
                Random& random)
      : model_(model),
        snapshot_(snapshot),
        interests_(interests),
        created_(created),
        random_(random) {}

  std::optional<std::string> run() {
    for (const auto& type : catalog().types()) {
      if (type == nullptr) continue;  // of a schema that this client does not know
      check_objects(*type);
      for (const CatalogIndex& index : type->indexes) check_index(*type, index);
    }
    return wrong_;
  }

 private:
  const Catalog& catalog() const { return *snapshot_.catalog().catalog; }

  void fail(const std::string& what) {
    if (wrong_) return;
    wrong_ = "a cache at version " + std::to_string(snapshot_.version().value) + " " + what;
  }

  bool is_covered(ObjectRef object, const Fields& fields, bool loaded_only) const {
    if (const auto found = created_.find(object); found != created_.end()) {
      const auto& version = found->second.version;
      if (!loaded_only || (version && *version <= snapshot_.version())) return true;
    }
    return std::any_of(interests_.begin(), interests_.end(), [&](const HeldInterest& held) {
      return (held.loaded || !loaded_only) && covers(held.interest, catalog(), object, fields);
    });
  }

  void check_objects(const CatalogType& type) {
    std::vector<ObjectId> held;
    each_object(snapshot_, type.id, [&](ObjectId id, const Row& row) {
      held.push_back(id);
      const ObjectRef object{type.id, id};
      const Fields* fields = model_.find(object, snapshot_.version());
      if (fields == nullptr) return fail("holds " + describe(object) + ", which does not exist");
      if (!equals(type, row, *fields)) fail("holds another state of " + describe(object));
      if (!is_covered(object, *fields, false)) {
        fail("holds " + describe(object) + ", which no interest covers");
      }
    });
    for (const ObjectId id : model_.all(type.id, snapshot_.version())) {
      if (std::binary_search(held.begin(), held.end(), id)) continue;
      const ObjectRef object{type.id, id};
      if (is_covered(object, *model_.find(object, snapshot_.version()), true)) {
        fail("lacks " + describe(object) + ", which " +
             (created_.contains(object) ? "it created" : "a loaded interest covers"));
      }
    }
  }

  void check_index(const CatalogType& type, const CatalogIndex& index) {
    std::map<std::string, std::vector<ObjectId>> expected;
    each_object(snapshot_, type.id, [&](ObjectId id, const Row& row) {
      if (!is_listed(index, row)) return;
      std::string key;
      for (const FieldId field : index.fields) {
        append_key(key, VersionedState::field_of(type, row, field));
      }
      expected[key].push_back(id);
    });
    for (const auto& [key, objects] : expected) {
      if (snapshot_.lookup(index.id, key) != objects) fail("has a wrong index " + index.name);
    }
    // Keys that nobody has any more.
    const auto nobody = [](TypeId) { return std::optional(ObjectId{1}); };
    const auto key = random_key(random_, type, index, nobody);
    const std::string encoded = encode_key(*key);
    if (!expected.contains(encoded) && !snapshot_.lookup(index.id, encoded).empty()) {
      fail("has entries of nobody in index " + index.name);
    }
  }

  const Model& model_;
  const detail::Snapshot& snapshot_;
  const std::vector<HeldInterest>& interests_;
  const CreatedObjects& created_;
  Random& random_;
  std::optional<std::string> wrong_;
};

}  // namespace

bool covers_type(const Interest& interest, const Catalog& catalog, TypeId type) {
  if (const auto* schema = std::get_if<SchemaInterest>(&interest)) {
    return catalog.find(type)->name.schema == schema->schema;
  }
  const auto* of_type = std::get_if<TypeInterest>(&interest);
  return of_type != nullptr && of_type->type == type;
}

bool covers_key(const Interest& interest, const Catalog& catalog, const CatalogIndex& index,
                const std::vector<Value>& key) {
  if (covers_type(interest, catalog, index.type)) return true;
  if (covers_range(interest, catalog, index, {encode_key(key), key_after(encode_key(key))})) {
    return true;
  }
  const auto* of_index = std::get_if<IndexInterest>(&interest);
  return of_index != nullptr && of_index->index == index.id && of_index->key == key;
}

bool covers_range(const Interest& interest, const Catalog& catalog, const CatalogIndex& index,
                  const KeySpan& span) {
  if (covers_type(interest, catalog, index.type)) return true;
  const auto* of_range = std::get_if<IndexRangeInterest>(&interest);
  return of_range != nullptr && of_range->range.index == index.id &&
         encode_index_range(catalog, of_range->range).value().contains(span);
}

bool covers_object(const Interest& interest, const Catalog& catalog, ObjectRef object) {
  if (covers_type(interest, catalog, object.type)) return true;
  const auto* objects = std::get_if<ObjectsInterest>(&interest);
  return objects != nullptr && objects->type == object.type &&
         std::find(objects->objects.begin(), objects->objects.end(), object.object) !=
             objects->objects.end();
}

bool covers(const Interest& interest, const Catalog& catalog, ObjectRef object,
            const Fields& fields) {
  if (covers_object(interest, catalog, object)) return true;
  if (const auto* of_range = std::get_if<IndexRangeInterest>(&interest)) {
    const CatalogIndex* index = catalog.find(of_range->range.index);
    return index->type == object.type && encode_index_range(catalog, of_range->range)
                                             .value()
                                             .contains(encode_key(Model::key_of(fields, *index)));
  }
  const auto* of_index = std::get_if<IndexInterest>(&interest);
  if (of_index == nullptr) return false;
  const CatalogIndex* index = catalog.find(of_index->index);
  return index->type == object.type && Model::has_key(fields, *index, of_index->key);
}

std::optional<std::string> check_snapshot(const Model& model, const detail::Snapshot& snapshot,
                                          const std::vector<HeldInterest>& interests,
                                          const CreatedObjects& created, Random& random) {
  if (snapshot.version() > model.version()) return "a cache is ahead of the store";
  return SnapshotCheck(model, snapshot, interests, created, random).run();
}

std::uint64_t digest(const detail::Snapshot& snapshot) {
  std::uint64_t out = snapshot.version().value;
  const auto mix = [&](std::uint64_t more) { out = (out ^ more) * 0x100000001B3ull + 1; };
  for (const auto& type : snapshot.catalog().catalog->types()) {
    if (type == nullptr) continue;
    each_object(snapshot, type->id, [&](ObjectId id, const Row& row) {
      mix(id.value);
      for (std::uint32_t i = 0; i < type->fields.size(); ++i) {
        mix(hash_value(VersionedState::field_of(*type, row, FieldId{i})));
      }
      for (const CatalogIndex& index : type->indexes) {
        if (!is_listed(index, row)) continue;
        std::string key;
        for (const FieldId field : index.fields) {
          append_key(key, VersionedState::field_of(*type, row, field));
        }
        for (const ObjectId object : snapshot.lookup(index.id, key)) mix(object.value);
      }
    });
  }
  return out;
}

}  // namespace odb::sim
