#include "place.h"

#include <sys/stat.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <fstream>
#include <limits>
#include <system_error>
#include <utility>

#include "odb/tool/server_source.h"
#include "profile.h"

namespace odb::tool {

namespace {

constexpr std::size_t kSecretBytesMax = 4096;
// Commands look and go; they do not wait for a server that is stopping.
constexpr std::chrono::milliseconds kLeaseWait{3'000};

Error bad(std::string what) { return {ErrorCode::kBadConfiguration, std::move(what)}; }

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string() : std::string(value);
}

Result<std::string> read_secret(const std::string& option, const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  std::string line;
  if (!in || !std::getline(in, line)) return bad(option + ": " + file + " has no line");
  while (!line.empty() && line.back() == '\r') line.pop_back();
  // A server's own file has a line `name token` for each.
  if (const std::size_t space = line.rfind(' '); space != std::string::npos) {
    line.erase(0, space + 1);
  }
  if (line.empty() || line.size() > kSecretBytesMax) {
    return bad(option + ": expected one line in " + file);
  }
  return line;
}

template <class Number>
std::optional<Number> parse_number(std::string_view text) {
  Number number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return {};
  return number;
}

Result<Place> take_server(const PlaceArguments& arguments, std::string token) {
  ServerPlace place;
  const std::size_t colon = arguments.server.rfind(':');
  const auto port = colon == std::string::npos
                        ? std::optional<std::uint16_t>()
                        : parse_number<std::uint16_t>(arguments.server.substr(colon + 1));
  if (!port || *port == 0 || colon == 0) {
    return bad("--server: expected HOST:PORT, found " + arguments.server.substr(0, 80));
  }
  place.host = arguments.server.substr(0, colon);
  if (place.host.size() > 2 && place.host.front() == '[' && place.host.back() == ']') {
    place.host = place.host.substr(1, place.host.size() - 2);
  }
  place.port = *port;
  place.ca_file = arguments.ca_file;
  place.fingerprint = arguments.fingerprint;
  if (!arguments.token_file.empty()) {
    auto read = read_secret("--token-file", arguments.token_file);
    if (!read) return read.error();
    token = *std::move(read);
  }
  if (token.empty()) {
    return bad("no token: expected --token-file, ODB_SERVICE_TOKEN, or one in the profile");
  }
  place.token = std::move(token);
  return Place(std::move(place));
}

Result<Place> take_redis(const PlaceArguments& arguments) {
  server::RedisOptions options;
  auto address = server::RedisAddress::parse(arguments.redis);
  if (!address) return bad("--redis: " + address.error().message);
  options.address = *std::move(address);
  if (!arguments.redis_prefix.empty()) options.prefix = arguments.redis_prefix;
  if (!arguments.redis_database.empty()) {
    const auto database = parse_number<std::uint32_t>(arguments.redis_database);
    if (!database) return bad("--redis-database: expected a number");
    options.database = *database;
  }
  options.user = arguments.redis_user;
  options.password = environment("ODB_REDIS_PASSWORD");
  if (!arguments.redis_password_file.empty()) {
    auto read = read_secret("--redis-password-file", arguments.redis_password_file);
    if (!read) return read.error();
    options.password = *std::move(read);
  }
  options.lease_wait = kLeaseWait;
  return Place(std::move(options));
}

Result<Place> take_named(const PlaceArguments& arguments, std::string token) {
  if (!arguments.server.empty()) return take_server(arguments, std::move(token));
  if (!arguments.redis.empty()) return take_redis(arguments);
  server::EmbeddedOptions options;
  options.folder = arguments.data_dir;
  return Place(std::move(options));
}

int count_places(const PlaceArguments& arguments) {
  return (arguments.server.empty() ? 0 : 1) + (arguments.data_dir.empty() ? 0 : 1) +
         (arguments.redis.empty() ? 0 : 1);
}

// What an option did not say.
void complete(std::string& value, std::string from) {
  if (value.empty()) value = std::move(from);
}

// What the environment and the profile add. Gives the token.
Result<std::string> complete(PlaceArguments& arguments, bool has_place) {
  std::string token = arguments.token_file.empty() ? environment("ODB_SERVICE_TOKEN") : "";
  if (token.empty()) complete(arguments.token_file, environment("ODB_SERVICE_TOKEN_FILE"));
  complete(arguments.redis_password_file, environment("ODB_REDIS_PASSWORD_FILE"));
  complete(arguments.redis_user, environment("ODB_REDIS_USER"));
  complete(arguments.redis_prefix, environment("ODB_REDIS_PREFIX"));
  complete(arguments.redis_database, environment("ODB_REDIS_DATABASE"));
  const bool names_profile = !arguments.profile.empty();
  if (!has_place && !names_profile) {
    arguments.server = environment("ODB_SERVER");
    arguments.data_dir = environment("ODB_DATA_DIR");
    arguments.redis = environment("ODB_REDIS");
  }
  complete(arguments.profile, environment("ODB_PROFILE"));
  if (arguments.profile.empty()) return token;
  auto read = read_profile(profiles_file(), arguments.profile);
  if (!read) return read.error();
  auto& profile = *read;
  if (!has_place && (names_profile || count_places(arguments) == 0)) {
    arguments.server = profile["server"];
    arguments.data_dir = profile["data-dir"];
    arguments.redis = profile["redis"];
  }
  if (token.empty() && arguments.token_file.empty()) {
    token = profile["token"];
    if (token.empty()) arguments.token_file = profile["token-file"];
  }
  complete(arguments.ca_file, profile["ca-file"]);
  complete(arguments.fingerprint, profile["fingerprint"]);
  complete(arguments.redis_user, profile["redis-user"]);
  complete(arguments.redis_password_file, profile["redis-password-file"]);
  complete(arguments.redis_prefix, profile["redis-prefix"]);
  complete(arguments.redis_database, profile["redis-database"]);
  return token;
}

// Reading must not make a directory, nor leave a file in one that is not odb's.
Result<void> check_is_data_directory(const std::string& folder) {
  struct stat status {};
  if (::stat(folder.c_str(), &status) != 0) {
    return bad("--data-dir: cannot use " + folder + ": " + std::generic_category().message(errno));
  }
  if (!S_ISDIR(status.st_mode)) return bad("--data-dir: " + folder + " is not a directory");
  if (::stat((folder + "/format").c_str(), &status) != 0) {
    return bad("--data-dir: " + folder +
               " holds no database of odb: expected a directory that odb_server has made");
  }
  return {};
}

}  // namespace

std::string ServerPlace::to_string() const {
  const bool is_ipv6 = host.find(':') != std::string::npos;
  return (is_ipv6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

void add_place(CLI::App& command, PlaceArguments& arguments, Places places) {
  const auto add = [&](const char* name, std::string& value, const char* type,
                       const char* meaning) {
    command.add_option(name, value, meaning)->type_name(type)->group("Where");
  };
  if (places != Places::kStores) {
    add("--server", arguments.server, "HOST:PORT", "A server that runs");
    add("--token-file", arguments.token_file, "FILE",
        "File with the token; else it comes from ODB_SERVICE_TOKEN or the profile");
    add("--ca-file", arguments.ca_file, "FILE",
        "The server's certificate must be signed by one of these and name the host");
    add("--fingerprint", arguments.fingerprint, "SHA256",
        "The server's certificate must have this fingerprint");
  }
  if (places != Places::kServers) {
    add("--data-dir", arguments.data_dir, "DIR", "A data directory, while no server has it");
    add("--redis", arguments.redis, "ADDRESS",
        "A database in Redis, at HOST:PORT or unix:PATH, while no server has it");
    add("--redis-user", arguments.redis_user, "NAME", "User of that Redis");
    add("--redis-password-file", arguments.redis_password_file, "FILE",
        "File with its password; else it comes from ODB_REDIS_PASSWORD");
    add("--redis-database", arguments.redis_database, "NUMBER",
        "Which of its numbered databases, else 0");
    add("--redis-prefix", arguments.redis_prefix, "TEXT", "What all keys begin with, else odb:");
  }
  add("--profile", arguments.profile, "NAME",
      "A place from ~/.config/odb/profiles, which must have mode 0600");
}

Result<Place> take_place(PlaceArguments arguments, Places places) {
  if (count_places(arguments) > 1) {
    return bad("--server, --data-dir and --redis exclude each other");
  }
  auto token = complete(arguments, count_places(arguments) == 1);
  if (!token) return token.error();
  if (count_places(arguments) > 1) {
    return bad(
        "the environment and the profile name several places: expected one of server, "
        "data-dir and redis");
  }
  const std::string expected = places == Places::kServers  ? "--server"
                               : places == Places::kStores ? "--data-dir or --redis"
                                                           : "--server, --data-dir or --redis";
  const bool is_server = !arguments.server.empty();
  if (count_places(arguments) == 0 || (is_server && places == Places::kStores) ||
      (!is_server && places == Places::kServers)) {
    return bad("where is the database? expected " + expected +
               ", or a variable or a profile that names one");
  }
  return take_named(arguments, *std::move(token));
}

Result<Place> parse_place(const std::string& text, PlaceArguments others) {
  const std::size_t colon = text.find(':');
  const std::string kind = text.substr(0, colon);
  std::string rest = colon == std::string::npos ? std::string() : text.substr(colon + 1);
  others.server.clear();
  others.data_dir.clear();
  others.redis.clear();
  if (kind == "server") {
    others.server = std::move(rest);
  } else if (kind == "data-dir") {
    others.data_dir = std::move(rest);
  } else if (kind == "redis") {
    const std::size_t hash = rest.find('#');
    others.redis = rest.substr(0, hash);
    if (hash != std::string::npos) others.redis_prefix = rest.substr(hash + 1);
  }
  if (count_places(others) != 1) {
    return bad(
        "expected data-dir:DIR, redis:ADDRESS, redis:ADDRESS#PREFIX or server:HOST:PORT, "
        "found " +
        text.substr(0, 80));
  }
  auto token = complete(others, true);
  if (!token) return token.error();
  return take_named(others, *std::move(token));
}

Database connect_to(const ServerPlace& place, std::function<void(const LinkEvent&)> on_link) {
  ConnectOptions options;
  options.on_link = std::move(on_link);
  options.ca_file = place.ca_file;
  options.fingerprint = place.fingerprint;
  options.reconnect_for = std::chrono::milliseconds(0);
  options.request_timeout = std::chrono::minutes(10);
  options.while_waiting = [] {
    if (is_interrupted()) throw Exception(interrupted());
  };
  return connect(place.host, place.port, place.token, std::move(options));
}

Result<std::unique_ptr<Source>> open_source(const Place& place) {
  if (const auto* server = std::get_if<ServerPlace>(&place)) {
    return make_server_source(connect_to(*server), server->to_string());
  }
  if (const auto* embedded = std::get_if<server::EmbeddedOptions>(&place)) {
    if (auto there = check_is_data_directory(embedded->folder); !there) return there.error();
    return make_store_source(server::make_embedded_store(*embedded), Order::kSorted);
  }
  return make_store_source(server::make_redis_store(std::get<server::RedisOptions>(place)),
                           Order::kAny);
}

Result<MakeStore> store_maker(const Place& place) {
  if (const auto* embedded = std::get_if<server::EmbeddedOptions>(&place)) {
    return MakeStore([options = *embedded](server::Filling filling) mutable {
      options.filling = std::move(filling);
      return server::make_embedded_store(options);
    });
  }
  if (const auto* redis = std::get_if<server::RedisOptions>(&place)) {
    return MakeStore([options = *redis](server::Filling filling) mutable {
      options.filling = std::move(filling);
      return server::make_redis_store(options);
    });
  }
  return bad(
      "a running server cannot be filled: expected data-dir:DIR or redis:ADDRESS; "
      "odb_server --inmem --restore FILE begins with a dump");
}

}  // namespace odb::tool
