// The header of a frame, see odb/wire/frame.h.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace odb::wire {

inline constexpr std::uint8_t kFrameMagic = 0xDB;
inline constexpr std::uint8_t kMoreFragments = 1;

// Writes kFrameHeaderBytes, which are zero, to `at`.
inline void write_frame_header(std::byte* at, std::size_t payload_bytes, std::uint8_t flags) {
  const auto size = static_cast<std::uint32_t>(payload_bytes);
  std::memcpy(at, &size, sizeof size);
  at[4] = std::byte{kFrameMagic};
  at[5] = std::byte{flags};
}

}  // namespace odb::wire
