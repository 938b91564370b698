// LogTail: the end of a data directory's log, which its rows do not have yet.
#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <functional>
#include <vector>

#include "odb/core/commit_record.h"
#include "odb/core/error.h"
#include "odb/core/versioned_state.h"

namespace odb::server::embedded {

// Takes the records, then the rows of the objects that they touch, in any order; then it knows
// these objects as the log leaves them. See LaggingRows for how that comes about.
class LogTail {
 public:
  LogTail();

  // What the rows lack begins after `complete_up_to`. Once, before anything else.
  Result<void> begin(const std::vector<CatalogType>& types, Version complete_up_to);
  // kDataDamaged: it is not the next version, or does not fit the types.
  Result<void> add(CommitRecord record);
  Version last() const { return last_; }

  bool touches(ObjectId object) const { return touched_.contains(object); }
  // A row as it stands in the directory, possibly newer than some of the records. Requires
  // touches(object); kDataDamaged when it does not fit the types or the records.
  Result<void> add_row(TypeId type, ObjectId object, Version version, std::vector<Value> fields);

  // take(type, object, row) for each touched object, ascending by type and identity; the row is
  // null when it does not exist any more. Nothing can be added any more.
  using Take = std::function<Result<void>(TypeId, ObjectId, const Row*)>;
  Result<void> apply(const Take& take);

 private:
  VersionedState state_;
  Version complete_up_to_;
  Version last_;
  std::vector<CommitRecord> records_;
  boost::unordered_flat_map<ObjectId, TypeId> touched_;
};

}  // namespace odb::server::embedded
