// The options that set the server's limits.
#pragma once

#include "odb/server/limits.h"

namespace CLI {
class App;
}

namespace odb::server {

// One option for each of `limits`, which outlives the app.
void add_limits(CLI::App& app, Limits& limits);

}  // namespace odb::server
