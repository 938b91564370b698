// A history: what programs did to lists and what they saw, to be judged by check().
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "odb/core/ids.h"

namespace odb::list_append {

using ListId = StrongId<struct ListIdTag, std::uint64_t>;
using Element = StrongId<struct ElementTag, std::uint64_t>;      // of a list: appended at most once
using ProcessId = StrongId<struct ProcessIdTag, std::uint64_t>;  // one client, one program
// A place in one order of everything that any program noticed. No two things have the same.
using Moment = StrongId<struct MomentTag, std::uint64_t>;

// Hands out moments. May be asked by any thread; what happens after now() returned, anywhere, gets
// later ones.
class Clock {
 public:
  Moment now() { return Moment{++last_}; }

 private:
  std::atomic<std::uint64_t> last_ = 0;
};

struct Append {
  ListId list;
  Element element;
};
struct Read {
  ListId list;
  std::vector<Element> elements;  // the transaction's own appends included
};
using Operation = std::variant<Append, Read>;

enum class Outcome : std::uint8_t {
  kCommitted,
  kFailed,   // surely not committed: a conflict, or refused
  kUnknown,  // committed if somebody saw what it appended
};

// Those of one process may overlap; its order counts where one had ended when the next began.
struct Transaction {
  std::string name;  // how a report calls it
  ProcessId process;
  Moment begun;                        // before its snapshot was taken
  std::optional<Moment> ended;         // when its program knew the outcome
  std::optional<Moment> strict_since;  // it comes after everything that had ended by then: its
                                       // begin when it writes, its flush's begin when it only reads
  Outcome outcome = Outcome::kUnknown;
  std::vector<Operation> operations;  // in order
};

struct History {
  std::vector<Transaction> transactions;
  std::map<ListId, std::vector<Element>> final_lists;  // read when everything had ended
};

}  // namespace odb::list_append
