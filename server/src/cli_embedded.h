// The options of the store in a directory.
#pragma once

#include <optional>
#include <string>

#include "odb/core/error.h"
#include "odb/server/embedded_store.h"

namespace CLI {
class App;
}

namespace odb::server {

// What the options say, before it is looked at.
struct EmbeddedArguments {
  std::string folder;
  std::string durability;  // empty: not given
};

void add_embedded(CLI::App& app, EmbeddedArguments& arguments);

// Nothing: no directory was named. kBadConfiguration. The limits are the caller's to set.
Result<std::optional<EmbeddedOptions>> take_embedded(const EmbeddedArguments& arguments);

}  // namespace odb::server
