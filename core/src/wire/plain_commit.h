// Commits, which a server decodes more of than of all else.
#pragma once

#include <cstddef>
#include <span>

#include "odb/core/messages.h"

namespace odb::wire {

// Reads a ClientMessage that is a commit as nearly all are: it reads cells at most and writes no
// nested values. False: it is something else, or not well formed, and `out` may be filled in part.
// Cap'n Proto's readers take seven times as many instructions.
bool read_plain_commit(std::span<const std::byte> payload, Commit& out);

}  // namespace odb::wire
