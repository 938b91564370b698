// How the values of options are written: sizes, durations and counts.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "odb/net/socket.h"

namespace odb::server {

// Decimal digits only.
std::optional<std::uint64_t> parse_count(std::string_view text);
// A count of bytes, or one with KiB, MiB or GiB: "65536", "64MiB".
std::optional<std::uint64_t> parse_size(std::string_view text);
// A count with ms, s, min or h; without a unit it means milliseconds: "250ms", "10s".
std::optional<std::chrono::milliseconds> parse_duration(std::string_view text);

// "127.0.0.1:9100", "[::1]:9100", ":9100" for every interface; port 0 is a free one.
std::optional<net::Endpoint> parse_endpoint(std::string_view text);

// The shortest text that parses to the same value.
std::string size_text(std::uint64_t bytes);
std::string duration_text(std::chrono::milliseconds duration);

}  // namespace odb::server
