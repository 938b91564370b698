// Where odb_server's tokens come from.
#pragma once

#include <string>
#include <vector>

#include "odb/core/error.h"
#include "odb/net/token_table.h"

namespace odb::server {

// The actor who holds a token that was given without a name.
inline constexpr const char* kServiceActor = "service";

// A file with one token alone, or with lines of `name token` (see net::TokenTable).
// kBadConfiguration names the file and the line, never a token.
Result<std::vector<net::NamedToken>> read_token_file(const std::string& file);

// Whether users other than the owner can read the file.
bool is_readable_by_others(const std::string& file);

}  // namespace odb::server
