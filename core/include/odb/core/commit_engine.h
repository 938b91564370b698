// CommitEngine: decides whether a transaction may commit. Pure: no clock, no thread, no I/O.
#pragma once

#include <variant>

#include "odb/core/changeset.h"
#include "odb/core/error.h"
#include "odb/core/versioned_state.h"

namespace odb {

// The request may become the version after the state's newest.
struct Acceptable {
  friend bool operator==(const Acceptable&, const Acceptable&) = default;
};

// A Conflict's actor is left empty: the engine knows versions, not people. An Error says why the
// request can never commit as it is: kUnknownType, kUnknownField, kWrongType, kInvalidUtf8,
// kMissingField, kMalformedMessage, kObjectExists, kTooOld, kNumberOverflow, kUniqueViolation.
using Judgement = std::variant<Acceptable, Conflict, Error>;

// Judges a request against the newest version of a state, in this order: is it well formed, is
// everything that it read still so, does everything that it writes to exist, can every operation be
// done, is every unique index still unique. Never changes the state, so a loser changes nothing.
//
// Serialisability by backward validation (Kung and Robinson 1981), with the read set at the grain
// of cells, existence, index keys, index ranges and type membership. An object that was not
// modified since the snapshot needs no history; everything else needs the snapshot to be no older
// than the horizon.
class CommitEngine {
 public:
  virtual ~CommitEngine() = default;
  virtual Judgement judge(const CommitRequest& request, const VersionedState& state) const;

  // Whether `after`, the state's catalog with a definition merged in, fits the objects that exist:
  // kUniqueViolation when two of them have the same value of a new unique index.
  virtual Result<void> judge_catalog(const Catalog& after, const VersionedState& state) const;
};

}  // namespace odb
