// Scripts in Python that take part in a measurement.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "run.h"

namespace odb::bench {

// The one that the package is built for.
inline constexpr char kPythonInterpreter[] = "/usr/bin/python3";

// Runs a script of this folder with the server's port and `arguments`; what it prints. Nothing, and
// a skipped line, when it says "skipped".
std::optional<json::object> run_python(Run& run, const std::string& figure,
                                       const ServerProcess& server, const std::string& script,
                                       const std::vector<std::string>& arguments = {},
                                       std::optional<int> cpu = {});

}  // namespace odb::bench
