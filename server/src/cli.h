// The command line of odb_server, its environment variables and its configuration file.
#pragma once

#include <spdlog/common.h>

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "odb/server/embedded_store.h"
#include "odb/server/redis_store.h"
#include "odb/server/server.h"

namespace odb::server {

// What the program is asked to do.
struct CommandLine {
  ServerOptions options;
  // At most one of them; none: everything is kept in memory.
  std::optional<RedisOptions> redis;
  std::optional<EmbeddedOptions> embedded;
  std::optional<net::Endpoint> metrics;  // where they are served
  std::string restore_file;              // a dump to begin with in memory; empty: none
  spdlog::level::level_enum log_level = spdlog::level::info;
  std::vector<std::string> warnings;  // for the log, once there is one
};

enum class ExitCode : std::uint8_t {
  kSuccess = 0,
  kStartFailed = 1,
  kBadCommandLine = 2,
  kStoreLost = 3,
};

// The answer to --help or --version, or one line that says what is wrong.
struct Refusal {
  ExitCode exit_code = ExitCode::kBadCommandLine;
  std::string text;
};

// The command line wins over the environment, the environment over the file. Never shows a token,
// nor an argument that has no place and so might be one.
std::variant<CommandLine, Refusal> parse_command_line(int argc, const char* const* argv);

}  // namespace odb::server
