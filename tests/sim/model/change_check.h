// Whether what a handler is told of a commit is exactly what it changed in the client's cache.
#pragma once

#include <optional>
#include <string>

#include "model/model.h"
#include "odb/client/database.h"

namespace odb::sim {

// `before` is the cache just before. A sentence when the change tells anything else than the
// difference.
std::optional<std::string> check_change(const Model& model, const detail::Snapshot& before,
                                        const Change& change);

// After everything was loaded anew: whether the one change that handlers are told is by what the
// client's cache differs now. Of another history nothing is the same.
std::optional<std::string> check_reload(const detail::Snapshot& before, const Change& change);

}  // namespace odb::sim
