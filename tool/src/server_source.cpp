#include "odb/tool/server_source.h"

#include <optional>
#include <utility>
#include <vector>

#include "odb/core/core_schema.h"

namespace odb::tool {

ServerSource::ServerSource(Database database, std::string address)
    : database_(std::move(database)), address_(std::move(address)) {}

View ServerSource::choose(const ServerStatus& status) const {
  View newest = database_.view();
  const DumpHeader& wanted = wanted_.header;
  if (wanted.history != status.history || wanted.version > newest.version()) return newest;
  std::string types;
  std::optional<TypeId> any;
  for (const auto& type : newest.catalog().types()) {
    if (type == nullptr) continue;
    types += type_line(*type);
    any = type->id;
  }
  if (types != wanted_.types || !any) return newest;
  try {
    View view = database_.view(wanted.version);
    // Whether the server has it still shows when something is read.
    view.snapshot().source()->load(view.snapshot().origin(), ObjectsInterest{*any, {ObjectId{1}}});
    return view;
  } catch (const TooOldError&) {
    return newest;
  }
}

Result<server::StoredDatabase> ServerSource::load(server::StoreLoader& loader) {
  const ServerStatus status = learn_schemas(database_);
  database_.flush();
  const View view = choose(status);
  server::StoredDatabase stored;
  stored.history = status.history;
  stored.version = view.version();
  // Asked for after the view: the identities of all that it holds had been granted.
  const bool is_wanted =
      wanted_.header.history == status.history && wanted_.header.version == view.version();
  stored.ids_below = is_wanted ? wanted_.header.ids_below : database_.status().ids_below;
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

ServerStatus learn_schemas(Database& database) {
  ServerStatus status = database.status();
  // Nothing is added: the server answers with all types that it has of the schema.
  for (const std::string& schema : status.schemas) database.define(Schema(schema));
  return status;
}

}  // namespace odb::tool
