// What the commands of odb share.
#pragma once

#include <boost/json/object.hpp>
#include <functional>
#include <string>
#include <vector>

#include "odb/core/error.h"
#include "place.h"

namespace CLI {
class App;
}

namespace odb::tool {

// docs/tool.md and --help list them.
enum class ExitCode : int {
  kSuccess = 0,
  kFailed = 1,
  kBadCommandLine = 2,
  kDamaged = 3,   // odb verify has found something wrong
  kNotFound = 4,  // the object that was asked for is not there
  kInterrupted = 130,
};

enum class Output { kText, kJson };

// Adds a command to the program; when it is the one that is called, its action goes to `run`.
using Action = std::function<Result<ExitCode>(Output)>;
struct Program {
  CLI::App& app;
  Action run;
  Output output = Output::kText;

  // A command with --json and the action.
  CLI::App& add(const std::string& name, const std::string& meaning, Action action);
};

void add_status(Program& program);
void add_schema(Program& program);
void add_objects(Program& program);  // get, ls
void add_watch(Program& program);
void add_dump(Program& program);
void add_restore(Program& program);
void add_migrate(Program& program);
void add_verify(Program& program);
void add_bench(Program& program);
void add_completion(Program& program);

// One line on stdout. Fails when nobody takes it.
Result<void> print(const std::string& line);
Result<void> print(const boost::json::object& json);

// Columns as wide as they need; the first row is the head.
std::string table(const std::vector<std::vector<std::string>>& rows);
std::string with_unit(double bytes);  // "1.5 GiB"

}  // namespace odb::tool
