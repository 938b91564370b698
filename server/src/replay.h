// Replay: a log over objects that may have some of it already.
#pragma once

#include "odb/core/commit_record.h"
#include "odb/core/versioned_state.h"

namespace odb::server {

// Makes the record's changes the next version of `state`, whose objects were read while somebody
// went on writing them: what of it an object has already is left out, and so is what happened to
// one that was deleted since. Requires what VersionedState::apply() does, of the rest.
void replay(VersionedState& state, CommitRecord record);

}  // namespace odb::server
