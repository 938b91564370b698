// CRC-32C, which guards the marks here and RocksDB's logs.
#pragma once

#include <cstdint>
#include <string_view>

namespace odb::server::embedded {

// Of `bytes`, behind what has led to `before`.
std::uint32_t checksum(std::string_view bytes, std::uint32_t before = 0);

}  // namespace odb::server::embedded
