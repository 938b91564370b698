// How a commit goes over the wire: as one message, or in parts when it is large.
#pragma once

#include <boost/container/small_vector.hpp>

#include "odb/core/messages.h"
#include "odb/wire/frame.h"

namespace odb::detail {

// About this much goes into one part, so that what else is to be sent or judged waits for one part
// only. One object is never divided, whatever its size.
inline constexpr std::size_t kCommitPartBytes = 128 * 1024;

// The messages in the order in which they are to be sent; mostly one.
using CommitParts = boost::container::small_vector<wire::EncodedMessage, 1>;

// Throws wire::MessageTooLarge.
CommitParts encode_commit(const Commit& commit);

}  // namespace odb::detail
