// What Redis is configured to survive, as far as it tells.
#pragma once

#include <string>
#include <vector>

namespace odb::server::redis {

struct Durability {
  bool is_known = false;  // CONFIG GET may be forbidden
  std::string appendonly;
  std::string appendfsync;
  std::string save;
  std::string maxmemory_policy;

  // Whatever Redis has acknowledged survives its end and that of the machine.
  bool is_strict() const { return is_known && appendonly == "yes" && appendfsync == "always"; }
};

// One line for the log.
std::string describe(const Durability& durability);
// What an operator should know: when acknowledged commits may be lost, or rows evicted.
std::vector<std::string> warnings(const Durability& durability);

// The value of a line "name:value" of INFO; empty when there is none.
std::string info_field(const std::string& info, const std::string& name);

}  // namespace odb::server::redis
