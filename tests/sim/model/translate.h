// An interest in the numbers of another catalog, found by names.
#pragma once

#include <optional>

#include "odb/core/interest.h"
#include "odb/core/schema.h"

namespace odb::sim {

// Nothing when the other does not have it.
std::optional<Interest> translate(const Interest& interest, const Catalog& from, const Catalog& to);

}  // namespace odb::sim
