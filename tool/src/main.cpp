// odb: the operator's tool.
#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <boost/json.hpp>
#include <csignal>
#include <cstdio>
#include <exception>
#include <new>
#include <string>
#include <vector>

#include "command.h"
#include "odb/version.h"

namespace odb::tool {

namespace {

constexpr const char* kFooter =
    "Where the database is comes from options, from the environment (ODB_SERVER, ODB_DATA_DIR or\n"
    "ODB_REDIS; ODB_SERVICE_TOKEN or ODB_SERVICE_TOKEN_FILE; ODB_REDIS_PASSWORD), or from a "
    "profile\n"
    "(--profile or ODB_PROFILE) in ~/.config/odb/profiles.\n\n"
    "Exit codes: 0 done; 1 it could not be done, one line on stderr says why; 2 the command line "
    "is\n"
    "wrong; 3 odb verify has found something wrong; 4 the object is not there; 130 interrupted.";

int as_status(ExitCode code) { return static_cast<int>(code); }

int fail(const Program& program, ExitCode code, const Error& error) {
  if (program.output == Output::kJson) {
    const boost::json::object json{
        {"error",
         boost::json::object{{"code", static_cast<int>(error.code)}, {"message", error.message}}}};
    std::fprintf(stderr, "%s\n", boost::json::serialize(json).c_str());
  } else {
    std::string message = error.message;
    std::replace(message.begin(), message.end(), '\n', ' ');
    std::fprintf(stderr, "odb: %s\n", message.c_str());
  }
  return as_status(code);
}

// What CLI11 says, except where it does not name the word that is wrong.
std::string explain(const CLI::App& app, const CLI::ParseError& error) {
  const std::vector<std::string> rest = app.remaining();
  if (!app.get_subcommands().empty() || rest.empty()) return error.what();
  std::string commands;
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    commands += (commands.empty() ? "" : ", ") + command->get_name();
  }
  return rest.front() + " is no command; expected one of " + commands;
}

int run(int argc, const char* const* argv) {
  spdlog::set_level(spdlog::level::off);  // one line says what went wrong
  std::signal(SIGPIPE, SIG_IGN);
  CLI::App app("The operator's tool of the odb object store.", "odb");
  Program program{app, {}};
  app.set_help_flag("--help", "Show this help and end");
  app.set_version_flag("--version", std::string("odb ") + kVersionText);
  app.require_subcommand(1);
  app.footer(kFooter);
  for (const auto add : {add_status, add_schema, add_objects, add_watch, add_dump, add_restore,
                         add_migrate, add_verify, add_bench, add_completion}) {
    add(program);
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);
    return fail(program, ExitCode::kBadCommandLine,
                {ErrorCode::kBadConfiguration, explain(app, error) + " (see odb --help)"});
  }
  catch_interrupts();
  const auto failed = [&](const Error& error) {
    const bool is_own_doing = is_interrupted() && error.code == ErrorCode::kShuttingDown;
    return fail(program, is_own_doing ? ExitCode::kInterrupted : ExitCode::kFailed, error);
  };
  try {
    auto done = program.run(program.output);
    return done ? as_status(*done) : failed(done.error());
  } catch (const Exception& error) {
    return failed(error.error());
  } catch (const std::bad_alloc&) {
    return failed({ErrorCode::kInternal, "out of memory"});
  } catch (const std::exception& error) {
    return failed({ErrorCode::kInternal, error.what()});
  }
}

}  // namespace

}  // namespace odb::tool

int main(int argc, char** argv) { return odb::tool::run(argc, argv); }
