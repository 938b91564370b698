#include "cache.h"

#include <algorithm>
#include <utility>

#include "cache_difference.h"
#include "messages.h"
#include "odb/core/index_scan.h"
#include "odb/core/key_codec.h"

namespace odb::detail {

namespace {

// Of so many snapshots' versions the cache keeps count exactly.
constexpr std::size_t kOpenedMax = 4096;

// Drops every other entry. What is asked for between two of them then gets the older.
template <class Entries>
void thin_out(Entries& entries) {
  Entries kept;
  for (std::size_t i = 0; i < entries.size(); i += 2) kept.push_back(entries[i]);
  entries = std::move(kept);
}

}  // namespace

Cache::Cache(Version before)
    : state_(std::make_shared<VersionedState>(VersionedState::Journal::kTrimOnly)),
      catalog_(std::make_shared<const ClientCatalog>(ClientCatalog{state_->catalog(), {}, {}})),
      coverage_(std::make_shared<const Coverage>()) {
  if (before != Version{}) state_->begin_step(next(before));
}

std::shared_ptr<const Snapshot> Cache::snapshot() {
  if (newest_ != nullptr) return newest_;
  const Version step = state_->version();
  if (opened_.empty() || opened_.back().step != step) {
    opened_.push_back({step, version_});
    if (opened_.size() > kOpenedMax) thin_out(opened_);
  }
  newest_ = std::make_shared<const Snapshot>(
      state_, state_->pin(step), SnapshotOrigin{history_, version_}, catalog_, coverage_, source_);
  return newest_;
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
  newest_.reset();
  catalog_ = std::move(rebuilt);
}

// ---- coverage ----

void Cache::cover() {
  auto coverage = std::make_shared<Coverage>();
  for (const auto& [id, subscription] : loaded_) {
    coverage->add(subscription.interest, *state_->catalog());
  }
  coverage->incomplete_indexes = incomplete_indexes_;
  newest_.reset();
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
  newest_.reset();
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

}  // namespace odb::detail
