// SnapshotReader: the rows of an interest, piece by piece.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "odb/core/interest_index.h"
#include "odb/core/messages.h"
#include "odb/core/versioned_state.h"
#include "odb/server/access_policy.h"
#include "odb/server/limits.h"

namespace odb::server {

// What a reader reads from; all outlive the call.
struct SnapshotSource {
  const VersionedState& state;
  const Catalog& catalog;
  const AccessPolicy& policy;
  const std::string& actor;
  const SnapshotPiece& piece;
};

// Goes by type and, within a type, by object, so that position() tells of any object whether it has
// been read. The version may differ from piece to piece.
class SnapshotReader {
 public:
  // Requires an interest that passes check_interest.
  SnapshotReader(Interest interest, Loading loading);

  // Fills an empty block with the next rows, of one type, at `version`; false when none are left.
  bool read(const SnapshotSource& source, Version version, RowBlock& rows);
  SnapshotPosition position() const { return position_; }

  // Objects beyond the position that came into the range since the last piece.
  void add_arrivals(const boost::unordered_flat_set<ObjectId>& arrivals);

 private:
  class Gatherer;

  bool read_schema(const SnapshotSource& source, Version version, RowBlock& rows);
  bool read_type(const SnapshotSource& source, Version version, TypeId type, RowBlock& rows);
  bool read_key(const SnapshotSource& source, Version version, const IndexInterest& interest,
                RowBlock& rows);
  bool read_listed(const SnapshotSource& source, Version version, TypeId type, RowBlock& rows);
  void list_range(const SnapshotSource& source, Version version, const IndexRange& range);

  Interest interest_;
  Loading loading_;
  SnapshotPosition position_;
  // Of objects and ranges: what to read, in order, from next_ on.
  std::vector<ObjectId> listed_;
  std::size_t next_ = 0;
  bool has_listed_ = false;
  const CatalogIndex* range_index_ = nullptr;  // valid during read()
  KeySpan span_;
};

}  // namespace odb::server
