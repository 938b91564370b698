// Whether the writes of a commit request are well formed and leave unique indexes unique.
#pragma once

#include "odb/core/changeset.h"
#include "odb/core/error.h"
#include "odb/core/versioned_state.h"

namespace odb {

// Types, fields and operations known, values fitting, required fields given, one change an object.
Result<void> check_well_formed(const Changeset& writes, const Catalog& catalog);

// kNumberOverflow and the other codes of apply_operation when an operation cannot be done to the
// newest version. Requires well-formed writes to existing objects.
Result<void> check_operations(const Changeset& writes, const VersionedState& state);

// kUniqueViolation when `writes`, applied to the newest version, would give a key of a unique index
// to two objects. Requires well-formed writes to existing objects, whose
// operations can be done.
Result<void> check_unique(const Changeset& writes, const VersionedState& state);

// kUniqueViolation when two objects of the newest version have the same value of a unique index
// that `after` has and the state's catalog lacks.
Result<void> check_new_unique_indexes(const Catalog& after, const VersionedState& state);

}  // namespace odb
