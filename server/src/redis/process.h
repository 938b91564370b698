// Which process this is, so that another one on the same machine can tell when it is gone.
#pragma once

#include <string>

namespace odb::server::redis {

std::string process_name();  // "machine:4711", for people
std::string process_mark();  // boot, namespace, process id and start time; empty when unknown
// Whether the process of that mark surely does not run any more: it ran here, since the last boot.
bool is_dead(const std::string& mark);

}  // namespace odb::server::redis
