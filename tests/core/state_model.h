// An obviously correct VersionedState: a full copy of everything for each version.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "odb/core/key_codec.h"
#include "odb/core/versioned_state.h"

namespace odb::test {

class StateModel {
 public:
  using ObjectMap = std::map<std::uint64_t, std::vector<Value>>;
  struct Moment {
    std::shared_ptr<const Catalog> catalog = std::make_shared<const Catalog>();
    std::map<TypeId, ObjectMap> objects;
    std::map<TypeId, Version> membership;
    std::map<std::pair<IndexId, std::string>, Version> index_modified;
  };

  StateModel() { moments_[Version{}] = {}; }

  const Moment& newest() const { return moments_.rbegin()->second; }
  Version version() const { return moments_.rbegin()->first; }
  Version horizon() const { return moments_.begin()->first; }

  void apply(Version version, const Changeset& changes) {
    Moment moment = newest();
    for (const ObjectChange& change : changes.objects) {
      const CatalogType& type = *moment.catalog->find(change.type);
      ObjectMap& objects = moment.objects[change.type];
      const auto old_keys = keys_of(moment, type, change.object.value);
      if (change.kind == ObjectChange::Kind::kDelete) {
        objects.erase(change.object.value);
      } else {
        if (change.kind == ObjectChange::Kind::kCreate) {
          auto& fields = objects[change.object.value];
          for (const CatalogField& field : type.fields) fields.push_back(*field.fallback);
        }
        for (const CellOperation& cell : changes.cells_of(change)) {
          objects[change.object.value][cell.field.value] = cell.value;
        }
      }
      if (change.kind != ObjectChange::Kind::kUpdate) moment.membership[change.type] = version;
      note_keys(moment, version, old_keys, keys_of(moment, type, change.object.value));
    }
    moments_[version] = std::move(moment);
  }

  void apply_catalog(Version version, std::shared_ptr<const Catalog> catalog) {
    Moment moment = newest();
    const auto before = std::exchange(moment.catalog, std::move(catalog));
    for (const auto& type : moment.catalog->types()) {
      for (auto& [object, fields] : moment.objects[type->id]) {
        while (fields.size() < type->fields.size()) {
          fields.push_back(*type->fields[fields.size()].fallback);
        }
        for (const auto& built : keys_of(moment, *type, object)) {
          if (before->find(built.first) == nullptr) moment.index_modified[built] = version;
        }
      }
    }
    moments_[version] = std::move(moment);
  }

  void rollback_to(Version version) {
    moments_.erase(moments_.upper_bound(version), moments_.end());
  }
  void trim_to(Version version) { moments_.erase(moments_.begin(), moments_.find(version)); }

  // Objects, index look-ups at every readable version, and when sets were last modified.
  void expect_equal(const VersionedState& state) const {
    ASSERT_EQ(state.version(), version());
    ASSERT_EQ(state.horizon(), horizon());
    ASSERT_EQ(*state.catalog(), *newest().catalog);
    std::set<std::pair<IndexId, std::string>> keys;
    std::set<std::pair<TypeId, std::uint64_t>> objects;
    for (const auto& [version, moment] : moments_) {
      for (const auto& [type, map] : moment.objects) {
        for (const auto& [object, fields] : map) objects.emplace(type, object);
      }
      for (const auto& [key, modified] : moment.index_modified) keys.insert(key);
    }
    for (const auto& [version, moment] : moments_) {
      SCOPED_TRACE("at version " + std::to_string(version.value));
      for (const auto& [type, object] : objects) {
        ASSERT_NO_FATAL_FAILURE(expect_object(state, version, moment, type, object));
      }
      ASSERT_NO_FATAL_FAILURE(expect_walks(state, version, moment));
      for (const auto& key : keys) {
        ASSERT_NO_FATAL_FAILURE(expect_index(state, version, moment, key.first, key.second));
      }
    }
    for (const auto& type : newest().catalog->types()) {
      const auto found = newest().membership.find(type->id);
      ASSERT_EQ(state.membership_modified(type->id),
                found == newest().membership.end() ? Version{} : found->second);
    }
    for (const auto& key : keys) {
      const auto found = newest().index_modified.find(key);
      std::optional<Version> expected;
      if (found != newest().index_modified.end() && found->second > horizon()) {
        expected = found->second;
      }
      ASSERT_EQ(state.index_modified(key.first, key.second), expected);
    }
  }

 private:
  using Keys = std::set<std::pair<IndexId, std::string>>;

  static Keys keys_of(const Moment& moment, const CatalogType& type, std::uint64_t object) {
    Keys keys;
    const auto map = moment.objects.find(type.id);
    if (map == moment.objects.end() || !map->second.contains(object)) return keys;
    for (const CatalogIndex& index : type.indexes) {
      std::vector<Value> parts;
      for (const FieldId field : index.fields) {
        parts.push_back(map->second.at(object)[field.value]);
      }
      keys.emplace(index.id, encode_key(parts));
    }
    return keys;
  }
  static void note_keys(Moment& moment, Version version, const Keys& before, const Keys& after) {
    for (const auto& key : before) {
      if (!after.contains(key)) moment.index_modified[key] = version;
    }
    for (const auto& key : after) {
      if (!before.contains(key)) moment.index_modified[key] = version;
    }
  }

  static void expect_object(const VersionedState& state, Version version, const Moment& moment,
                            TypeId type, std::uint64_t object) {
    const Row* row = state.find(type, ObjectId{object}, version);
    const auto map = moment.objects.find(type);
    if (map == moment.objects.end() || !map->second.contains(object)) {
      ASSERT_EQ(row, nullptr) << "object " << object;
      return;
    }
    ASSERT_NE(row, nullptr) << "object " << object;
    ASSERT_LE(row->version(), version);
    const std::vector<Value>& fields = map->second.at(object);
    ASSERT_LE(row->fields().size(), fields.size());
    for (std::uint32_t field = 0; field < fields.size(); ++field) {
      ASSERT_EQ(VersionedState::field_of(*moment.catalog->find(type), *row, FieldId{field}),
                fields[field])
          << "object " << object << " field " << field;
    }
  }
  static void expect_walks(const VersionedState& state, Version version, const Moment& moment) {
    for (const auto& type : moment.catalog->types()) {
      std::vector<std::uint64_t> walked;
      const ObjectTable& table = *state.objects(type->id);
      for (auto found = table.find_from(ObjectId{1}); found.newest != nullptr;
           found = table.find_from(ObjectId{found.id.value + 1})) {
        if (ObjectTable::visible(found.newest, version) != nullptr)
          walked.push_back(found.id.value);
      }
      std::vector<std::uint64_t> expected;
      if (const auto map = moment.objects.find(type->id); map != moment.objects.end()) {
        for (const auto& [object, fields] : map->second) expected.push_back(object);
      }
      ASSERT_EQ(walked, expected);
    }
  }
  static void expect_index(const VersionedState& state, Version version, const Moment& moment,
                           IndexId id, const std::string& key) {
    std::vector<std::uint64_t> expected;
    if (const CatalogIndex* index = moment.catalog->find(id)) {
      const CatalogType& type = *moment.catalog->find(index->type);
      if (const auto map = moment.objects.find(type.id); map != moment.objects.end()) {
        for (const auto& [object, fields] : map->second) {
          if (keys_of(moment, type, object).contains({id, key})) expected.push_back(object);
        }
      }
    }
    std::vector<std::uint64_t> found;
    for (const auto* entry = state.entries(id)->find(key, ObjectId{}, version); entry != nullptr;
         entry = IndexTable::next(entry, version)) {
      found.push_back(entry->object().value);
    }
    ASSERT_EQ(found, expected) << "index " << id.value;
  }

  std::map<Version, Moment> moments_;  // every readable version
};

}  // namespace odb::test
