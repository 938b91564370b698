// A client's cache made by hand, without a server: what typed views and transactions are tested
// against.
#pragma once

#include <gtest/gtest.h>

#include <initializer_list>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "odb/odb.h"

namespace odb::test {

template <class T>
T value_of(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().message);
  return *std::move(result);
}

// The message of the Expected that `act` throws; empty when it throws nothing.
template <class Expected, class Act>
std::string message_of(Act&& act) {
  try {
    act();
  } catch (const Expected& error) {
    return error.what();
  }
  return {};
}

class TypedCache {
 public:
  explicit TypedCache(std::initializer_list<Schema> schemas) {
    Catalog catalog;
    for (const Schema& schema : schemas) catalog = value_of(catalog.merged(schema.definition()));
    state_->apply_catalog(Version{1}, std::make_shared<const Catalog>(std::move(catalog)));
    auto known = std::make_shared<detail::ClientCatalog>();
    known->catalog = state_->catalog();
    known->objects.push_back(nullptr);
    for (const auto& type : known->catalog->types()) {
      known->objects.push_back(state_->objects(type->id));
    }
    for (const Schema& schema : schemas) bind(schema, *known);
    catalog_ = std::move(known);
  }

  const detail::ClientCatalog& catalog() const { return *catalog_; }

  // Another version, with one object more; `schema` as in views.
  template <class T>
  Ref<T> add(const T& object, std::string_view schema = {}) {
    const auto& binding = detail::binding_of<T>(*catalog_, schema);
    const Ref<T> ref(ObjectRef{binding.type->id, ObjectId{++last_id_}});
    auto fields = detail::field_values(binding, object);
    apply(ObjectChange::Kind::kCreate, ref, {fields.begin(), fields.end()});
    return ref;
  }
  // Another version, with this cell set, whatever its C++ type may hold.
  template <auto Member, class T>
  void set(Ref<T> object, Value value) {
    const auto& binding = detail::binding_of<T>(*catalog_, object.type);
    apply(ObjectChange::Kind::kUpdate, object,
          {{binding.fields[detail::MemberOf<T, Member>::kPosition], std::move(value)}});
  }
  void remove(ObjectRef object) { apply(ObjectChange::Kind::kDelete, object, {}); }

  View view() { return View(snapshot()); }
  // It has no connection: it can read, set and remove, but neither create nor commit.
  Transaction transaction() { return {nullptr, snapshot()}; }

 private:
  static void bind(const Schema& schema, detail::ClientCatalog& known) {
    for (const detail::BindingDeclaration& declared : schema.bindings()) {
      const CatalogType* const type = known.catalog->find({schema.name(), declared.type_name});
      detail::TypeBinding binding{type, known.objects_of(type->id), {}, {}};
      for (const auto& field : declared.fields) binding.fields.push_back(*type->find_field(field));
      for (const auto& index : declared.indexes) {
        binding.indexes.push_back(type->find_index(index)->id);
      }
      if (known.bindings.size() <= declared.slot) known.bindings.resize(declared.slot + 1);
      known.bindings[declared.slot].push_back(std::move(binding));
    }
  }

  void apply(ObjectChange::Kind kind, ObjectRef object,
             std::vector<std::pair<FieldId, Value>> cells) {
    Changeset changes;
    changes.begin(kind, object.type, object.object);
    for (auto& [field, value] : cells) {
      changes.add_cell({CellOperation::Kind::kSet, field, std::move(value), {}});
    }
    state_->apply(next(state_->version()), changes);
  }

  std::shared_ptr<const detail::Snapshot> snapshot() {
    auto coverage = std::make_shared<detail::Coverage>();
    for (const auto& type : state_->catalog()->types()) coverage->types.insert(type->id);
    const Version now = state_->version();
    return std::make_shared<const detail::Snapshot>(
        state_, state_->pin(now), detail::SnapshotOrigin{{}, now}, catalog_, std::move(coverage),
        std::weak_ptr<detail::ObjectSource>());
  }

  std::shared_ptr<VersionedState> state_ =
      std::make_shared<VersionedState>(VersionedState::Journal::kTrimOnly);
  std::shared_ptr<const detail::ClientCatalog> catalog_;
  std::uint64_t last_id_ = 0;
};

}  // namespace odb::test
