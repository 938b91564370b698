// Floating-point numbers as integers in the same order.
#pragma once

#include <bit>
#include <cstdint>

namespace odb {

// Unsigned order of the result = order of values: -0.0 as 0.0, every NaN as one, after infinity.
inline std::uint64_t ordered_bits(double value) {
  constexpr std::uint64_t kSign = std::uint64_t{1} << 63;
  if (value != value) return ~std::uint64_t{0};
  if (value == 0) return kSign;
  const auto bits = std::bit_cast<std::uint64_t>(value);
  return (bits & kSign) != 0 ? ~bits : bits | kSign;
}

inline double from_ordered_bits(std::uint64_t ordered) {
  constexpr std::uint64_t kSign = std::uint64_t{1} << 63;
  return std::bit_cast<double>((ordered & kSign) != 0 ? ordered & ~kSign : ~ordered);
}

}  // namespace odb
