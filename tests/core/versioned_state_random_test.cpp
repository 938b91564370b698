// VersionedState against a full copy of everything for each version, on random programs.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "odb/core/versioned_state.h"
#include "state_model.h"
#include "support/changes.h"
#include "support/random_value.h"

namespace odb {
namespace {

using test::below;

// Random steps on a state and its model together.
class Program {
 public:
  explicit Program(std::uint64_t seed) : random_(seed) {
    define({"s",
            {{"T0", {{"f0", Type::integer()}}, {{"i0", {"f0"}}}},
             {"T1", {{"f0", Type::integer()}}, {}}}});
    state_.trim_to(Version{1});  // never back to the state without types
    model_.trim_to(Version{1});
  }

  void step() {
    const std::size_t dice = below(random_, 100);
    if (dice < 70) {
      apply_changes();
    } else if (dice < 76) {
      define_more();
    } else if (dice < 84) {
      roll_back();
    } else if (dice < 92) {
      trim();
    } else if (dice < 96) {
      pins_.push_back(state_.pin(random_version()));
    } else if (!pins_.empty()) {
      std::swap(pins_[below(random_, pins_.size())], pins_.back());
      pins_.pop_back();
    }
  }

  void check() const { model_.expect_equal(state_); }

  void delete_everything() {
    pins_.clear();
    Changeset changes;
    for (const auto& [type, objects] : model_.newest().objects) {
      for (const auto& [object, fields] : objects) {
        changes.begin(ObjectChange::Kind::kDelete, type, ObjectId{object});
      }
    }
    apply(changes);
    state_.trim_to(state_.version());
    model_.trim_to(model_.version());
  }
  const VersionedState& state() const { return state_; }

 private:
  Version random_version() {
    const std::uint64_t span = model_.version().value - model_.horizon().value + 1;
    return Version{model_.horizon().value + below(random_, span)};
  }
  Value random_key() { return Value::integer(static_cast<std::int64_t>(below(random_, 4))); }

  void apply(const Changeset& changes) {
    const Version version = next(state_.version());
    state_.apply(version, changes);
    model_.apply(version, changes);
  }
  void apply_changes() {
    static const std::vector<std::uint64_t> kIds = {1,  2,   3,   4,    5,       6,      63,
                                                    64, 100, 127, 5000, 1 << 20, 1 << 30};
    std::vector<std::uint64_t> ids = kIds;
    std::shuffle(ids.begin(), ids.end(), random_);
    ids.resize(below(random_, 5));
    Changeset changes;
    for (const std::uint64_t id : ids) {
      const auto& type = *test::pick(random_, model_.newest().catalog->types());
      const auto map = model_.newest().objects.find(type.id);
      const bool exists = map != model_.newest().objects.end() && map->second.contains(id);
      if (exists && below(random_, 3) == 0) {
        changes.begin(ObjectChange::Kind::kDelete, type.id, ObjectId{id});
        continue;
      }
      changes.begin(exists ? ObjectChange::Kind::kUpdate : ObjectChange::Kind::kCreate, type.id,
                    ObjectId{id});
      for (std::uint32_t field = 0; field < type.fields.size(); ++field) {
        if (below(random_, 2) == 0) continue;
        changes.add_cell({.field = FieldId{field}, .value = random_key()});
      }
    }
    apply(changes);
  }

  void define(const SchemaDefinition& definition) {
    const auto catalog = test::merged(*model_.newest().catalog, definition);
    const Version version = next(state_.version());
    state_.apply_catalog(version, catalog);
    model_.apply_catalog(version, catalog);
  }
  // A new type, or a new field or index of a known one.
  void define_more() {
    const auto& types = model_.newest().catalog->types();
    if (types.size() < 4 && below(random_, 3) == 0) {
      const std::string name = "T" + std::to_string(types.size());
      return define({"s", {{name, {{"f0", Type::integer()}}, {{"i0", {"f0"}}}}}});
    }
    const CatalogType& type = *test::pick(random_, types);
    const std::size_t fields = type.fields.size();
    if (fields < 4 && below(random_, 2) == 0) {
      return define({"s", {{type.name.type, {{"f" + std::to_string(fields), Type::integer()}}}}});
    }
    if (type.indexes.size() > 3) return;
    IndexDefinition index{"i" + std::to_string(type.indexes.size()), {}};
    for (std::size_t i = 0; i < 2; ++i) {
      const std::string field = "f" + std::to_string(below(random_, fields));
      if (index.fields.empty() || index.fields[0] != field) index.fields.push_back(field);
    }
    define({"s", {{type.name.type, {{"f0", Type::integer()}}, {index}}}});
  }

  void roll_back() {
    Version to = random_version();
    for (const auto& pin : pins_) to = std::max(to, pin.version());
    state_.rollback_to(to);
    model_.rollback_to(to);
  }
  void trim() {
    Version to = random_version();
    state_.trim_to(to);
    for (const auto& pin : pins_) to = std::min(to, pin.version());
    model_.trim_to(std::max(to, model_.horizon()));
  }

  test::Random random_;
  VersionedState state_;
  test::StateModel model_;
  std::vector<VersionedState::Pin> pins_;
};

TEST(VersionedState, AgreesWithFullCopiesOnRandomPrograms) {
  const std::uint64_t seed = test::random_seed();
  for (std::uint64_t round = 0; round < 60; ++round) {
    SCOPED_TRACE("ODB_TEST_SEED=" + std::to_string(seed + round));
    Program program(seed + round);
    for (int step = 0; step < 150; ++step) {
      program.step();
      if (step % 3 == 0) {
        ASSERT_NO_FATAL_FAILURE(program.check()) << "step " << step;
      }
    }
    program.delete_everything();
    ASSERT_NO_FATAL_FAILURE(program.check());
    EXPECT_EQ(program.state().journal_size(), 0u);
    for (const auto& type : program.state().catalog()->types()) {
      EXPECT_EQ(program.state().objects(type->id)->find_from(ObjectId{1}).newest, nullptr);
    }
  }
}

}  // namespace
}  // namespace odb
