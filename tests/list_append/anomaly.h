// Anomaly: what a history has that no correct database would have made, named as Adya and Elle do.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

namespace odb::list_append {

enum class Phenomenon : std::uint8_t {
  kInternal,           // a transaction does not see its own appends, or two states of one list
  kDuplicateElement,   // one append took effect twice
  kUnknownElement,     // read, but never appended
  kIncompatibleOrder,  // two reads of a list of which neither begins the other
  kLostElement,        // acknowledged, but not there in the end
  kG1a,                // read of an append that failed
  kG1b,                // read of a state in the middle of a transaction
  // Cycles of dependencies.
  kG0,       // of writes only: dirty writes
  kG1c,      // of writes and reads of what was written: circular information flow
  kGSingle,  // with one read of what was overwritten: lost update, read skew, stale read
  kG2,       // with several: write skew
};

// What a cycle needs on top of the data: whether it would be one in a database that promises less.
enum class Needs : std::uint8_t { kNothing, kProcessOrder, kRealTime };

struct AnomalyKind {
  Phenomenon phenomenon;
  Needs needs = Needs::kNothing;
  friend auto operator<=>(const AnomalyKind&, const AnomalyKind&) = default;
};

struct Anomaly {
  AnomalyKind kind;
  std::string text;  // lines for a person: the kind, the transactions, why each follows another
};

std::string to_string(AnomalyKind kind);  // "G-single-realtime"

}  // namespace odb::list_append
