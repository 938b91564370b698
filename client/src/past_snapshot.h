// Snapshots of versions that the cache has left behind.
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "odb/client/detail/snapshot.h"

namespace odb::detail {

// What the server told of a version: the rows of interests.
using PastRows = std::vector<std::pair<Interest, std::vector<RowBlock>>>;

// A snapshot of that version that covers these interests and shares nothing with the cache.
std::shared_ptr<const Snapshot> make_past_snapshot(const ClientCatalog& catalog,
                                                   SnapshotOrigin origin, PastRows rows,
                                                   std::weak_ptr<ObjectSource> source);

}  // namespace odb::detail
