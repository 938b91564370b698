// What a subscriber holds, put together from what it was sent; strict about what may come when.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "odb/core/messages.h"
#include "odb/core/versioned_state.h"

namespace odb::test {

class ClientCopy {
 public:
  using Name = std::pair<TypeId, ObjectId>;
  using Fields = std::map<std::uint32_t, Value>;
  using Objects = std::map<Name, Fields>;

  const Objects& objects() const { return objects_; }
  const std::set<SubscriptionId>& loaded() const { return loaded_; }
  Version version() const { return version_; }

  void take(const ServerMessage& message) {
    if (const auto* defined = std::get_if<SchemaDefined>(&message)) take(*defined);
    if (const auto* chunk = std::get_if<SnapshotChunk>(&message)) take(*chunk);
    if (const auto* delta = std::get_if<Delta>(&message)) take(*delta);
    if (const auto* done = std::get_if<SubscriptionLoaded>(&message)) {
      EXPECT_TRUE(loaded_.insert(done->subscription).second) << "loaded twice";
      EXPECT_GE(done->version, version_);
    }
    EXPECT_FALSE(std::holds_alternative<Goodbye>(message));
  }

  // With the defaults of fields that were added later.
  Objects filled_up(const Catalog& catalog) const {
    Objects out = objects_;
    for (auto& [name, fields] : out) {
      const CatalogType& type = *catalog.find(name.first);
      for (std::uint32_t field = 0; field < type.fields.size(); ++field) {
        fields.emplace(field, *type.fields[field].fallback);
      }
    }
    return out;
  }

 private:
  void take(const SchemaDefined& defined) {
    for (const CatalogType& type : defined.types) known_fields_[type.id] = type.fields.size();
  }

  void take(const SnapshotChunk& chunk) {
    EXPECT_FALSE(loaded_.contains(chunk.subscription)) << "a piece after the last";
    EXPECT_GE(chunk.version, version_) << "a piece older than a delta before it";
    EXPECT_EQ(chunk.rows.field_count, known_fields_[chunk.rows.type]);
    for (std::size_t row = 0; row < chunk.rows.objects.size(); ++row) {
      const Name name(chunk.rows.type, chunk.rows.objects[row]);
      EXPECT_TRUE(sent_.insert({chunk.subscription, name}).second) << "a row twice";
      Fields fields;
      for (std::uint32_t field = 0; field < chunk.rows.field_count; ++field) {
        fields[field] = chunk.rows.values[row * chunk.rows.field_count + field];
      }
      // Through another subscription it may be here already, but then the same.
      if (const auto held = objects_.find(name); held != objects_.end()) {
        for (const auto& [field, value] : held->second) EXPECT_EQ(fields[field], value);
      }
      objects_[name] = std::move(fields);
    }
  }

  void take(const Delta& delta) {
    EXPECT_GT(delta.version, version_) << "deltas come in the order of commits, each once";
    version_ = delta.version;
    EXPECT_FALSE(delta.changes.objects.empty()) << "a delta about nothing";
    for (const ObjectChange& change : delta.changes.objects) {
      const Name name(change.type, change.object);
      EXPECT_TRUE(known_fields_.contains(change.type)) << "a type that it was not told of";
      const bool held = objects_.contains(name);
      switch (change.kind) {
        case ObjectChange::Kind::kCreate:
        case ObjectChange::Kind::kEnter:
        case ObjectChange::Kind::kEnterLazily:
          EXPECT_FALSE(held) << change.object.value;
          objects_[name] = {};
          break;
        case ObjectChange::Kind::kUpdate:
          EXPECT_TRUE(held) << change.object.value;
          break;
        case ObjectChange::Kind::kDelete:
        case ObjectChange::Kind::kLeave:
          EXPECT_TRUE(held) << change.object.value;
          EXPECT_EQ(change.cells_count, 0u);
          objects_.erase(name);
          continue;
      }
      for (const CellOperation& cell : delta.changes.cells_of(change)) {
        EXPECT_LT(cell.field.value, known_fields_[change.type]);
        objects_[name][cell.field.value] = cell.value;
      }
    }
  }

  Objects objects_;
  Version version_;
  std::set<SubscriptionId> loaded_;
  std::set<std::pair<SubscriptionId, Name>> sent_;
  std::map<TypeId, std::size_t> known_fields_;
};

}  // namespace odb::test
