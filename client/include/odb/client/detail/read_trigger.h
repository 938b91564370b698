// ReadTrigger: decides whether a commit touches what was read. No threads, no connection.
#pragma once

#include <optional>
#include <vector>

#include "odb/client/database.h"
#include "odb/client/detail/snapshot.h"
#include "odb/core/changeset.h"

namespace odb::detail {

// What one or several transactions read, each at its version. A commit touches it when it is newer
// and
//   - writes a cell that was read,
//   - creates or deletes an object of which a cell or the existence was read,
//   - adds an entry to an index, or removes one, under a value or in a range that was read,
//   - creates or deletes an object of a type whose objects were listed.
// Objects that enter or leave what the client is subscribed to count as created and deleted.
class ReadTrigger {
 public:
  void add(ReadSet reads, Version version);
  bool empty() const { return parts_.empty(); }
  bool is_touched_by(const Change& change) const;
  // Whether a read lies in what is covered.
  bool reads_any_of(const Coverage& coverage, const Catalog& catalog) const;

 private:
  struct Part {
    Version version;
    ReadSet reads;                   // each list sorted
    std::vector<ObjectRef> objects;  // of cells and existences; sorted
  };

  static bool touches_object(const Part& part, ObjectRef object);
  static bool touches_entry(const Part& part, const Change::IndexEntry& entry);
  static bool touches(const Part& part, const Change& change);

  std::vector<Part> parts_;
};

// A read of whose changes the server does not tell this client, because neither a loaded
// subscription nor `watched` covers it. Nothing when there is none.
std::optional<Error> find_unwatched(const Snapshot& snapshot, const Coverage& watched,
                                    const ReadSet& reads);

}  // namespace odb::detail
