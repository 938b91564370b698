// Verification: what is wrong with a database, as far as it can be seen from outside or inside.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "odb/client/database.h"
#include "odb/core/error.h"
#include "odb/tool/progress.h"
#include "odb/tool/source.h"

namespace odb::tool {

struct Verification {
  std::uint64_t objects = 0;
  std::uint64_t index_entries = 0;
  std::uint64_t logged_versions = 0;
  std::vector<std::string> wrong;  // empty: nothing
  // References to objects that are no more, which is allowed; not counted at a server.
  std::optional<std::uint64_t> dangling;
};

// A dump or a store: all checksums, values against their types, identities, versions, unique
// indexes, indexes recomputed, and whether the log has no gap. An error when it cannot be read at
// all, which for a store also means that it is damaged.
Result<Verification> verify_source(Source& source, Progress& progress);

// A running server, at one version: values against their types, and each index as the server
// answers from it against what it would be. Throws what the client library throws.
Verification verify_server(Database& database, Progress& progress);

}  // namespace odb::tool
