// Random numbers fit for secrets and for identities that must never meet again.
#pragma once

#include <cstddef>
#include <span>

#include "odb/core/ids.h"

namespace odb::net {

// Fills `out` from the operating system's generator; stops the program when there is none.
void random_bytes(std::span<std::byte> out);

HistoryId make_history_id();
ClientId make_client_id();

}  // namespace odb::net
