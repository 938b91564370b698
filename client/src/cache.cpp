#include "cache.h"

#include <algorithm>
#include <utility>

#include "cache_difference.h"
#include "odb/core/cell_operation.h"
#include "odb/core/index_scan.h"
#include "odb/core/key_codec.h"

namespace odb::detail {

namespace {

Error nonsense(std::string what) {
  return {ErrorCode::kMalformedMessage, "the server sent " + std::move(what)};
}

// Of so many snapshots' versions the cache keeps count exactly.
constexpr std::size_t kOpenedMax = 4096;

// Drops every other entry. What is asked for between two of them then gets the older.
template <class Entries>
void thin_out(Entries& entries) {
  Entries kept;
  for (std::size_t i = 0; i < entries.size(); i += 2) kept.push_back(entries[i]);
  entries = std::move(kept);
}

std::vector<Value> index_values(const CatalogType& type, const CatalogIndex& index,
                                const Row& row) {
  std::vector<Value> values;
  for (const FieldId field : index.fields) {
    values.push_back(VersionedState::field_of(type, row, field));
  }
  return values;
}

bool is_loaded(const Value& value) { return value.is_loaded(); }

// Whether a row has not loaded something that these values have.
bool lacks_any(const Row& row, std::span<const Value> values) {
  if (row.extent() == Row::Extent::kWhole) return false;
  for (std::size_t i = 0; i < row.fields().size() && i < values.size(); ++i) {
    if (!row.fields()[i].is_loaded() && values[i].is_loaded()) return true;
  }
  return false;
}

Row::Owner whole_row(std::span<Value> fields) {
  Row::Owner row =
      Row::create(Row::Kind::kCreated, Version{}, static_cast<std::uint32_t>(fields.size()));
  std::move(fields.begin(), fields.end(), row->mutable_fields().begin());
  return row;
}

}  // namespace

Cache::Cache(Version before)
    : state_(std::make_shared<VersionedState>(VersionedState::Journal::kTrimOnly)),
      catalog_(std::make_shared<const ClientCatalog>(ClientCatalog{state_->catalog(), {}, {}})),
      coverage_(std::make_shared<const Coverage>()) {
  if (before != Version{}) state_->begin_step(next(before));
}

std::shared_ptr<const Snapshot> Cache::snapshot() {
  const Version step = state_->version();
  if (opened_.empty() || opened_.back().step != step) {
    opened_.push_back({step, version_});
    if (opened_.size() > kOpenedMax) thin_out(opened_);
  }
  return std::make_shared<const Snapshot>(
      state_, state_->pin(step), SnapshotOrigin{history_, version_}, catalog_, coverage_, source_);
}

Version Cache::oldest_open() {
  const auto pinned = state_->oldest_pinned();
  if (!pinned) {
    opened_.clear();
    return version_;
  }
  while (opened_.size() > 1 && opened_[1].step <= *pinned) opened_.pop_front();
  return opened_.empty() ? version_ : std::min(opened_.front().version, version_);
}

std::vector<Interest> Cache::loaded_interests() const {
  std::vector<Interest> interests;
  for (const auto& [id, subscription] : loaded_) interests.push_back(subscription.interest);
  return interests;
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

Result<void> Cache::learn(const std::vector<CatalogType>& types,
                          const std::vector<SubscriptionId>& lazy) {
  auto grown = state_->catalog()->with(types);
  if (!grown) return nonsense("types that cannot be: " + grown.error().message);
  if (*grown == *state_->catalog()) return {};
  const std::shared_ptr<const Catalog> before = state_->catalog();
  state_->apply_catalog(next_step(), std::make_shared<const Catalog>(*std::move(grown)));
  rebuild_catalog(state_->catalog());
  note_incomplete_indexes(*before);
  if (!incomplete_indexes_.empty()) to_come_again_.insert(lazy.begin(), lazy.end());
  cover();
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

void Cache::cover() {
  auto coverage = std::make_shared<Coverage>();
  for (const auto& [id, subscription] : loaded_) {
    coverage->add(subscription.interest, *state_->catalog());
  }
  coverage->incomplete_indexes = incomplete_indexes_;
  coverage_ = std::move(coverage);
}

// What came lazily came without the fields of indexes that were defined later.
void Cache::note_incomplete_indexes(const Catalog& before) {
  for (const TypeId type : partial_types_) {
    for (const CatalogIndex& index : state_->catalog()->find(type)->indexes) {
      if (before.find(index.id) == nullptr) incomplete_indexes_.insert(index.id);
    }
  }
}

void Cache::finish_load(SubscriptionId subscription, Interest interest, Loading loading,
                        Version version) {
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
  loading_ = {};
  see_version(version);
  state_->trim_to(state_->version());

  auto grown = std::make_shared<Coverage>(*coverage_);
  grown->add(interest, *state_->catalog());
  coverage_ = std::move(grown);
  loaded_.emplace(subscription, LoadedSubscription{std::move(interest), loading});
}

void Cache::finish_reload(SubscriptionId subscription, Version version) {
  see_version(version);
  to_come_again_.erase(subscription);
  if (!to_come_again_.empty() || incomplete_indexes_.empty()) return;
  incomplete_indexes_.clear();
  cover();
}

void Cache::end_subscription(SubscriptionId subscription, const Interest& interest,
                             Version version) {
  finish_reload(subscription, version);
  if (loading_ == subscription) abandon_staging();
  if (loaded_.erase(subscription) != 0) cover();
  // Also one that was loading may have kept an object here that another had let go of.
  drop_uncovered(held_objects(interest));
}

void Cache::abandon_staging() {
  staged_.clear();
  loading_ = {};
}

void Cache::abandon_loads(const std::vector<Interest>& interests) {
  abandon_staging();
  for (const Interest& interest : interests) {
    if (!check_interest(*state_->catalog(), interest)) continue;  // it would have been refused
    drop_uncovered(held_objects(interest));
  }
}

void Cache::declare_as(const Cache& before) {
  declared_ = before.declared_;
  rebuild_catalog(state_->catalog());
}

void Cache::replace(Cache& before) {
  source_ = before.source_;
  watch_ = before.watch_;
  watches_ = std::move(before.watches_);
  changes_ = std::move(before.changes_);
  if (!watch_ && watches_.empty()) return;
  tell(difference(*before.snapshot(), snapshot()));
}

void Cache::release(std::span<const ObjectRef> objects) {
  std::vector<ObjectRef> held;
  for (const ObjectRef object : objects) {
    if (own_.erase(object) != 0 && held_row(object.type, object.object) != nullptr) {
      held.push_back(object);
    }
  }
  drop_uncovered(held);
}

std::vector<ObjectRef> Cache::held_objects(const Interest& interest) const {
  std::vector<ObjectRef> held;
  const Catalog& catalog = *state_->catalog();
  const auto add_type = [&](TypeId type) {
    const ObjectTable* objects = state_->objects(type);
    if (objects == nullptr) return;
    for (auto found = objects->find_from(ObjectId{1}); found.newest != nullptr;
         found = objects->find_from(ObjectId{found.id.value + 1})) {
      if (!found.newest->deleted()) held.push_back({type, found.id});
    }
  };
  const auto add_span = [&](const CatalogIndex& index, KeySpan span) {
    if (incomplete_indexes_.contains(index.id)) return add_type(index.type);
    IndexScan scan(state_->entries(index.id), std::move(span), ScanOrder::kAscending,
                   state_->version());
    while (const auto* entry = scan.next()) held.push_back({index.type, entry->object()});
  };
  if (const auto* schema = std::get_if<SchemaInterest>(&interest)) {
    for (const TypeId type : catalog.types_of(schema->schema)) add_type(type);
  } else if (const auto* type = std::get_if<TypeInterest>(&interest)) {
    add_type(type->type);
  } else if (const auto* index = std::get_if<IndexInterest>(&interest)) {
    const std::string key = encode_key(index->key);
    add_span(*catalog.find(index->index), {key, key_after(key)});
  } else if (const auto* range = std::get_if<IndexRangeInterest>(&interest)) {
    add_span(*catalog.find(range->range.index), encode_index_range(catalog, range->range).value());
  } else {
    const auto& chosen = std::get<ObjectsInterest>(interest);
    for (const ObjectId object : chosen.objects) {
      if (held_row(chosen.type, object) != nullptr) held.push_back({chosen.type, object});
    }
    std::sort(held.begin(), held.end());
    held.erase(std::unique(held.begin(), held.end()), held.end());
  }
  return held;
}

void Cache::drop_uncovered(const std::vector<ObjectRef>& objects) {
  Changeset leaving;
  for (const ObjectRef object : objects) {
    const CatalogType& type = *state_->catalog()->find(object.type);
    const Row& row = *held_row(object.type, object.object);
    if (is_covered(type, object.object, row)) continue;
    leaving.begin(ObjectChange::Kind::kLeave, object.type, object.object);
  }
  if (leaving.empty()) return;
  state_->apply(next_step(), leaving);
  state_->trim_to(state_->version());
}

// ---- rows ----

Result<void> Cache::stage(SubscriptionId subscription, RowBlock rows) {
  const CatalogType* type = state_->catalog()->find(rows.type);
  if (type == nullptr) return nonsense("objects of a type that it has not described");
  if (rows.field_count > type->fields.size()) {
    return nonsense("more fields than " + to_string(type->name) + " has");
  }
  const bool again = loaded_.contains(subscription);
  if (!again) loading_ = subscription;
  state_->begin_step(next_step());
  Value* value = rows.values.data();
  for (const ObjectId object : rows.objects) {
    if (object == ObjectId{}) return nonsense("an object without identity");
    const std::span<Value> fields(value, rows.field_count);
    value += rows.field_count;
    // Held already through another subscription, and kept up to date there; but this one may bring
    // more of it.
    if (const Row* held = held_row(rows.type, object)) {
      if (lacks_any(*held, fields)) state_->refine(rows.type, object, fields);
      continue;
    }
    if (again) return nonsense("an object again that it has not sent");
    auto& table = staged_[rows.type];
    if (table == nullptr) table = std::make_unique<ObjectTable>();
    if (table->newest(object) != nullptr) continue;
    const bool whole = std::all_of(fields.begin(), fields.end(), is_loaded);
    if (!whole) partial_types_.insert(rows.type);
    Row::Owner row = Row::create(Row::Kind::kCreated, Version{}, rows.field_count,
                                 whole ? Row::Extent::kWhole : Row::Extent::kPartial);
    std::move(fields.begin(), fields.end(), row->mutable_fields().begin());
    table->put(object, row.release());
  }
  state_->trim_to(state_->version());
  return {};
}

void Cache::complete_held(const Row& held, std::span<Value> fields) {
  if (held.extent() == Row::Extent::kWhole || held.loaded() != nullptr) return;
  if (!std::all_of(fields.begin(), fields.end(), is_loaded)) return;
  held.set_loaded(whole_row(fields));
}

void Cache::complete(const std::vector<std::pair<ObjectId, const Row*>>& partial,
                     std::vector<RowBlock> blocks) {
  boost::unordered_flat_map<ObjectId, const Row*> rows(partial.begin(), partial.end());
  for (RowBlock& block : blocks) {
    Value* value = block.values.data();
    for (const ObjectId object : block.objects) {
      const std::span<Value> fields(value, block.field_count);
      value += block.field_count;
      if (const auto found = rows.find(object); found != rows.end()) {
        complete_held(*found->second, fields);
      }
    }
  }
}

Row* Cache::staged_row(TypeId type, ObjectId object) const {
  const auto found = staged_.find(type);
  return found == staged_.end() ? nullptr : found->second->newest_for_writer(object);
}

Result<void> Cache::check(const ObjectChange& change, const Changeset& changes) const {
  const CatalogType* type = state_->catalog()->find(change.type);
  if (type == nullptr) return nonsense("a change of a type that it has not described");
  if (change.object == ObjectId{}) return nonsense("a change of an object without identity");
  if (std::size_t{change.cells_begin} + change.cells_count > changes.cells.size()) {
    return nonsense("a change without its cells");
  }
  const Row* held = held_row(change.type, change.object);
  if (held == nullptr) held = staged_row(change.type, change.object);
  const bool appears = change.kind == ObjectChange::Kind::kCreate ||
                       change.kind == ObjectChange::Kind::kEnter ||
                       change.kind == ObjectChange::Kind::kEnterLazily;
  if ((held != nullptr) == appears) {
    return nonsense(appears ? "an object twice" : "a change of an object that it has not sent");
  }
  return check_cells(*type, change, changes.cells_of(change), held);
}

Result<void> Cache::check_cells(const CatalogType& type, const ObjectChange& change,
                                std::span<const CellOperation> cells, const Row* row) {
  bool sets_only = true;
  for (const CellOperation& cell : cells) {
    if (cell.field.value >= type.fields.size()) {
      return nonsense("a field that it has not described");
    }
    if (cell.kind == CellOperation::Kind::kSet) continue;
    sets_only = false;
    if (auto possible = check_operation(cell, type.fields[cell.field.value].type); !possible) {
      return nonsense("an operation that cannot be: " + possible.error().message);
    }
  }
  if (sets_only) return {};
  if (change.kind != ObjectChange::Kind::kUpdate) {
    return nonsense("an operation on an object that appears or goes");
  }
  const Row* whole = row->loaded();
  if (auto possible = check_operations(cells, type, whole == nullptr ? *row : *whole); !possible) {
    return nonsense("an operation that cannot be: " + possible.error().message);
  }
  return {};
}

Row::Owner Cache::make_row(const CatalogType& type, const ObjectChange& change,
                           const Changeset& changes) {
  const auto field_count = static_cast<std::uint32_t>(type.fields.size());
  const bool lazily = change.kind == ObjectChange::Kind::kEnterLazily;
  Row::Owner row = Row::create(Row::Kind::kCreated, Version{}, field_count,
                               lazily ? Row::Extent::kPartial : Row::Extent::kWhole);
  for (std::uint32_t i = 0; i < field_count; ++i) {
    if (lazily) {
      row->mutable_fields()[i] = Value::not_loaded();
    } else if (const auto& fallback = type.fields[i].fallback) {
      row->mutable_fields()[i] = *fallback;
    }
  }
  for (const CellOperation& cell : changes.cells_of(change)) row->set(cell.field, cell.value);
  return row;
}

Row::Owner Cache::updated_row(const CatalogType& type, const Row& old, const ObjectChange& change,
                              const Changeset& changes) {
  const Row* whole = old.loaded();
  const Row& from = whole == nullptr ? old : *whole;
  const auto field_count = static_cast<std::uint32_t>(type.fields.size());
  Row::Owner row = Row::create(Row::Kind::kCreated, Version{}, field_count, from.extent());
  for (std::uint32_t i = 0; i < field_count; ++i) {
    row->mutable_fields()[i] = VersionedState::field_of(type, from, FieldId{i});
  }
  for (const CellOperation& cell : changes.cells_of(change)) {
    const Value& current = row->fields()[cell.field.value];
    if (cell.kind != CellOperation::Kind::kSet && !current.is_loaded()) continue;
    row->set(cell.field, apply_operation(current, cell).value());
  }
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
    case ObjectChange::Kind::kEnterLazily:
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
  const bool whole = row->extent() == Row::Extent::kWhole;
  visible.begin(whole ? ObjectChange::Kind::kEnter : ObjectChange::Kind::kEnterLazily, change.type,
                change.object);
  std::uint32_t field = 0;
  for (const Value& value : row->fields()) {
    if (value.is_loaded()) visible.add_cell({.field = FieldId{field}, .value = value});
    ++field;
  }
}

Result<void> Cache::apply(Delta delta) {
  if (delta.version <= version_ && version_ != Version{}) {
    return nonsense("version " + std::to_string(delta.version.value) + " after version " +
                    std::to_string(version_.value));
  }
  for (const ObjectChange& change : delta.changes.objects) {
    if (auto valid = check(change, delta.changes); !valid) return valid;
  }
  for (const ObjectChange& change : delta.changes.objects) {
    if (change.kind == ObjectChange::Kind::kEnterLazily) partial_types_.insert(change.type);
  }
  if (loading_ != SubscriptionId{} || !staged_.empty()) {
    // Split off what concerns objects that are not visible yet.
    Changeset visible;
    for (const ObjectChange& change : delta.changes.objects) {
      if (held_row(change.type, change.object) == nullptr) {
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
  if (!own_.empty()) {
    for (const ObjectChange& change : delta.changes.objects) {
      if (change.kind == ObjectChange::Kind::kDelete) own_.erase({change.type, change.object});
    }
  }
  if (watch_ || !watches_.empty()) note_change(delta, delta.changes);
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
      const auto& fields = noted_object.fields;
      if (std::find(fields.begin(), fields.end(), cell.field) != fields.end()) continue;
      noted_object.fields.push_back(cell.field);
    }
    switch (change.kind) {
      case ObjectChange::Kind::kCreate:
      case ObjectChange::Kind::kEnter:
      case ObjectChange::Kind::kEnterLazily:
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
  tell(std::move(noted));
}

void Cache::tell(Change change) {
  for (const auto& watch : watches_) watch->note(change);
  if (watch_) changes_.push_back(std::move(change));
}

void Cache::remove_watch(const ReadWatch& watch) {
  std::erase_if(watches_, [&](const auto& known) { return known.get() == &watch; });
}

void Cache::end_watches(const Error& reason) {
  for (const auto& watch : watches_) watch->note_end(reason);
}

void Cache::note_index_entries(Change& change, const CatalogType& type, ObjectRef object,
                               const Row* before, const Row* after) const {
  for (const CatalogIndex& index : type.indexes) {
    const bool was_listed = before != nullptr && VersionedState::is_listed(index, *before);
    const bool now_listed = after != nullptr && VersionedState::is_listed(index, *after);
    if (was_listed && now_listed &&
        state_->key_of(index, *before) == state_->key_of(index, *after)) {
      continue;
    }
    if (was_listed) {
      change.index_removals.push_back({index.id, index_values(type, index, *before), object});
    }
    if (now_listed) {
      change.index_additions.push_back({index.id, index_values(type, index, *after), object});
    }
  }
}

}  // namespace odb::detail
