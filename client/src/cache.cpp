#include "cache.h"

#include <algorithm>
#include <utility>

#include "odb/core/key_codec.h"

namespace odb::detail {

namespace {

Error nonsense(std::string what) {
  return {ErrorCode::kMalformedMessage, "the server sent " + std::move(what)};
}

std::vector<Value> index_values(const CatalogType& type, const CatalogIndex& index,
                                const Row& row) {
  std::vector<Value> values;
  for (const FieldId field : index.fields) {
    values.push_back(VersionedState::field_of(type, row, field));
  }
  return values;
}

}  // namespace

Cache::Cache()
    : state_(std::make_shared<VersionedState>(VersionedState::Journal::kTrimOnly)),
      catalog_(std::make_shared<const ClientCatalog>(ClientCatalog{state_->catalog(), {}, {}})),
      coverage_(std::make_shared<const Coverage>()) {}

std::shared_ptr<const Snapshot> Cache::snapshot() {
  return std::make_shared<const Snapshot>(state_, state_->pin(state_->version()), version_,
                                          catalog_, coverage_);
}

// ---- catalog ----

void Cache::declare(const std::string& schema, const std::vector<BindingDeclaration>& bindings) {
  for (const BindingDeclaration& binding : bindings) {
    const auto same = [&](const Declared& declared) {
      return declared.schema == schema && declared.binding.slot == binding.slot &&
             declared.binding.type_name == binding.type_name;
    };
    if (std::any_of(declared_.begin(), declared_.end(), same)) continue;
    declared_.push_back({schema, binding});
  }
  rebuild_catalog(state_->catalog());
}

Result<void> Cache::learn(const std::vector<CatalogType>& types) {
  auto grown = state_->catalog()->with(types);
  if (!grown) return nonsense("types that cannot be: " + grown.error().message);
  if (*grown == *state_->catalog()) return {};
  state_->apply_catalog(next_step(), std::make_shared<const Catalog>(*std::move(grown)));
  rebuild_catalog(state_->catalog());
  cover_types();
  return {};
}

void Cache::rebuild_catalog(std::shared_ptr<const Catalog> catalog) {
  auto rebuilt = std::make_shared<ClientCatalog>();
  rebuilt->objects.resize(catalog->types().size() + 1);
  for (const auto& type : catalog->types()) {
    if (type != nullptr) rebuilt->objects[type->id.value] = state_->objects(type->id);
  }
  for (const Declared& declared : declared_) {
    const CatalogType* type = catalog->find(TypeName{declared.schema, declared.binding.type_name});
    if (type == nullptr) continue;
    TypeBinding binding;
    binding.type = type;
    binding.objects = rebuilt->objects[type->id.value];
    bool complete = true;
    for (const std::string& name : declared.binding.fields) {
      const auto field = type->find_field(name);
      complete = complete && field.has_value();
      binding.fields.push_back(field.value_or(FieldId{}));
    }
    for (const std::string& name : declared.binding.indexes) {
      const CatalogIndex* index = type->find_index(name);
      complete = complete && index != nullptr;
      binding.indexes.push_back(index == nullptr ? IndexId{} : index->id);
    }
    if (!complete) continue;  // not defined at the server in this form yet
    if (rebuilt->bindings.size() <= declared.binding.slot) {
      rebuilt->bindings.resize(declared.binding.slot + 1);
    }
    rebuilt->bindings[declared.binding.slot].push_back(std::move(binding));
  }
  rebuilt->catalog = std::move(catalog);
  catalog_ = std::move(rebuilt);
}

// ---- coverage ----

void Cache::cover_types() {
  auto grown = std::make_shared<Coverage>(*coverage_);
  for (const std::string& schema : covered_schemas_) {
    for (const TypeId type : state_->catalog()->types_of(schema)) grown->types.insert(type);
  }
  coverage_ = std::move(grown);
}

void Cache::finish_load(const Interest& interest, Version version) {
  state_->begin_step(next_step());
  for (auto& [type, table] : staged_) {
    for (auto found = table->find_from(ObjectId{1}); found.newest != nullptr;
         found = table->find_from(ObjectId{found.id.value + 1})) {
      Row::Owner row(table->newest_for_writer(found.id));
      table->erase(found.id, [](ObjectTable::Node* node) { ObjectTable::free_node(node); });
      state_->adopt(type, found.id, std::move(row));
    }
  }
  staged_.clear();
  loading_ = false;
  see_version(version);
  state_->trim_to(state_->version());

  auto grown = std::make_shared<Coverage>(*coverage_);
  if (const auto* schema = std::get_if<SchemaInterest>(&interest)) {
    covered_schemas_.insert(schema->schema);
  } else if (const auto* type = std::get_if<TypeInterest>(&interest)) {
    grown->types.insert(type->type);
  } else if (const auto* index = std::get_if<IndexInterest>(&interest)) {
    grown->index_keys.insert(std::pair(index->index, encode_key(index->key)));
  } else {
    const auto& objects = std::get<ObjectsInterest>(interest);
    for (const ObjectId object : objects.objects) {
      grown->objects.insert(ObjectRef{objects.type, object});
    }
  }
  coverage_ = std::move(grown);
  cover_types();
}

// ---- rows ----

Result<void> Cache::stage(RowBlock rows) {
  const CatalogType* type = state_->catalog()->find(rows.type);
  if (type == nullptr) return nonsense("objects of a type that it has not described");
  if (rows.field_count > type->fields.size()) {
    return nonsense("more fields than " + to_string(type->name) + " has");
  }
  loading_ = true;
  auto& table = staged_[rows.type];
  if (table == nullptr) table = std::make_unique<ObjectTable>();
  Value* value = rows.values.data();
  for (const ObjectId object : rows.objects) {
    if (object == ObjectId{}) return nonsense("an object without identity");
    // Held already through another subscription, and kept up to date there.
    const bool held = state_->find(rows.type, object, state_->version()) != nullptr ||
                      table->newest(object) != nullptr;
    if (held) {
      value += rows.field_count;
      continue;
    }
    Row::Owner row = Row::create(Row::Kind::kCreated, Version{}, rows.field_count);
    for (Value& field : row->mutable_fields()) field = std::move(*value++);
    table->put(object, row.release());
  }
  return {};
}

Row* Cache::staged_row(TypeId type, ObjectId object) const {
  const auto found = staged_.find(type);
  return found == staged_.end() ? nullptr : found->second->newest_for_writer(object);
}

bool Cache::is_held(const ObjectChange& change) const {
  return state_->find(change.type, change.object, state_->version()) != nullptr;
}

Result<void> Cache::check(const ObjectChange& change, const Changeset& changes) const {
  const CatalogType* type = state_->catalog()->find(change.type);
  if (type == nullptr) return nonsense("a change of a type that it has not described");
  if (change.object == ObjectId{}) return nonsense("a change of an object without identity");
  if (std::size_t{change.cells_begin} + change.cells_count > changes.cells.size()) {
    return nonsense("a change without its cells");
  }
  for (const CellOperation& cell : changes.cells_of(change)) {
    if (cell.field.value >= type->fields.size())
      return nonsense("a field that it has not described");
    if (cell.kind != CellOperation::Kind::kSet) return nonsense("an operation this client lacks");
  }
  const bool held = is_held(change) || staged_row(change.type, change.object) != nullptr;
  const bool appears =
      change.kind == ObjectChange::Kind::kCreate || change.kind == ObjectChange::Kind::kEnter;
  if (held == appears) {
    return nonsense(appears ? "an object twice" : "a change of an object that it has not sent");
  }
  return {};
}

bool Cache::is_covered(const CatalogType& type, ObjectId object, const Row& row) const {
  if (coverage_->types.contains(type.id)) return true;
  if (coverage_->objects.contains(ObjectRef{type.id, object})) return true;
  if (coverage_->index_keys.empty()) return false;
  for (const CatalogIndex& index : type.indexes) {
    if (coverage_->index_keys.contains(std::pair(index.id, state_->key_of(index, row))))
      return true;
  }
  return false;
}

Row::Owner Cache::make_row(const CatalogType& type, const ObjectChange& change,
                           const Changeset& changes) const {
  const auto field_count = static_cast<std::uint32_t>(type.fields.size());
  Row::Owner row = Row::create(Row::Kind::kCreated, Version{}, field_count);
  for (std::uint32_t i = 0; i < field_count; ++i) {
    if (const auto& fallback = type.fields[i].fallback) row->mutable_fields()[i] = *fallback;
  }
  for (const CellOperation& cell : changes.cells_of(change)) row->set(cell.field, cell.value);
  return row;
}

Row::Owner Cache::updated_row(const CatalogType& type, const Row& old, const ObjectChange& change,
                              const Changeset& changes) const {
  const auto field_count = static_cast<std::uint32_t>(type.fields.size());
  Row::Owner row = Row::create(Row::Kind::kCreated, Version{}, field_count);
  for (std::uint32_t i = 0; i < field_count; ++i) {
    row->mutable_fields()[i] = VersionedState::field_of(type, old, FieldId{i});
  }
  for (const CellOperation& cell : changes.cells_of(change)) row->set(cell.field, cell.value);
  return row;
}

// An object that is not visible yet stays in staging until what it becomes is covered by an
// interest that is loaded already: look-ups that rely on that one must find it then.
void Cache::apply_staged(const ObjectChange& change, const Changeset& changes, Changeset& visible) {
  const CatalogType& type = *state_->catalog()->find(change.type);
  auto& table = staged_[change.type];
  if (table == nullptr) table = std::make_unique<ObjectTable>();
  const Row::Owner old(table->newest_for_writer(change.object));
  Row::Owner row;
  switch (change.kind) {
    case ObjectChange::Kind::kCreate:
    case ObjectChange::Kind::kEnter:
      row = make_row(type, change, changes);
      break;
    case ObjectChange::Kind::kUpdate:
      row = updated_row(type, *old, change, changes);
      break;
    case ObjectChange::Kind::kDelete:
    case ObjectChange::Kind::kLeave:
      break;
  }
  if (row != nullptr && !is_covered(type, change.object, *row)) {
    table->put(change.object, row.release());
    return;
  }
  if (old != nullptr) {
    table->erase(change.object, [](ObjectTable::Node* node) { ObjectTable::free_node(node); });
  }
  if (row == nullptr) return;
  visible.begin(ObjectChange::Kind::kEnter, change.type, change.object);
  std::uint32_t field = 0;
  for (const Value& value : row->fields())
    visible.add_cell({.field = FieldId{field++}, .value = value});
}

Result<void> Cache::apply(Delta delta) {
  if (delta.version <= version_ && version_ != Version{}) {
    return nonsense("version " + std::to_string(delta.version.value) + " after version " +
                    std::to_string(version_.value));
  }
  for (const ObjectChange& change : delta.changes.objects) {
    if (auto valid = check(change, delta.changes); !valid) return valid;
  }
  if (loading_ || !staged_.empty()) {
    // Split off what concerns objects that are not visible yet.
    Changeset visible;
    for (const ObjectChange& change : delta.changes.objects) {
      if (!is_held(change)) {
        apply_staged(change, delta.changes, visible);
        continue;
      }
      visible.begin(change.kind, change.type, change.object);
      for (const CellOperation& cell : delta.changes.cells_of(change)) visible.add_cell(cell);
    }
    delta.changes = std::move(visible);
  }
  state_->apply(next_step(), delta.changes);
  version_ = delta.version;
  if (watch_) note_change(delta, delta.changes);
  state_->trim_to(state_->version());
  return {};
}

// ---- changes for handlers ----

void Cache::note_change(const Delta& delta, const Changeset& changes) {
  Change noted{.version = delta.version,
               .actor = delta.actor,
               .created = {},
               .changed = {},
               .deleted = {},
               .index_additions = {},
               .index_removals = {},
               .view = View(snapshot())};
  for (const ObjectChange& change : changes.objects) {
    const ObjectRef object{change.type, change.object};
    Change::Object noted_object{object, {}};
    for (const CellOperation& cell : changes.cells_of(change)) {
      noted_object.fields.push_back(cell.field);
    }
    switch (change.kind) {
      case ObjectChange::Kind::kCreate:
      case ObjectChange::Kind::kEnter:
        noted.created.push_back(std::move(noted_object));
        break;
      case ObjectChange::Kind::kUpdate:
        noted.changed.push_back(std::move(noted_object));
        break;
      case ObjectChange::Kind::kDelete:
      case ObjectChange::Kind::kLeave:
        noted.deleted.push_back(std::move(noted_object));
        break;
    }
    const CatalogType& type = *state_->catalog()->find(change.type);
    if (type.indexes.empty()) continue;
    // Before trimming, the row of the step before is still there.
    const Row* newest = state_->objects(change.type)->newest(change.object);
    note_index_entries(noted, type, object,
                       ObjectTable::visible(newest, previous(state_->version())),
                       ObjectTable::visible(newest, state_->version()));
  }
  changes_.push_back(std::move(noted));
}

void Cache::note_index_entries(Change& change, const CatalogType& type, ObjectRef object,
                               const Row* before, const Row* after) const {
  for (const CatalogIndex& index : type.indexes) {
    if (before != nullptr && after != nullptr &&
        state_->key_of(index, *before) == state_->key_of(index, *after)) {
      continue;
    }
    if (before != nullptr) {
      change.index_removals.push_back({index.id, index_values(type, index, *before), object});
    }
    if (after != nullptr) {
      change.index_additions.push_back({index.id, index_values(type, index, *after), object});
    }
  }
}

}  // namespace odb::detail
