// What is kept of commits: records in a store's log, and the outcomes that clients may ask for
// again.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "odb/core/changeset.h"
#include "odb/core/ids.h"
#include "odb/core/schema.h"

namespace odb {

// One committed version: either changes or a schema change.
struct CommitRecord {
  Version version;
  std::string actor;
  ClientId client;
  Sequence sequence;           // 0: a schema change, whose outcome is not kept
  Sequence lowest_unresolved;  // every lower sequence's outcome has reached the client
  Changeset changes;
  std::optional<SchemaDefinition> schema;
  friend bool operator==(const CommitRecord&, const CommitRecord&) = default;
};

struct AcceptedCommit {
  Sequence sequence;
  Version version;
  friend bool operator==(const AcceptedCommit&, const AcceptedCommit&) = default;
};

// Every commit of one client that took effect, from one sequence on.
struct ClientOutcomes {
  ClientId client;
  std::string actor;  // whose the client is
  Sequence kept_from;
  std::vector<AcceptedCommit> accepted;  // ascending
  friend bool operator==(const ClientOutcomes&, const ClientOutcomes&) = default;
};

}  // namespace odb
