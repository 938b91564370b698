// Reading a whole data directory.
#pragma once

#include <optional>

#include "odb/core/error.h"
#include "odb/server/store.h"
#include "tables.h"
#include "writes.h"

namespace odb::server::embedded {

struct LoadedDatabase {
  std::optional<StoredDatabase> stored;  // nothing when no history has been begun
  // Of objects whose rows are behind the log: as they were handed out. Whoever goes on writing the
  // directory writes these first.
  Writes rows;
};

// Hands out what there is. Reads everything, also what it does not hand out, so that damage is
// found now and not later. kDataDamaged names what is damaged.
Result<LoadedDatabase> load_database(Tables& tables, StoreLoader& loader,
                                     const std::optional<Filling>& filling);

}  // namespace odb::server::embedded
