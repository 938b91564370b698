#include "model/server_check.h"

#include <map>
#include <vector>

#include "odb/core/key_codec.h"

namespace odb::sim {

namespace {

std::optional<std::string> check_objects(const Model& model, const VersionedState& state,
                                         const CatalogType& type) {
  const ObjectTable& table = *state.objects(type.id);
  std::vector<ObjectId> found_ids;
  for (auto found = table.find_from(ObjectId{1}); found.newest != nullptr;
       found = table.find_from(ObjectId{found.id.value + 1})) {
    const Row* row = ObjectTable::visible(found.newest, state.version());
    if (row == nullptr) continue;
    found_ids.push_back(found.id);
    const Fields* fields = model.find({type.id, found.id}, model.version());
    if (fields == nullptr) continue;  // reported below
    for (std::uint32_t i = 0; i < type.fields.size(); ++i) {
      if (VersionedState::field_of(type, *row, FieldId{i}) != (*fields)[i]) {
        return "the server holds another state of " + describe(ObjectRef{type.id, found.id});
      }
    }
  }
  if (found_ids != model.all(type.id, model.version())) {
    return "the server holds other objects of " + to_string(type.name);
  }
  return std::nullopt;
}

std::optional<std::string> check_index(const Model& model, const VersionedState& state,
                                       const CatalogIndex& index) {
  // Every key that any object ever had: entries that should be gone show up too.
  std::map<std::string, std::vector<ObjectId>> expected;
  for (std::uint64_t version = 1; version <= model.version().value; ++version) {
    for (const ObjectChange& change : model.record(Version{version}).changes.objects) {
      if (change.type != index.type) continue;
      if (const Fields* fields = model.find({change.type, change.object}, Version{version})) {
        expected[encode_key(Model::key_of(*fields, index))];
      }
    }
  }
  for (const ObjectId object : model.all(index.type, model.version())) {
    const Fields& fields = *model.find({index.type, object}, model.version());
    expected[encode_key(Model::key_of(fields, index))].push_back(object);
  }
  for (const auto& [key, objects] : expected) {
    std::vector<ObjectId> found;
    for (const auto* entry = state.entries(index.id)->find(key, ObjectId{}, state.version());
         entry != nullptr; entry = IndexTable::next(entry, state.version())) {
      found.push_back(entry->object());
    }
    if (found != objects) return "the server's index " + index.name + " is wrong";
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::string> check_server(const Model& model, const VersionedState& state) {
  if (state.version() != model.version()) {
    return "the server is at version " + std::to_string(state.version().value) +
           ", the store at version " + std::to_string(model.version().value);
  }
  if (!(*state.catalog() == model.catalog())) return "the server's catalog is another one";
  for (const auto& type : model.catalog().types()) {
    if (auto wrong = check_objects(model, state, *type)) return wrong;
    for (const CatalogIndex& index : type->indexes) {
      if (auto wrong = check_index(model, state, index)) return wrong;
    }
  }
  return std::nullopt;
}

}  // namespace odb::sim
