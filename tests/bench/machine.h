// What the figures were measured on.
#pragma once

#include <boost/json/object.hpp>
#include <string>

namespace odb::bench {

struct Machine {
  std::string cpu;
  unsigned cores = 0;
  std::string kernel;
  std::string compiler;
  std::string openssl;
  std::string redis;  // of the redis-server that is the peer
  std::string date;   // of today
  double load = 0;    // average of the last minute: other programs, when the bench has not begun
};

Machine describe_machine();

boost::json::object to_json(const Machine& machine);
std::string to_text(const Machine& machine);  // lines of "- name: value"

}  // namespace odb::bench
