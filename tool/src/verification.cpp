#include "verification.h"

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <utility>

#include "odb/core/core_schema.h"
#include "odb/core/key_codec.h"
#include "odb/server/database.h"
#include "odb/tool/server_source.h"

namespace odb::tool {

namespace {

constexpr std::size_t kWrongMax = 20;  // are told; the rest is like them

void add_wrong(Verification& found, std::string what) {
  if (found.wrong.size() < kWrongMax) found.wrong.push_back(std::move(what));
}

std::string describe(const CatalogType& type, ObjectId object) {
  return "object " + std::to_string(object.value) + " of " + to_string(type.name);
}

// Hands on, counts, and looks at the log on the way.
class WatchingLoader final : public server::StoreLoader {
 public:
  WatchingLoader(server::StoreLoader& next, Verification& found, Progress& progress)
      : next_(next), found_(found), progress_(progress) {}

  Result<void> on_database(const server::StoredDatabase& stored) override {
    return next_.on_database(stored);
  }
  Result<void> on_types(std::vector<CatalogType> types) override {
    return next_.on_types(std::move(types));
  }
  Result<void> on_object(TypeId type, ObjectId object, Version version,
                         std::vector<Value> fields) override {
    progress_.add(1);
    return next_.on_object(type, object, version, std::move(fields));
  }
  Result<void> on_outcomes(ClientOutcomes outcomes) override {
    return next_.on_outcomes(std::move(outcomes));
  }
  bool wants_log() const override { return true; }
  Result<void> on_log(std::vector<CommitRecord> append) override {
    for (const CommitRecord& record : append) {
      if (last_logged_ != Version{} && record.version != next(last_logged_)) {
        add_wrong(found_, "the log goes from version " + std::to_string(last_logged_.value) +
                              " to version " + std::to_string(record.version.value));
      }
      last_logged_ = record.version;
      ++found_.logged_versions;
    }
    return {};
  }
  Version last_logged() const { return last_logged_; }

 private:
  server::StoreLoader& next_;
  Verification& found_;
  Progress& progress_;
  Version last_logged_;
};

void count_dangling(const VersionedState& state, const Value& value, Verification& found) {
  if (value.kind() == ValueKind::kReference) {
    const ObjectTable* table = state.objects(value.object_type());
    if (table == nullptr || table->newest(value.object()) == nullptr) ++*found.dangling;
    return;
  }
  for (const Value& element : value.elements()) count_dangling(state, element, found);
}

// Every object stands in every index of its type under the key that its fields make, once, and
// nothing else does.
void check_index(const VersionedState& state, const CatalogType& type, const CatalogIndex& index,
                 std::uint64_t objects, Verification& found) {
  const IndexTable& entries = *state.entries(index.id);
  const ObjectTable& table = *state.objects(type.id);
  std::uint64_t count = 0;
  for (const auto* entry = entries.first_from("", state.version()); entry != nullptr;
       entry = IndexTable::following(entry, state.version())) {
    ++count;
    const Row* row = table.at(entry->object(), state.version());
    if (row == nullptr || state.key_of(index, *row) != entry->key()) {
      add_wrong(found, "index " + index.name + " has an entry that " +
                           describe(type, entry->object()) + " does not make");
    }
  }
  found.index_entries += count;
  if (count != objects) {
    add_wrong(found, "index " + index.name + " of " + to_string(type.name) + " has " +
                         std::to_string(count) + " entries, expected " + std::to_string(objects));
  }
}

void check_state(const VersionedState& state, Verification& found) {
  for (const auto& type : state.catalog()->types()) {
    if (type == nullptr) continue;
    const ObjectTable& table = *state.objects(type->id);
    std::uint64_t objects = 0;
    for (auto at = table.find_from(ObjectId{1}); at.newest != nullptr;
         at = table.find_from(ObjectId{at.id.value + 1})) {
      ++objects;
      for (const Value& value : at.newest->fields()) count_dangling(state, value, found);
    }
    found.objects += objects;
    for (const CatalogIndex& index : type->indexes)
      check_index(state, *type, index, objects, found);
  }
}

}  // namespace

Result<Verification> verify_source(Source& source, Progress& progress) {
  Verification found;
  found.dangling = 0;
  const server::Limits limits;
  const auto database = std::make_unique<server::Database>(limits);
  Version last_logged;
  auto read = server::read_database(
      [&](server::StoreLoader& loader) -> Result<std::optional<server::StoredDatabase>> {
        WatchingLoader watching(loader, found, progress);
        auto stored = source.load(watching);
        if (!stored) return stored.error();
        last_logged = watching.last_logged();
        return std::optional(*std::move(stored));
      },
      *database);
  if (!read) return read.error();
  if (last_logged != Version{} && last_logged != (*read)->version) {
    add_wrong(found, "the log ends with version " + std::to_string(last_logged.value) +
                         ", but the database is at version " +
                         std::to_string((*read)->version.value));
  }
  check_state(database->state, found);
  return found;
}

Verification verify_server(Database& database, Progress& progress) {
  Verification found;
  learn_schemas(database);
  database.flush();
  const View view = database.view();
  const auto source = view.snapshot().source();
  const auto load = [&](Interest what) {
    if (is_interrupted()) throw Exception(interrupted());
    return source->load(view.snapshot().origin(), std::move(what));
  };
  for (const auto& type : view.catalog().types()) {
    if (type == nullptr || type->name == connection_type_name()) continue;
    std::vector<ObjectId> objects;
    std::vector<std::map<std::string, ObjectId>> unique(type->indexes.size());
    for (const RowBlock& block : load(TypeInterest{type->id})) {
      for (std::size_t row = 0; row < block.objects.size(); ++row) {
        objects.push_back(block.objects[row]);
        const std::span fields =
            std::span(block.values).subspan(row * block.field_count, block.field_count);
        for (std::size_t i = 0; i < fields.size(); ++i) {
          if (auto fits = check_fits(fields[i], type->fields[i].type); !fits) {
            add_wrong(found, describe(*type, objects.back()) + ", field " + type->fields[i].name +
                                 ": " + fits.error().message);
          }
        }
        for (std::size_t i = 0; i < type->indexes.size(); ++i) {
          if (type->indexes[i].uniqueness != Uniqueness::kUnique) continue;
          std::string key;
          for (const FieldId field : type->indexes[i].fields) append_key(key, fields[field.value]);
          if (!unique[i].emplace(std::move(key), objects.back()).second) {
            add_wrong(found, "index " + type->indexes[i].name + " is unique, but " +
                                 describe(*type, objects.back()) + " is not the only one");
          }
        }
      }
      progress.add(block.objects.size());
    }
    found.objects += objects.size();
    // What the server finds through an index must be the same objects.
    for (const CatalogIndex& index : type->indexes) {
      std::vector<ObjectId> listed;
      for (const RowBlock& block : load(IndexRangeInterest{{index.id, {}, {}, {}}})) {
        listed.insert(listed.end(), block.objects.begin(), block.objects.end());
      }
      found.index_entries += listed.size();
      if (listed != objects) {
        add_wrong(found, "index " + index.name + " of " + to_string(type->name) + " leads to " +
                             std::to_string(listed.size()) + " objects, expected the " +
                             std::to_string(objects.size()) + " that there are");
      }
    }
  }
  return found;
}

}  // namespace odb::tool
