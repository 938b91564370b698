// ObjectSource: where a snapshot gets what the cache does not hold.
#pragma once

#include <utility>
#include <vector>

#include "odb/core/changeset.h"
#include "odb/core/ids.h"
#include "odb/core/interest.h"
#include "odb/core/row.h"

namespace odb::detail {

struct SnapshotOrigin;

class ObjectSource {
 public:
  virtual ~ObjectSource() = default;
  // The rows of `what` as of a version of the server. Waits for the answer. Throws TooOldError when
  // the version is older than the horizon, or of a history that has ended; TimeoutError,
  // DisconnectedError.
  virtual std::vector<RowBlock> load(const SnapshotOrigin& origin, Interest what) = 0;
  // Completes partial rows that the snapshot which asks holds, from such an answer: row by row the
  // object that it is of. Any thread.
  virtual void complete(const std::vector<std::pair<ObjectId, const Row*>>& partial,
                        std::vector<RowBlock> blocks) = 0;
};

}  // namespace odb::detail
