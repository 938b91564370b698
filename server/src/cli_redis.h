// The options of the store in Redis.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "odb/core/error.h"
#include "odb/server/redis_store.h"

namespace CLI {
class App;
}

namespace odb::server {

// What the options say, before it is looked at.
struct RedisArguments {
  std::string address;
  std::string user;
  std::string password_file;
  std::string database = "0";
  std::string prefix = "odb:";
  bool is_standby = false;
  RedisOptions options;  // the limits
};

void add_redis(CLI::App& app, RedisArguments& arguments);
// The limits among them, to stand beside the others.
void add_redis_limits(CLI::App& app, RedisOptions& options);

// Nothing: no Redis was named. kBadConfiguration. The password comes from its file or from
// ODB_REDIS_PASSWORD: other users of the machine can see a command line.
Result<std::optional<RedisOptions>> take_redis(const RedisArguments& arguments,
                                               std::vector<std::string>& warnings);

}  // namespace odb::server
