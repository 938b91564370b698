// Commits encoded without Cap'n Proto's builder, which takes several times as long for the many
// small structs of one. The bytes are the same.
#pragma once

#include "odb/core/messages.h"

namespace odb::wire {

// Appends the one frame of a commit. False, with nothing appended, when it has reads of other
// things than cells, which few have, or does not fit one frame.
bool append_in_one_frame(Bytes& out, const Commit& commit);

}  // namespace odb::wire
