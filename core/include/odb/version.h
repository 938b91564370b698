// The version of odb. The same as the project version in CMakeLists.txt, which checks it.
#pragma once

namespace odb {

inline constexpr const char* kVersionText = "0.1.0";

}  // namespace odb
