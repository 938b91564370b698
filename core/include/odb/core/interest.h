// Interests: what a subscriber wants to hold.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "odb/core/error.h"
#include "odb/core/ids.h"
#include "odb/core/schema.h"
#include "odb/core/value.h"

namespace odb {

struct SchemaInterest {  // every type of the schema, those defined later included
  std::string schema;
  friend bool operator==(const SchemaInterest&, const SchemaInterest&) = default;
};
struct TypeInterest {
  TypeId type;
  friend bool operator==(const TypeInterest&, const TypeInterest&) = default;
};
struct IndexInterest {  // objects whose indexed fields have this value
  IndexId index;
  std::vector<Value> key;  // one value per field of the index
  friend bool operator==(const IndexInterest&, const IndexInterest&) = default;
};
struct ObjectsInterest {
  TypeId type;
  std::vector<ObjectId> objects;
  friend bool operator==(const ObjectsInterest&, const ObjectsInterest&) = default;
};

// One end of a range of values.
struct RangeBound {
  enum class Edge : std::uint8_t { kInclusive, kExclusive };

  Value value;
  Edge edge = Edge::kInclusive;
  friend bool operator==(const RangeBound&, const RangeBound&) = default;
};

// A part of an ordered index: the entries whose first fields equal `prefix` and whose next field
// lies between the bounds. Without prefix and bounds, all of it.
struct IndexRange {
  IndexId index;
  std::vector<Value> prefix;
  std::optional<RangeBound> lower;
  std::optional<RangeBound> upper;
  friend bool operator==(const IndexRange&, const IndexRange&) = default;
};
struct IndexRangeInterest {  // objects whose indexed fields lie in this range
  IndexRange range;
  friend bool operator==(const IndexRangeInterest&, const IndexRangeInterest&) = default;
};

using Interest =
    std::variant<SchemaInterest, TypeInterest, IndexInterest, ObjectsInterest, IndexRangeInterest>;

// Encoded keys from <= key < to.
struct KeySpan {
  std::string from;
  std::string to;

  bool contains(std::string_view key) const { return from <= key && key < to; }
  bool contains(const KeySpan& other) const { return from <= other.from && other.to <= to; }
  friend auto operator<=>(const KeySpan&, const KeySpan&) = default;
};

// What a query asks of an index, checked against the catalog and encoded. kUnknownIndex, or
// kWrongType and the other codes of check_fits, with a message that names type, index and field.
Result<std::string> encode_index_key(const Catalog& catalog, IndexId index,
                                     std::span<const Value> values);
Result<KeySpan> encode_index_range(const Catalog& catalog, const IndexRange& range);

// Whether names and numbers of the interest are in the catalog and its values fit.
Result<void> check_interest(const Catalog& catalog, const Interest& interest);

// The schema whose objects it is about. Requires an interest that has been checked.
const std::string& schema_of(const Catalog& catalog, const Interest& interest);

// What a subscription brings of each object.
enum class Loading : std::uint8_t {
  kEager,  // all fields
  kLazy,   // the fields that stand in indexes; others with the first commit that writes them
};

}  // namespace odb
