// Transaction: a view that records what it read and what it wrote, and commits optimistically.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "odb/client/detail/snapshot.h"
#include "odb/client/detail/transaction_state.h"
#include "odb/client/errors.h"
#include "odb/client/object_ref.h"
#include "odb/core/changeset.h"

namespace odb {

// How a commit ended; see CommitOutcome. An Error means that nothing changed, but for kOutcomeUnknown.
using CommitCallback = std::function<void(const CommitOutcome&)>;

namespace detail {
class Connection;
}

// Belongs to one thread at a time. Moved, not copied. Dropped without commit it changes nothing.
//
// Reads see the snapshot and the transaction's own writes. A read that no loaded subscription covers
// throws NotSubscribedError: absence could not be told from ignorance.
class Transaction {
 public:
  Transaction(std::shared_ptr<detail::Connection> connection,
              std::shared_ptr<const detail::Snapshot> snapshot);
  Transaction(Transaction&&) noexcept = default;
  Transaction& operator=(Transaction&&) noexcept = default;

  Version version() const { return state_.snapshot().version(); }  // of the snapshot
  const Catalog& catalog() const { return *state_.snapshot().catalog().catalog; }

  // ---- reads; exceptions as in View, and NotSubscribedError ----
  bool exists(ObjectRef object) { return state_.exists(object); }
  const Value& get(ObjectRef object, FieldId field) { return state_.get(object, field); }
  std::vector<ObjectRef> all(TypeId type) { return state_.all(type); }
  std::vector<ObjectRef> lookup(IndexId index, std::span<const Value> values) {
    return state_.lookup(index, values);
  }
  std::optional<ObjectRef> lookup_any(IndexId index, std::span<const Value> values);
  ObjectRef lookup_unique(IndexId index, std::span<const Value> values);

  // ---- writes ----
  // Fields that are not given have their defaults. The reference can be used and stored at once. Throws
  // ValueError when a value does not fit or a field without default is missing.
  ObjectRef create(TypeId type, std::vector<std::pair<FieldId, Value>> fields);
  // Throws NotFoundError when the client knows that the object does not exist. A blind write: no read.
  void set(ObjectRef object, FieldId field, Value value) {
    state_.set(object, field, std::move(value));
  }
  void remove(ObjectRef object) { state_.remove(object); }

  // ---- the end; each may be called once ----
  // Returns when the commit is part of the database and of this client's cache: the version, or the
  // snapshot's when nothing was written. Throws ConflictError, UniqueViolationError, ValueError, ...;
  // OutcomeUnknownError when the link or `timeout` ended first. Default: the connection's.
  Version commit(std::optional<std::chrono::milliseconds> timeout = {});
  // The same with conflicts and refusals as values.
  CommitOutcome try_commit(std::optional<std::chrono::milliseconds> timeout = {});
  // Never blocks. `done` runs on the database's background thread, or at once when nothing was written.
  void commit_async(CommitCallback done);
  void abort() { state_.end(); }

  // What it has read and written so far.
  ReadSet reads() const { return state_.reads(); }
  Changeset writes() const { return state_.writes(); }

  detail::TransactionState& state() { return state_; }

 private:
  std::shared_ptr<detail::Connection> connection_;
  detail::TransactionState state_;
};

}  // namespace odb
