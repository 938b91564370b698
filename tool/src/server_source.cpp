#include "odb/tool/server_source.h"

#include <utility>
#include <vector>

#include "odb/core/core_schema.h"

namespace odb::tool {

ServerSource::ServerSource(Database database, std::string address)
    : database_(std::move(database)), address_(std::move(address)) {}

Result<server::StoredDatabase> ServerSource::load(server::StoreLoader& loader) {
  Status status = learn_schemas(database_);
  database_.flush();
  View view = database_.view();
  const bool is_wanted = wanted_.history == status.history && wanted_.version <= view.version();
  if (is_wanted) {
    try {
      view = database_.view(wanted_.version);
      status.ids_below = wanted_.ids_below;
      const auto source = view.snapshot().source();
      for (const auto& type : view.catalog().types()) {
        if (type == nullptr) continue;
        source->load(view.snapshot().origin(), ObjectsInterest{type->id, {ObjectId{1}}});
        break;
      }
    } catch (const TooOldError&) {
      view = database_.view();
    }
  }
  // Asked for after the view: the identities of all that it holds had been granted.
  if (!is_wanted || view.version() != wanted_.version) status = database_.status();
  server::StoredDatabase stored;
  stored.history = status.history;
  stored.version = view.version();
  stored.ids_below = status.ids_below;
  if (auto taken = loader.on_database(stored); !taken) return taken.error();
  std::vector<CatalogType> types;
  for (const auto& type : view.catalog().types()) {
    if (type != nullptr) types.push_back(*type);
  }
  if (auto taken = loader.on_types(types); !taken) return taken.error();
  for (const CatalogType& type : types) {
    if (type.name == connection_type_name()) continue;
    const auto source = view.snapshot().source();
    if (source == nullptr) return Error{ErrorCode::kDisconnected, "the connection is gone"};
    for (RowBlock& block : source->load(view.snapshot().origin(), TypeInterest{type.id})) {
      Value* value = block.values.data();
      for (const ObjectId object : block.objects) {
        if (is_interrupted()) return interrupted();
        std::vector<Value> fields(std::make_move_iterator(value),
                                  std::make_move_iterator(value + block.field_count));
        value += block.field_count;
        auto taken = loader.on_object(type.id, object, stored.version, std::move(fields));
        if (!taken) return taken.error();
      }
    }
  }
  return stored;
}

std::unique_ptr<Source> make_server_source(Database database, const std::string& address) {
  return std::make_unique<ServerSource>(std::move(database), address);
}

Status learn_schemas(Database& database) {
  Status status = database.status();
  // Nothing is added: the server answers with all types that it has of the schema.
  for (const std::string& schema : status.schemas) database.define(Schema(schema));
  return status;
}

}  // namespace odb::tool
