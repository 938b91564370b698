// Filling an empty store with a whole database.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "odb/core/error.h"
#include "odb/server/database.h"
#include "odb/server/store.h"
#include "odb/tool/progress.h"
#include "odb/tool/source.h"

namespace odb::tool {

// A whole database in memory, checked as a server checks it at its start.
struct WholeDatabase {
  server::Limits limits;
  server::Database database{limits};
  server::StoredDatabase stored;  // what the source says of it
  std::uint64_t objects = 0;
};

// `progress` counts the objects.
Result<std::unique_ptr<WholeDatabase>> read_whole(Source& source, Progress& progress);

// How a store is made: with the mark that it is being filled, see server::Filling.
using MakeStore = std::function<std::unique_ptr<server::Store>(server::Filling)>;

struct Filled {
  HistoryId history;          // a new one
  Version version;            // how many commits it took
  std::uint64_t objects = 0;  // all
  std::uint64_t resumed = 0;  // those of them that were there already
};

// Writes the database into a store in commits of a size that depends on nothing else, so that one
// that was broken off is gone on with where it stood when `source` is the same: its name and what
// it is of, in one line. The store is served by nobody until it is whole. kBadConfiguration: it is
// not empty; else what it says. Blocks; nothing of the store is used any more when it returns.
Result<Filled> fill_store(const WholeDatabase& whole, const std::string& source,
                          const MakeStore& make_store, Progress& progress);

}  // namespace odb::tool
