// The mark of a store that is being filled from elsewhere.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "odb/core/error.h"
#include "odb/server/store.h"

namespace odb::server {

// "27 dump 0f3a...": the version at which it is whole, and the source.
std::string to_text(const Filling& filling);

enum class FillingState : std::uint8_t { kWhole, kPartly };

// Whether a store at `version` with this mark, or an empty one, may be loaded by one who fills it
// as `own` says, or by a server, which fills nothing. `where` is the store, for the message.
Result<FillingState> check_filling(std::string_view mark, Version version,
                                   const std::optional<Filling>& own, const std::string& where);

}  // namespace odb::server
