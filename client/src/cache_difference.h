// By what two snapshots of one client differ, as one change.
#pragma once

#include "odb/client/database.h"
#include "odb/client/detail/snapshot.h"

namespace odb::detail {

// From `before` to `after`, whose view the change has. In one history an object is the same in both
// by its identity; of another history nothing is. Fields that either has not loaded do not count.
Change difference(const Snapshot& before, const std::shared_ptr<const Snapshot>& after);

}  // namespace odb::detail
