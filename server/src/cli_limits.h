// The options that set the server's limits.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "odb/server/limits.h"

namespace CLI {
class App;
}

namespace odb::server {

// One option for each of `limits`, which outlives the app.
void add_limits(CLI::App& app, Limits& limits);

// One that is not among them; `limit` outlives the app.
void add_count_limit(CLI::App& app, const std::string& name, std::uint64_t& limit,
                     const std::string& meaning);
void add_duration_limit(CLI::App& app, const std::string& name, std::chrono::milliseconds& limit,
                        const std::string& meaning);
// From nothing to ten years.
void add_long_duration(CLI::App& app, const std::string& name, std::chrono::milliseconds& limit,
                       const std::string& meaning);

}  // namespace odb::server
