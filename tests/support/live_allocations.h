// How much memory the program holds, for tests of what gives memory back.
#pragma once

#include <cstdint>

namespace odb::test {

// Allocations through operator new that have not been deleted. Link live_allocations.cpp.
std::int64_t live_allocations();

}  // namespace odb::test
