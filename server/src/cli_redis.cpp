#include "cli_redis.h"

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <fstream>
#include <limits>

#include "cli_limits.h"
#include "cli_tokens.h"
#include "cli_values.h"

namespace odb::server {

namespace {

constexpr std::size_t kPasswordBytesMax = 4096;

Error bad(std::string what) { return {ErrorCode::kBadConfiguration, std::move(what)}; }

Result<std::string> read_password(const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  std::string line;
  if (!in || !std::getline(in, line)) return bad("--redis-password-file: " + file + " has no line");
  while (!line.empty() && line.back() == '\r') line.pop_back();
  if (line.empty() || line.size() > kPasswordBytesMax) {
    return bad("--redis-password-file: expected one line with the password in " + file);
  }
  return line;
}

}  // namespace

void add_redis(CLI::App& app, RedisArguments& arguments) {
  const auto add = [&](const char* name, std::string& value, const char* type,
                       const char* meaning) {
    app.add_option(name, value, meaning)->type_name(type)->group("Store");
  };
  add("--redis", arguments.address, "ADDRESS",
      "Keep everything in Redis, at HOST:PORT or unix:PATH; see docs/redis.md");
  add("--redis-user", arguments.user, "NAME",
      "User of that Redis; the password comes from a file\n"
      "or from ODB_REDIS_PASSWORD");
  add("--redis-password-file", arguments.password_file, "FILE",
      "File with one line, the password of that Redis");
  add("--redis-database", arguments.database, "NUMBER", "Which of its numbered databases, else 0");
  add("--redis-prefix", arguments.prefix, "TEXT",
      "What all keys begin with, else odb: - several databases may share one Redis");
  app.add_flag("--standby", arguments.is_standby,
               "With --redis: wait while another server owns the database, and take over\n"
               "when it is gone; see docs/redis.md")
      ->group("Store");
}

void add_redis_limits(CLI::App& app, RedisOptions& options) {
  add_duration_limit(app, "--store-timeout", options.store_timeout,
                     "How long Redis, or the disk, may leave a commit unconfirmed before its\n"
                     "outcome counts as unknown");
  add_duration_limit(app, "--lease-time", options.lease_time,
                     "How long a server that is gone still owns the database in Redis");
  add_duration_limit(app, "--lease-wait", options.lease_wait,
                     "How long to wait at the start for a server that owns it");
  add_count_limit(app, "--retain-versions", options.retention.versions,
                  "Newest versions that stay in the log in Redis or in the data\n"
                  "directory, about");
  add_long_duration(app, "--retain-time", options.retention.time,
                    "Younger versions stay there beyond that number");
  add_count_limit(app, "--log-versions-max", options.retention.versions_max,
                  "Versions in that log at most, about, whatever the two say");
}

Result<std::optional<RedisOptions>> take_redis(const RedisArguments& arguments,
                                               std::vector<std::string>& warnings) {
  if (arguments.address.empty()) {
    if (arguments.is_standby) return bad("--standby needs --redis");
    return std::optional<RedisOptions>();
  }
  RedisOptions options = arguments.options;
  options.is_standby = arguments.is_standby;
  auto address = RedisAddress::parse(arguments.address);
  if (!address) return bad("--redis: " + address.error().message);
  options.address = *std::move(address);
  const auto database = parse_count(arguments.database);
  if (!database || *database > std::numeric_limits<std::uint32_t>::max()) {
    return bad("--redis-database: expected a number");
  }
  options.database = static_cast<std::uint32_t>(*database);
  if (arguments.prefix.empty()) return bad("--redis-prefix: expected at least one character");
  options.prefix = arguments.prefix;
  options.user = arguments.user;
  if (!arguments.password_file.empty()) {
    auto password = read_password(arguments.password_file);
    if (!password) return password.error();
    options.password = *std::move(password);
    if (is_readable_by_others(arguments.password_file)) {
      warnings.push_back("password file " + arguments.password_file +
                         " is readable by other users");
    }
  } else if (const char* password = std::getenv("ODB_REDIS_PASSWORD")) {
    options.password = password;
  }
  if (!options.user.empty() && options.password.empty()) {
    return bad("--redis-user needs a password: --redis-password-file or ODB_REDIS_PASSWORD");
  }
  return std::optional(std::move(options));
}

}  // namespace odb::server
