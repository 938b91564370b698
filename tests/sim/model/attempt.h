// Attempt: one transaction as its program saw it, and what became of it.
#pragma once

#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "model/model.h"
#include "odb/core/index_scan.h"

namespace odb::sim {

struct OwnWrite {
  ObjectChange::Kind kind;
  ObjectRef object;
  std::vector<CellOperation> cells;
};

// An answer that the program got.
struct Observation {
  enum class Kind : std::uint8_t { kCell, kExistence, kLookup, kRange, kMembership };

  Kind kind;
  ObjectRef object;               // kCell, kExistence
  FieldId field;                  // kCell
  std::optional<Value> value;     // kCell; nothing: the object does not exist
  bool exists = false;            // kExistence
  IndexId index;                  // kLookup
  std::vector<Value> key;         // kLookup
  IndexRange range;               // kRange
  RangeOptions options;           // kRange
  TypeId type;                    // kMembership
  std::vector<ObjectId> found;    // kLookup, kRange, kMembership
  std::size_t writes_before = 0;  // own writes that the answer takes into account
};

struct Attempt {
  ClientId client;
  std::string actor;
  HistoryId history;  // of its snapshot
  Sequence sequence;
  Version acknowledged_before;  // the greatest version acknowledged to anybody before it began
  std::vector<Observation> observations;
  std::vector<OwnWrite> writes;
  CommitRequest request;

  // What the checker learns about it.
  std::uint64_t troubles_before = 0;  // of the store, when it was submitted
  std::optional<Version> committed;   // its place in the log
  bool is_appended = false;           // to the store, and neither stored nor failed
  bool append_failed = false;
  bool is_overdue = false;      // the store took too long to confirm it
  bool answered = false;        // by the server
  bool called_unknown = false;  // by the server
  bool told_refused = false;    // its client knows that it surely took no effect
  bool may_return = false;      // its client reconnects, so that it may be sent several times
  std::uint64_t copies = 0;     // of it that reached the server
};

// The state at a version with a transaction's first writes on top.
class Overlay {
 public:
  Overlay(const Model& model, Version version, std::span<const OwnWrite> writes);

  // A write to an object that does not exist leaves its fields unknown.
  bool is_known(ObjectRef object) const { return !unknown_.contains(object); }
  bool knows_all(TypeId type) const;
  const Fields* find(ObjectRef object) const;
  std::vector<ObjectId> all(TypeId type) const;
  KeyedObjects range(const CatalogIndex& index, const KeySpan& span) const;
  std::vector<ObjectId> lookup(const CatalogIndex& index, std::span<const Value> key) const;

 private:
  void write(const OwnWrite& write);

  const Model& model_;
  Version version_;
  std::map<ObjectRef, std::optional<Fields>> written_;
  std::set<ObjectRef> unknown_;
};

// Nothing when the same question gets the same answer at `version`; else a sentence.
std::optional<std::string> differs(const Model& model, Version version,
                                   const Observation& observation,
                                   std::span<const OwnWrite> writes);

}  // namespace odb::sim
