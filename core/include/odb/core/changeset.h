// Changesets, read sets and commit requests: what clients ask for and subscribers are told.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "odb/core/error.h"
#include "odb/core/ids.h"
#include "odb/core/value.h"

namespace odb {

// One operation on one cell (object, field).
struct CellOperation {
  enum class Kind : std::uint8_t {
    kSet,     // value
    kAdd,     // value: number to add
    kAppend,  // value: element to append to a list
    kInsert,  // key, value: entry of a dict
    kErase,   // key: entry of a dict
  };

  Kind kind = Kind::kSet;
  FieldId field;
  Value value;
  Value key;

  friend bool operator==(const CellOperation&, const CellOperation&) = default;
};

// What happens to one object. Its operations stand in Changeset::cells.
struct ObjectChange {
  enum class Kind : std::uint8_t {
    kCreate,  // cells: the given fields; the others have their defaults
    kUpdate,
    kDelete,
    kEnter,  // in deltas only: the object now falls under the subscriber's interests; all fields
    kLeave,  // in deltas only: it no longer does
    kEnterLazily,  // in deltas only: as kEnter, with the fields that stand in indexes
  };

  Kind kind = Kind::kUpdate;
  TypeId type;
  ObjectId object;
  std::uint32_t cells_begin = 0;
  std::uint32_t cells_count = 0;

  friend bool operator==(const ObjectChange&, const ObjectChange&) = default;
};

// At most one change an object; flat, so that reading one from the wire costs two allocations.
struct Changeset {
  std::vector<ObjectChange> objects;
  std::vector<CellOperation> cells;

  std::span<const CellOperation> cells_of(const ObjectChange& change) const {
    return std::span(cells).subspan(change.cells_begin, change.cells_count);
  }
  std::span<CellOperation> cells_of(const ObjectChange& change) {
    return std::span(cells).subspan(change.cells_begin, change.cells_count);
  }
  bool empty() const { return objects.empty(); }

  // Starts the change of one object; its cells follow through add_cell.
  void begin(ObjectChange::Kind kind, TypeId type, ObjectId object);
  void add_cell(CellOperation cell);

  friend bool operator==(const Changeset&, const Changeset&) = default;
};

// What a transaction looked at.
struct CellRead {
  TypeId type;
  FieldId field;
  ObjectId object;
  friend auto operator<=>(const CellRead&, const CellRead&) = default;
  friend std::size_t hash_value(const CellRead& read) noexcept {
    return hash_value(read.object) ^ (hash_value(read.field) << 1);
  }
};
struct ExistenceRead {
  TypeId type;
  ObjectId object;
  friend auto operator<=>(const ExistenceRead&, const ExistenceRead&) = default;
  friend std::size_t hash_value(const ExistenceRead& read) noexcept {
    return hash_value(read.object);
  }
};
struct IndexRead {  // all entries of one value of an index
  IndexId index;
  std::string key;  // canonical encoding, see key_codec.h
  friend auto operator<=>(const IndexRead&, const IndexRead&) = default;
  friend std::size_t hash_value(const IndexRead& read) noexcept {
    return std::hash<std::string>{}(read.key) ^ hash_value(read.index);
  }
};
struct IndexRangeRead {  // all entries of an index with from <= key < to
  IndexId index;
  std::string from;  // encoded keys, or parts of ones
  std::string to;
  friend auto operator<=>(const IndexRangeRead&, const IndexRangeRead&) = default;
  friend std::size_t hash_value(const IndexRangeRead& read) noexcept {
    return std::hash<std::string>{}(read.from) ^ (std::hash<std::string>{}(read.to) << 1) ^
           hash_value(read.index);
  }
};
struct MembershipRead {  // which objects a type has
  TypeId type;
  friend auto operator<=>(const MembershipRead&, const MembershipRead&) = default;
  friend std::size_t hash_value(const MembershipRead& read) noexcept {
    return hash_value(read.type);
  }
};

struct ReadSet {
  std::vector<CellRead> cells;
  std::vector<ExistenceRead> existences;
  std::vector<IndexRead> indexes;
  std::vector<IndexRangeRead> ranges;
  std::vector<MembershipRead> memberships;

  bool empty() const {
    return cells.empty() && existences.empty() && indexes.empty() && ranges.empty() &&
           memberships.empty();
  }
  friend bool operator==(const ReadSet&, const ReadSet&) = default;
};

struct CommitRequest {
  Version snapshot;  // what the transaction read
  ReadSet reads;
  Changeset writes;
  bool tries_again = false;  // after a conflict the client runs the transaction again, at once

  friend bool operator==(const CommitRequest&, const CommitRequest&) = default;
};

// Adds what `part` reads and writes; its snapshot does not count.
void append(CommitRequest& request, CommitRequest part);

// The read that is no longer true, as one of the entries of the read set. A write to an object that
// does not exist any more is an ExistenceRead.
using ConflictKey =
    std::variant<CellRead, ExistenceRead, IndexRead, IndexRangeRead, MembershipRead>;

struct Conflict {
  ConflictKey key;
  Version read;       // the loser's snapshot
  Version won;        // the version that changed it; 0 when it is older than the horizon
  std::string actor;  // whose commit that was; empty when it is older than the horizon
  ClientId client{};  // which client's, and its number there; 0 likewise
  Sequence sequence{};

  friend bool operator==(const Conflict&, const Conflict&) = default;
};

struct Accepted {
  Version version;
  friend bool operator==(const Accepted&, const Accepted&) = default;
};

// How a commit ended. An Error means that nothing changed, except kOutcomeUnknown.
using CommitOutcome = std::variant<Accepted, Conflict, Error>;

// A block should not hold more values: larger ones travel less compactly, and not at all when they
// leave fields out.
inline constexpr std::size_t kRowBlockValuesMax = std::size_t{1} << 19;

// Rows of one type in a block, row after row: values.size() = objects.size() * field_count.
struct RowBlock {
  TypeId type;
  std::uint32_t field_count = 0;
  std::vector<ObjectId> objects;
  std::vector<Value> values;

  friend bool operator==(const RowBlock&, const RowBlock&) = default;
};

}  // namespace odb
