// Random values for property tests: small domains, so that equal ones meet, and every edge.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "odb/core/value.h"

namespace odb::test {

using Random = std::mt19937_64;

// A new seed each time, or ODB_TEST_SEED. Print it: SCOPED_TRACE("ODB_TEST_SEED=" + ...).
inline std::uint64_t random_seed() {
  if (const char* given = std::getenv("ODB_TEST_SEED")) return std::strtoull(given, nullptr, 10);
  return std::random_device()();
}

inline std::size_t below(Random& random, std::size_t limit) {
  return std::uniform_int_distribution<std::size_t>(0, limit - 1)(random);
}

template <class T>
const T& pick(Random& random, const std::vector<T>& options) {
  return options[below(random, options.size())];
}

inline std::int64_t random_integer(Random& random) {
  using Limits = std::numeric_limits<std::int64_t>;
  static const std::vector<std::int64_t> kEdges = {
      0,    1,    -1,   127,  128,     255,        256,           -127,         -128,
      -129, -255, -256, -257, 1 << 24, -(1 << 24), Limits::min(), Limits::max()};
  if (below(random, 2) == 0) return pick(random, kEdges);
  const auto wide = static_cast<std::int64_t>(random());
  return wide >> below(random, 64);
}

inline double random_float(Random& random) {
  using Limits = std::numeric_limits<double>;
  static const std::vector<double> kEdges = {0.0,
                                             -0.0,
                                             1.0,
                                             -1.0,
                                             0.1,
                                             Limits::infinity(),
                                             -Limits::infinity(),
                                             Limits::quiet_NaN(),
                                             -Limits::quiet_NaN(),
                                             Limits::denorm_min(),
                                             -Limits::denorm_min(),
                                             Limits::max(),
                                             Limits::lowest()};
  if (below(random, 2) == 0) return pick(random, kEdges);
  return std::uniform_real_distribution<double>(-1000, 1000)(random);
}

// Any bytes, often with zeros and 0xFF, and of lengths around the one that no longer fits inline.
inline std::string random_bytes(Random& random) {
  static const std::vector<std::string> kPieces = {
      std::string(1, '\0'), "\x01", "\xFF", "a", "b", "ab", "abcdefghijklm"};
  std::string out;
  for (std::size_t i = below(random, 5); i > 0; --i) out += pick(random, kPieces);
  return out;
}

inline Value random_value(Random& random, int levels = 3) {
  const auto elements = [&] {
    std::vector<Value> out(below(random, 4));
    for (Value& each : out) each = random_value(random, levels - 1);
    return out;
  };
  switch (below(random, levels > 0 ? 13 : 8)) {
    case 0:
      return Value::none();
    case 1:
      return Value::boolean(below(random, 2) == 0);
    case 2:
      return Value::integer(random_integer(random));
    case 3:
      return Value::real(random_float(random));
    case 4:
      return Value::text(random_bytes(random));
    case 5:
      return Value::data(std::as_bytes(std::span<const char>(random_bytes(random))));
    case 6:
      return Value::timestamp(random_integer(random));
    case 7:
      return Value::reference(TypeId{static_cast<std::uint32_t>(below(random, 300))},
                              ObjectId{static_cast<std::uint64_t>(random_integer(random))});
    case 8:
      return Value::list(elements());
    case 9:
      return Value::tuple(elements());
    case 10: {
      std::vector<std::pair<Value, Value>> entries(below(random, 4));
      for (auto& [key, value] : entries) {
        key = random_value(random, levels - 1);
        value = random_value(random, levels - 1);
      }
      return Value::dict(std::move(entries));
    }
    case 11:
      return Value::structure(elements());
    default:
      return Value::variant(static_cast<std::uint32_t>(below(random, 300)), elements());
  }
}

}  // namespace odb::test
