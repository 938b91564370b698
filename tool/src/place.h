// Where the database is that a command works on: a server, or a store that is used directly.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <variant>

#include "odb/client/database.h"
#include "odb/core/error.h"
#include "odb/server/embedded_store.h"
#include "odb/server/redis_store.h"
#include "odb/tool/fill_store.h"
#include "odb/tool/source.h"

namespace CLI {
class App;
}

namespace odb::tool {

struct ServerPlace {
  std::string host;
  std::uint16_t port = 0;
  std::string token;
  std::string ca_file;
  std::string fingerprint;
  std::string to_string() const;
};

using Place = std::variant<ServerPlace, server::EmbeddedOptions, server::RedisOptions>;

// What the options say, before it is looked at.
struct PlaceArguments {
  std::string server;
  std::string token_file;
  std::string ca_file;
  std::string fingerprint;
  std::string data_dir;
  std::string redis;
  std::string redis_user;
  std::string redis_password_file;
  std::string redis_prefix;
  std::string redis_database;
  std::string profile;
};

enum class Places { kServers, kStores, kBoth };

void add_place(CLI::App& command, PlaceArguments& arguments, Places places);

// An option wins over its environment variable, which wins over the profile. kBadConfiguration.
Result<Place> take_place(PlaceArguments arguments, Places places);
// "data-dir:DIR", "redis:ADDRESS", "redis:ADDRESS#PREFIX" or "server:HOST:PORT"; whatever else the
// place takes comes from `others`, as above.
Result<Place> parse_place(const std::string& text, PlaceArguments others);

// Throws what odb::connect does. A link that breaks is not made again.
Database connect_to(const ServerPlace& place, std::function<void(const LinkEvent&)> on_link = {});

// To read. Makes nothing that is not there.
Result<std::unique_ptr<Source>> open_source(const Place& place);
// To fill: not a server.
Result<MakeStore> store_maker(const Place& place);

}  // namespace odb::tool
