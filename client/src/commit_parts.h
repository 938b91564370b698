// How a large commit goes over the wire: in parts.
#pragma once

#include <cstddef>
#include <vector>

#include "odb/core/messages.h"
#include "odb/wire/frame.h"

namespace odb::detail {

// About this much goes into one part, so that what else is to be sent or judged waits for one part
// only. One object is never divided, whatever its size.
inline constexpr std::size_t kCommitPartBytes = 128 * 1024;

// The messages in the order in which they are to be sent.
using CommitParts = std::vector<wire::EncodedMessage>;

// Of a commit that takes more than kCommitPartBytes; one of a single object may still be one part.
// Throws wire::MessageTooLarge.
CommitParts encode_in_parts(const Commit& commit);

}  // namespace odb::detail
