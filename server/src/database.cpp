#include "odb/server/database.h"

#include <string>
#include <utility>

#include "odb/core/type.h"
#include "replay.h"

namespace odb::server {

namespace {

// Where the identities of a new history begin: above those that the store knows to be granted, by
// more than a server grants between two syncs of a disk, and not where another one began that was
// lost too.
ObjectId first_id_of(HistoryId history, ObjectId granted_below) {
  return ObjectId{granted_below.value + ((1 + history.low % 4096) << 24)};
}

Error corrupt(std::string what) {
  return {ErrorCode::kDataDamaged, "the store is damaged: " + std::move(what)};
}

// Checks what it is given: a store may have been written by something else.
class Loader final : public StoreLoader {
 public:
  explicit Loader(Database& database) : database_(database) {}

  Result<void> on_types(std::vector<CatalogType> types) override {
    auto catalog = Catalog().with(types);
    if (!catalog) return corrupt(catalog.error().message);
    database_.state.load_catalog(std::make_shared<const Catalog>(*std::move(catalog)));
    return {};
  }

  Result<void> on_object(TypeId type_id, ObjectId object, Version version,
                         std::vector<Value> fields) override {
    const CatalogType* type = database_.state.catalog()->find(type_id);
    if (type == nullptr || fields.size() > type->fields.size()) {
      return corrupt("object " + std::to_string(object.value) + " of type " +
                     std::to_string(type_id.value) +
                     (type == nullptr ? ", which no schema defines" : " has too many fields"));
    }
    const ObjectTable* objects = database_.state.objects(type_id);
    if (objects != nullptr && objects->newest(object) != nullptr) return {};
    Row::Owner row =
        Row::create(Row::Kind::kUpdated, version, static_cast<std::uint32_t>(fields.size()));
    for (std::size_t i = 0; i < fields.size(); ++i) {
      if (auto fits = check_fits(fields[i], type->fields[i].type); !fits) {
        return corrupt("object " + std::to_string(object.value) + ", field " +
                       type->fields[i].name + ": " + fits.error().message);
      }
      row->mutable_fields()[i] = std::move(fields[i]);
    }
    newest_ = std::max(newest_, version);
    highest_ = std::max(highest_, object);
    database_.state.load(type_id, object, std::move(row));
    return {};
  }

  Result<void> on_outcomes(ClientOutcomes outcomes) override {
    for (const AcceptedCommit& commit : outcomes.accepted) {
      newest_ = std::max(newest_, commit.version);
    }
    database_.outcomes.load(std::move(outcomes));
    return {};
  }

  Result<void> on_loaded(Version version) override {
    is_followed_ = true;
    if (auto finished = database_.state.finish_load(version); !finished) {
      return corrupt(finished.error().message);
    }
    return {};
  }

  Result<void> on_version(CommitRecord record) override {
    VersionedState& state = database_.state;
    for (const ObjectChange& change : record.changes.objects) {
      highest_ = std::max(highest_, change.object);
    }
    if (!record.schema) {
      replay(state, std::move(record));
      return {};
    }
    auto catalog = state.catalog()->merged(*record.schema);
    if (!catalog) return corrupt(catalog.error().message);
    state.apply_catalog(record.version, std::make_shared<const Catalog>(*std::move(catalog)));
    state.trim_to(record.version);
    return {};
  }

  Result<void> finish(const StoredDatabase& stored) {
    if (newest_ > stored.version) {
      return corrupt("something in it is of version " + std::to_string(newest_.value) +
                     ", above its own, " + std::to_string(stored.version.value));
    }
    if (highest_ >= stored.ids_below) {
      return corrupt("it holds identity " + std::to_string(highest_.value) +
                     ", which it does not know to be granted");
    }
    if (is_followed_) {
      if (database_.state.version() != stored.version) {
        return corrupt("its versions end at " + std::to_string(database_.state.version().value));
      }
    } else if (auto finished = database_.state.finish_load(stored.version); !finished) {
      return corrupt(finished.error().message);
    }
    database_.outcomes.load_forgotten_up_to(stored.outcomes_forgotten_up_to);
    database_.outcomes.finish_load();
    database_.ids_below = stored.ids_below;
    return {};
  }

 private:
  Database& database_;
  Version newest_;
  ObjectId highest_;
  bool is_followed_ = false;
};

Result<void> fill(Database& database, Store& store, HistoryId fresh) {
  auto stored = read_database([&](StoreLoader& loader) { return store.load(loader); }, database);
  if (!stored) return stored.error();
  database.history = fresh;
  if (stored->has_value()) {
    database.is_new_history = (*stored)->may_have_lost;
    if (!database.is_new_history) database.history = (*stored)->history;
    // What was granted of late may be lost as well, and nothing may come to mean something else.
    if (database.is_new_history) {
      database.ids_below = first_id_of(fresh, database.ids_below);
    }
  }
  return store.begin(database.history);
}

}  // namespace

Result<std::optional<StoredDatabase>> read_database(const LoadDatabase& load, Database& database) {
  Loader loader(database);
  auto stored = load(loader);
  if (!stored || !stored->has_value()) return stored;
  if (auto finished = loader.finish(**stored); !finished) return finished.error();
  database.history = (*stored)->history;
  return stored;
}

Result<std::unique_ptr<Database>> open_database(Store& store, HistoryId fresh,
                                                const Limits& limits) {
  auto database = std::make_unique<Database>(limits);
  if (auto filled = fill(*database, store, fresh); !filled) {
    store.stop();
    return filled.error();
  }
  return database;
}

}  // namespace odb::server
