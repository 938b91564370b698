#include "odb/core/versioned_state.h"

#include <algorithm>
#include <array>
#include <utility>

#include "odb/core/cell_operation.h"
#include "odb/core/error.h"
#include "odb/core/key_codec.h"

namespace odb {

namespace {

// An entry with the links that it has on average, without its key.
constexpr std::size_t kEntryBytes = sizeof(IndexTable::Entry) + 4 * sizeof(void*) / 3;

}  // namespace

// Tables by id in chunks that never move, so that readers need no lock.
struct VersionedState::Tables {
  static constexpr std::size_t kChunk = 1024;

  template <class Table, std::size_t kNumbersMax>
  class Directory {
   public:
    ~Directory() {
      for (auto& chunk : chunks_) delete chunk.load(std::memory_order_relaxed);
    }
    Table* find(std::size_t number) const {
      const std::size_t chunk = number / kChunk;
      if (chunk >= chunks_.size()) return nullptr;
      const Chunk* found = chunks_[chunk].load(std::memory_order_acquire);
      return found == nullptr ? nullptr : (*found)[number % kChunk].load(std::memory_order_acquire);
    }
    Table& find_or_make(std::size_t number) {
      if (Table* table = find(number)) return *table;
      ODB_CHECK(number / kChunk < chunks_.size());
      auto& chunk = chunks_[number / kChunk];
      if (chunk.load(std::memory_order_relaxed) == nullptr) {
        chunk.store(new Chunk(), std::memory_order_release);
      }
      owned_.push_back(std::make_unique<Table>());
      (*chunk.load(std::memory_order_relaxed))[number % kChunk].store(owned_.back().get(),
                                                                      std::memory_order_release);
      return *owned_.back();
    }

   private:
    using Chunk = std::array<std::atomic<Table*>, kChunk>;
    std::array<std::atomic<Chunk*>, kNumbersMax / kChunk + 1> chunks_{};
    std::vector<std::unique_ptr<Table>> owned_;
  };

  Directory<ObjectTable, kTypesMax> objects;
  Directory<IndexTable, kTypesMax * kIndexesMax> entries;
};

// ---- pins ----

VersionedState::Pin::Pin(Pin&& other) noexcept
    : state_(std::exchange(other.state_, nullptr)), version_(other.version_) {}

VersionedState::Pin& VersionedState::Pin::operator=(Pin&& other) noexcept {
  std::swap(state_, other.state_);
  std::swap(version_, other.version_);
  return *this;
}

VersionedState::Pin::~Pin() {
  if (state_ != nullptr) state_->unpin(version_);
}

VersionedState::Pin VersionedState::pin(Version version) {
  const std::lock_guard lock(pins_mutex_);
  ++pins_[version];
  return Pin(this, version);
}

void VersionedState::unpin(Version version) {
  const std::lock_guard lock(pins_mutex_);
  const auto found = pins_.find(version);
  ODB_CHECK(found != pins_.end());
  if (--found->second == 0) pins_.erase(found);
}

std::optional<Version> VersionedState::oldest_pinned() const {
  const std::lock_guard lock(pins_mutex_);
  if (pins_.empty()) return std::nullopt;
  return pins_.begin()->first;
}

// ---- readers ----

VersionedState::VersionedState(Journal journal)
    : mode_(journal),
      catalog_(std::make_shared<const Catalog>()),
      tables_(std::make_unique<Tables>()) {}

VersionedState::~VersionedState() {
  {
    const std::lock_guard lock(pins_mutex_);
    ODB_CHECK(pins_.empty());
  }
  free_retired();
}

const Row* VersionedState::find(TypeId type, ObjectId object, Version version) const {
  const ObjectTable* table = objects(type);
  return table == nullptr ? nullptr : table->at(object, version);
}

const ObjectTable* VersionedState::objects(TypeId type) const {
  return tables_->objects.find(type.value);
}

const IndexTable* VersionedState::entries(IndexId index) const {
  return tables_->entries.find(index.value);
}

// ---- writer ----

ObjectTable& VersionedState::table(TypeId type) {
  return tables_->objects.find_or_make(type.value);
}

IndexTable& VersionedState::entries_for_writer(IndexId index) {
  return tables_->entries.find_or_make(index.value);
}

Value VersionedState::field_of(const CatalogType& type, const Row& row, FieldId field) {
  if (field.value < row.fields().size()) return row.fields()[field.value];
  const auto& fallback = type.fields[field.value].fallback;
  return fallback ? *fallback : Value::none();
}

std::string VersionedState::key_of(const CatalogIndex& index, const Row& row) const {
  const CatalogType* type = catalog_->find(index.type);
  std::string key;
  for (const FieldId field : index.fields) append_key(key, field_of(*type, row, field));
  return key;
}

Version VersionedState::membership_modified(TypeId type) const {
  const ObjectTable* found = objects(type);
  return found == nullptr ? Version{} : found->membership_modified();
}

std::optional<Version> VersionedState::index_modified(IndexId index, std::string_view key) const {
  const IndexTable* found = entries(index);
  return found == nullptr ? std::nullopt : found->modified(key);
}

void VersionedState::begin_step(Version version) {
  ODB_CHECK(version > version_);
  version_ = version;
}

void VersionedState::apply(Version version, const Changeset& changes) {
  begin_step(version);
  for (const ObjectChange& change : changes.objects) apply_one(version, changes, change);
}

void VersionedState::apply_one(Version version, const Changeset& changes,
                               const ObjectChange& change) {
  const CatalogType* type = catalog_->find(change.type);
  ODB_CHECK(type != nullptr);
  ObjectTable& objects = table(change.type);
  Row* before = objects.newest_for_writer(change.object);
  const auto field_count = static_cast<std::uint32_t>(type->fields.size());

  Row::Owner row;
  switch (change.kind) {
    case ObjectChange::Kind::kEnterLazily:
      ODB_CHECK(before == nullptr || before->deleted());
      row = Row::create(Row::Kind::kCreated, version, field_count, Row::Extent::kPartial);
      for (Value& field : row->mutable_fields()) field = Value::not_loaded();
      break;
    case ObjectChange::Kind::kCreate:
    case ObjectChange::Kind::kEnter:
      ODB_CHECK(before == nullptr || before->deleted());
      row = Row::create(Row::Kind::kCreated, version, field_count);
      for (std::uint32_t i = 0; i < field_count; ++i) {
        if (const auto& fallback = type->fields[i].fallback) row->mutable_fields()[i] = *fallback;
      }
      break;
    case ObjectChange::Kind::kUpdate:
      ODB_CHECK(before != nullptr && !before->deleted());
      row = Row::update(*before, version, field_count);
      for (auto i = static_cast<std::uint32_t>(before->fields().size()); i < field_count; ++i) {
        if (const auto& fallback = type->fields[i].fallback) row->mutable_fields()[i] = *fallback;
      }
      break;
    case ObjectChange::Kind::kDelete:
    case ObjectChange::Kind::kLeave:
      ODB_CHECK(before != nullptr && !before->deleted());
      row = Row::create(Row::Kind::kDeleted, version, 0);
      break;
  }
  for (const CellOperation& cell : changes.cells_of(change)) {
    if (cell.kind == CellOperation::Kind::kSet) {
      row->set(cell.field, cell.value);
      continue;
    }
    const Value& current = row->fields()[cell.field.value];
    // A value that this client has not loaded stays at the server, changed there.
    auto changed = current.is_loaded() ? apply_operation(current, cell) : Result<Value>(current);
    ODB_CHECK(changed.has_value());  // the engine refuses others
    row->set(cell.field, *std::move(changed));
  }
  replace_row(version, *type, objects, change.object, std::move(row));
}

void VersionedState::adopt(TypeId type_id, ObjectId object, Row::Owner row) {
  const CatalogType* type = catalog_->find(type_id);
  ODB_CHECK(type != nullptr && !row->deleted());
  row->set_version(version_);
  replace_row(version_, *type, table(type_id), object, std::move(row));
}

void VersionedState::refine(TypeId type_id, ObjectId object, std::span<const Value> fields) {
  const CatalogType* type = catalog_->find(type_id);
  ObjectTable& objects = table(type_id);
  const Row* before = objects.newest(object);
  ODB_CHECK(type != nullptr && before != nullptr && !before->deleted());
  const Row* whole = before->loaded();
  const Row& from = whole == nullptr ? *before : *whole;
  const auto field_count = static_cast<std::uint32_t>(type->fields.size());
  Row::Owner row = Row::create(Row::Kind::kUpdated, version_, field_count, Row::Extent::kPartial);
  bool is_whole = true;
  for (std::uint32_t i = 0; i < field_count; ++i) {
    Value value = field_of(*type, from, FieldId{i});
    if (!value.is_loaded() && i < fields.size()) value = fields[i];
    is_whole = is_whole && value.is_loaded();
    row->mutable_fields()[i] = std::move(value);
  }
  if (is_whole) {
    Row::Owner loaded = Row::create(Row::Kind::kUpdated, version_, field_count);
    for (std::uint32_t i = 0; i < field_count; ++i) {
      loaded->mutable_fields()[i] = std::move(row->mutable_fields()[i]);
    }
    row = std::move(loaded);
  }
  replace_row(version_, *type, objects, object, std::move(row));
}

void VersionedState::replace_row(Version version, const CatalogType& type, ObjectTable& objects,
                                 ObjectId object, Row::Owner row) {
  Row* before = objects.newest_for_writer(object);
  Row* after = row.release();
  count_row(*after);
  if (before == nullptr || before->deleted()) {
    if (!after->deleted()) ++size_.objects;
  } else if (after->deleted()) {
    --size_.objects;
  }
  after->set_previous(before);
  objects.put(object, after);
  if (!type.indexes.empty()) {
    update_indexes(version, type, object,
                   before != nullptr && !before->deleted() ? before : nullptr,
                   after->deleted() ? nullptr : after);
  }
  Step step(Step::Kind::kRow, version);
  step.modified_before = objects.membership_modified();
  if (after->kind() != Row::Kind::kUpdated) objects.set_membership_modified(version);
  if (mode_ == Journal::kTrimOnly && before == nullptr) return;  // nothing behind it to free
  step.of_row = {&objects, after, object};
  journal_.push_back(step);
}

void VersionedState::update_indexes(Version version, const CatalogType& type, ObjectId object,
                                    const Row* before, const Row* after) {
  for (const CatalogIndex& index : type.indexes) {
    if (before != nullptr && after != nullptr && before->extent() == Row::Extent::kWhole) {
      bool touched = false;
      for (const FieldId field : index.fields) touched = touched || after->wrote(field);
      if (!touched) continue;
    }
    const bool was_listed = before != nullptr && is_listed(index, *before);
    const bool now_listed = after != nullptr && is_listed(index, *after);
    const std::string old_key = was_listed ? key_of(index, *before) : std::string();
    const std::string new_key = now_listed ? key_of(index, *after) : std::string();
    if (was_listed && now_listed && old_key == new_key) continue;
    if (was_listed) remove_entry(version, index.id, old_key, object);
    if (now_listed) add_entry(version, index.id, new_key, object);
  }
}

bool VersionedState::is_listed(const CatalogIndex& index, const Row& row) {
  if (row.extent() == Row::Extent::kWhole) return true;
  return std::all_of(index.fields.begin(), index.fields.end(), [&](FieldId field) {
    return field.value >= row.fields().size() || row.fields()[field.value].is_loaded();
  });
}

void VersionedState::add_entry(Version version, IndexId index, std::string_view key,
                               ObjectId object) {
  IndexTable& entries = entries_for_writer(index);
  IndexTable::Entry* entry = entries.add(key, object, version);
  count_entry(key);
  if (mode_ == Journal::kTrimOnly) return;
  Step step(Step::Kind::kEntryAdded, version);
  step.modified_before = entries.set_modified(key, version);
  step.of_entry = {&entries, entry};
  journal_.push_back(step);
}

void VersionedState::remove_entry(Version version, IndexId index, std::string_view key,
                                  ObjectId object) {
  IndexTable& entries = entries_for_writer(index);
  Step step(Step::Kind::kEntryRemoved, version);
  step.of_entry = {&entries, entries.remove(key, object, version)};
  if (mode_ == Journal::kRollback) step.modified_before = entries.set_modified(key, version);
  journal_.push_back(step);
}

void VersionedState::apply_catalog(Version version, std::shared_ptr<const Catalog> catalog) {
  begin_step(version);
  const auto catalog_before = std::exchange(catalog_, std::move(catalog));
  for (const auto& type : catalog_->types()) {
    if (type == nullptr) continue;
    table(type->id);
    const CatalogType* before = catalog_before->find(type->id);
    for (const CatalogIndex& index : type->indexes) {
      if (before != nullptr && catalog_before->find(index.id) != nullptr) continue;
      build_index(version, index);
    }
  }
  if (mode_ != Journal::kRollback) return;
  journal_.emplace_back(Step::Kind::kCatalog, version);
  catalogs_before_.push_back(catalog_before);
}

void VersionedState::build_index(Version version, const CatalogIndex& index) {
  entries_for_writer(index.id).set_built(version);
  const ObjectTable& objects = table(index.type);
  for (auto found = objects.find_from(ObjectId{1}); found.newest != nullptr;
       found = objects.find_from(ObjectId{found.id.value + 1})) {
    if (found.newest->deleted() || !is_listed(index, *found.newest)) continue;
    add_entry(version, index.id, key_of(index, *found.newest), found.id);
  }
}

void VersionedState::rollback_to(Version version) {
  ODB_CHECK(mode_ == Journal::kRollback && version >= horizon_);
  while (!journal_.empty() && journal_.back().version() > version) {
    undo(journal_.back());
    journal_.pop_back();
  }
  version_ = std::min(version_, version);
  free_retired();
}

void VersionedState::undo(const Step& step) {
  switch (step.kind()) {
    case Step::Kind::kRow: {
      const auto& [objects, row, object] = step.of_row;
      Row* before = row->mutable_previous();
      if (row->kind() == Row::Kind::kCreated) --size_.objects;
      if (row->deleted()) ++size_.objects;
      if (before == nullptr) {
        erase_slot(*objects, object);
      } else if (before->deleted() && before->version() <= horizon_) {
        erase_slot(*objects, object);  // its own step is gone: forget() left it to this one
        retire_row(before);
      } else {
        objects->put(object, before);
      }
      objects->set_membership_modified(step.modified_before);
      retire_row(row);
      return;
    }
    case Step::Kind::kEntryAdded: {
      const auto& [entries, entry] = step.of_entry;
      entries->restore_modified(entry->key(),
                                step.modified_before > horizon_ ? step.modified_before : Version{});
      entries->unlink(entry);
      retire_entry(entry);
      return;
    }
    case Step::Kind::kEntryRemoved: {
      const auto& [entries, entry] = step.of_entry;
      entries->restore_modified(entry->key(),
                                step.modified_before > horizon_ ? step.modified_before : Version{});
      entries->revive(entry);
      return;
    }
    case Step::Kind::kCatalog:
      catalog_ = std::move(catalogs_before_.back());
      catalogs_before_.pop_back();
      return;
  }
}

void VersionedState::trim_to(Version version) {
  if (const auto pinned = oldest_pinned(); pinned && *pinned < version) version = *pinned;
  if (version > version_) version = version_;
  while (!journal_.empty() && journal_.front().version() <= version) {
    forget(journal_.front());
    journal_.pop_front();
  }
  horizon_ = std::max(horizon_, version);
  free_retired();
}

void VersionedState::forget(const Step& step) {
  switch (step.kind()) {
    case Step::Kind::kRow: {
      const auto& [objects, row, object] = step.of_row;
      // No reader is below the step's version, so none goes past its row.
      free_row(row->mutable_previous());
      row->set_previous(nullptr);
      if (row->deleted() && objects->newest(object) == row) {
        erase_slot(*objects, object);
        retire_row(row);
      }
      return;
    }
    case Step::Kind::kEntryAdded: {
      const auto& [entries, entry] = step.of_entry;
      entries->forget_modified(entry->key(), step.version());
      return;
    }
    case Step::Kind::kEntryRemoved: {
      const auto& [entries, entry] = step.of_entry;
      if (mode_ == Journal::kRollback) entries->forget_modified(entry->key(), step.version());
      entries->unlink(entry);
      retire_entry(entry);
      return;
    }
    case Step::Kind::kCatalog:
      catalogs_before_.pop_front();
      return;
  }
}

void VersionedState::erase_slot(ObjectTable& objects, ObjectId object) {
  objects.erase(object, [this](ObjectTable::Node* node) {
    retired_.push_back({Retired::Kind::kNode, version_, node});
  });
}

void VersionedState::count_row(const Row& row) {
  ++size_.rows;
  size_.row_bytes += row.block_bytes();
}

void VersionedState::free_row(Row* row) {
  if (row == nullptr) return;
  --size_.rows;
  size_.row_bytes -= row->block_bytes();
  Row::destroy(row);
}

void VersionedState::count_entry(std::string_view key) {
  ++size_.index_entries;
  size_.index_bytes += kEntryBytes + key.size();
}

void VersionedState::retire_row(Row* row) {
  retired_.push_back({Retired::Kind::kRow, version_, row});
}

void VersionedState::retire_entry(IndexTable::Entry* entry) {
  retired_.push_back({Retired::Kind::kEntry, version_, entry});
}

void VersionedState::free_retired() {
  if (retired_.empty()) return;
  const auto pinned = oldest_pinned();
  while (!retired_.empty() && (!pinned || *pinned > retired_.front().version)) {
    const Retired& retired = retired_.front();
    switch (retired.kind) {
      case Retired::Kind::kRow:
        free_row(static_cast<Row*>(retired.what));
        break;
      case Retired::Kind::kNode:
        ObjectTable::free_node(static_cast<ObjectTable::Node*>(retired.what));
        break;
      case Retired::Kind::kEntry: {
        auto* entry = static_cast<IndexTable::Entry*>(retired.what);
        --size_.index_entries;
        size_.index_bytes -= kEntryBytes + entry->key().size();
        IndexTable::free_entry(entry);
        break;
      }
    }
    retired_.pop_front();
  }
}

}  // namespace odb
