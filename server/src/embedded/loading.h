// Reading a whole data directory.
#pragma once

#include <optional>

#include "odb/core/error.h"
#include "odb/server/store.h"
#include "tables.h"

namespace odb::server::embedded {

// Hands out what there is; nothing when no history has been begun. Reads everything, also what it
// does not hand out, so that damage is found now and not later. kBadConfiguration names what is
// damaged.
Result<std::optional<StoredDatabase>> load_database(Tables& tables, StoreLoader& loader,
                                                    const std::optional<Filling>& filling);

}  // namespace odb::server::embedded
