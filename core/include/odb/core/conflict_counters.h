// ConflictCounters: on what commits conflict, and how often.
#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "odb/core/changeset.h"
#include "odb/core/schema.h"

namespace odb {

// The kind of read that a later commit made stale.
enum class ConflictKind : std::uint8_t {
  kField,       // a field of some object
  kExistence,   // whether some object exists
  kIndex,       // a value of an index
  kRange,       // a range of an index
  kMembership,  // which objects the type has
  kElsewhere,   // places beyond the limit, together
};
std::string_view to_string(ConflictKind kind);

// How many commits conflicted on one field, one index, or one type.
struct ConflictCount {
  ConflictKind kind = ConflictKind::kField;
  TypeName type;     // empty for kElsewhere
  std::string name;  // of the field or index; empty for the kinds that have none
  std::uint64_t count = 0;

  friend bool operator==(const ConflictCount&, const ConflictCount&) = default;
};
// "todo.Task.priority (field): 12"
std::string to_string(const ConflictCount& count);

// Places that are counted apart; conflicts on others count as one place, kElsewhere.
inline constexpr std::size_t kConflictPlacesMax = 4096;

// Belongs to one thread, or to the mutex of its owner.
class ConflictCounters {
 public:
  explicit ConflictCounters(std::size_t places_max = kConflictPlacesMax)
      : places_max_(places_max) {}

  void add(const ConflictKey& key);

  // By count, the largest first; equal ones by name. What the catalog does not know has its number
  // for a name.
  std::vector<ConflictCount> counts(const Catalog& catalog) const;

 private:
  struct Place {
    ConflictKind kind = ConflictKind::kElsewhere;
    std::uint32_t container = 0;  // a TypeId, or an IndexId for the kinds of indexes
    std::uint32_t field = 0;      // a FieldId, for kField

    friend bool operator==(const Place&, const Place&) = default;
    friend std::size_t hash_value(const Place& place) noexcept {
      const std::uint64_t bits = std::uint64_t{place.container} << 32 | place.field;
      return static_cast<std::size_t>((bits * 8 + static_cast<std::uint64_t>(place.kind)) *
                                      0x9E3779B97F4A7C15ull);
    }
  };
  static Place place_of(const ConflictKey& key);
  static ConflictCount describe(const Place& place, std::uint64_t count, const Catalog& catalog);

  std::size_t places_max_;
  boost::unordered_flat_map<Place, std::uint64_t> counts_;
};

}  // namespace odb
