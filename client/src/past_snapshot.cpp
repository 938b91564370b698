#include "past_snapshot.h"

namespace odb::detail {

namespace {

void adopt(VersionedState& state, RowBlock block) {
  Value* value = block.values.data();
  for (const ObjectId object : block.objects) {
    Value* const end = value + block.field_count;
    // Several interests may bring the same object.
    if (state.find(block.type, object, state.version()) == nullptr) {
      Row::Owner row = Row::create(Row::Kind::kCreated, Version{}, block.field_count);
      std::move(value, end, row->mutable_fields().begin());
      state.adopt(block.type, object, std::move(row));
    }
    value = end;
  }
}

}  // namespace

std::shared_ptr<const Snapshot> make_past_snapshot(const ClientCatalog& catalog,
                                                   SnapshotOrigin origin, PastRows rows,
                                                   std::weak_ptr<ObjectSource> source) {
  auto state = std::make_shared<VersionedState>(VersionedState::Journal::kTrimOnly);
  state->apply_catalog(Version{1}, catalog.catalog);
  state->begin_step(Version{2});
  auto coverage = std::make_shared<Coverage>();
  for (auto& [interest, blocks] : rows) {
    for (RowBlock& block : blocks) adopt(*state, std::move(block));
    coverage->add(interest, *catalog.catalog);
  }
  // The same types, in tables of their own.
  auto own_catalog = std::make_shared<ClientCatalog>(catalog);
  for (std::uint32_t type = 0; type < own_catalog->objects.size(); ++type) {
    own_catalog->objects[type] = state->objects(TypeId{type});
  }
  for (auto& bindings : own_catalog->bindings) {
    for (TypeBinding& binding : bindings) binding.objects = state->objects(binding.type->id);
  }
  VersionedState::Pin pin = state->pin(state->version());
  return std::make_shared<const Snapshot>(std::move(state), std::move(pin), origin,
                                          std::move(own_catalog), std::move(coverage),
                                          std::move(source));
}

}  // namespace odb::detail
