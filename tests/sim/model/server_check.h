// Whether the server's state, indexes included, is the model.
#pragma once

#include <optional>
#include <string>

#include "model/model.h"
#include "odb/core/versioned_state.h"

namespace odb::sim {

// Compares the newest version of both. The server's indexes are held against a recomputation from
// the fields of the objects that are there.
std::optional<std::string> check_server(const Model& model, const VersionedState& state);

}  // namespace odb::sim
