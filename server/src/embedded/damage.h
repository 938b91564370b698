// What is said of a data directory that has lost, or never had, what must stand there.
#pragma once

#include <string>

#include "odb/core/error.h"

namespace odb::server::embedded {

inline Error damaged(const std::string& what) {
  return {ErrorCode::kDataDamaged, "the data directory is damaged: " + what};
}

}  // namespace odb::server::embedded
