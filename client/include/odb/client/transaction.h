// Transaction: a view that records what it read and what it wrote, and commits optimistically.
#pragma once

#include <chrono>
#include <functional>
#include <future>
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
#include "odb/client/typed_fwd.h"
#include "odb/core/changeset.h"

namespace odb {

// How a commit ended; see CommitOutcome. An Error means that nothing changed, but for
// kOutcomeUnknown.
using CommitCallback = std::function<void(const CommitOutcome&)>;

namespace detail {
class Connection;
}

// Belongs to one thread at a time. Moved, not copied. Dropped without commit it changes nothing.
//
// Reads see the snapshot and the transaction's own writes. What no loaded subscription covers is
// fetched from the server as of the transaction's version, in one round trip a read; that throws
// TooOldError when the version is older than the server's horizon.
class Transaction {
 public:
  Transaction(std::shared_ptr<detail::Connection> connection,
              std::shared_ptr<const detail::Snapshot> snapshot);
  Transaction(Transaction&&) noexcept = default;
  Transaction& operator=(Transaction&&) noexcept = default;

  Version version() const { return state_.snapshot().version(); }  // of the snapshot
  const Catalog& catalog() const { return *state_.snapshot().catalog().catalog; }

  // ---- reads; exceptions as in View, and what waiting for the server throws ----
  bool exists(ObjectRef object) { return state_.exists(object); }
  const Value& get(ObjectRef object, FieldId field) { return state_.get(object, field); }
  std::vector<ObjectRef> all(TypeId type) { return state_.all(type); }
  std::vector<ObjectRef> lookup(IndexId index, std::span<const Value> values) {
    return state_.lookup(index, values);
  }
  std::optional<ObjectRef> lookup_any(IndexId index, std::span<const Value> values);
  ObjectRef lookup_unique(IndexId index, std::span<const Value> values);
  // With a limit only the entries up to the last one given count as read.
  std::vector<ObjectRef> range(const IndexRange& range, const RangeOptions& options = {}) {
    return state_.range(range, options);
  }
  std::size_t count(const IndexRange& range) { return state_.range(range, {}).size(); }

  // ---- writes ----
  // Fields that are not given have their defaults. The reference can be used and stored at once.
  // Throws ValueError when a value does not fit or a field without default is missing.
  ObjectRef create(TypeId type, std::vector<std::pair<FieldId, Value>> fields);
  // Throws NotFoundError when the client knows that the object does not exist. A blind write: no
  // read.
  void set(ObjectRef object, FieldId field, Value value) {
    state_.set(object, field, std::move(value));
  }
  // Add to a number, append to a list, insert into or erase from a dict. Needs no read, so that
  // commits that do nothing else to the field never conflict with each other, and only the operand
  // travels. Together with set() on one field they take effect in order; reading the field
  // afterwards is a read like any other. Throws ValueError when the field's type does not have the
  // operation; the commit is refused (ValueError) when the stored value cannot take it.
  void add(ObjectRef object, FieldId field, Value amount) {
    state_.apply(object, {CellOperation::Kind::kAdd, field, std::move(amount), {}});
  }
  void append(ObjectRef object, FieldId field, Value element) {
    state_.apply(object, {CellOperation::Kind::kAppend, field, std::move(element), {}});
  }
  void insert(ObjectRef object, FieldId field, Value key, Value value) {
    state_.apply(object, {CellOperation::Kind::kInsert, field, std::move(value), std::move(key)});
  }
  void erase(ObjectRef object, FieldId field, Value key) {
    state_.apply(object, {CellOperation::Kind::kErase, field, {}, std::move(key)});
  }
  void remove(ObjectRef object) { state_.remove(object); }

  // Reads by hand: the commit conflicts when these have changed.
  void mark_read(ObjectRef object, FieldId field) { state_.mark_cell(object, field); }
  void mark_read(IndexId index, std::span<const Value> values) { state_.mark_index(index, values); }

  // ---- the typed form; implemented in typed_transaction.h. Reads and exceptions as in View ----
  template <auto Member, class T>
  detail::MemberType<Member> get(Ref<T> object);
  template <auto Member, class T>
  const Value& value(Ref<T> object);  // valid until the next write
  template <class T>
  T get(Ref<T> object);  // reads every member

  // Reads every member of every object, as the loop reaches it, and which ones there are. The loop
  // may write; an object that it removed before reaching it is left out.
  template <class T>
  TransactionObjects<T> all();
  template <class T>
  TransactionObjects<T> all(const Schema& schema);
  template <class T>
  std::vector<Ref<T>> refs();
  template <class T>
  std::vector<Ref<T>> refs(const Schema& schema);

  template <auto Member, auto... More, class... Values>
  std::vector<Ref<detail::ClassOf<Member>>> lookup(const Values&... values);
  template <class T, auto Member, auto... More, class... Values>
  std::vector<Ref<T>> lookup(const Values&... values);
  template <class T, auto... Members>
  std::vector<Ref<T>> lookup(const Where<T, Members...>& where);

  template <auto Member, auto... More, class... Values>
  std::optional<Ref<detail::ClassOf<Member>>> lookup_any(const Values&... values);
  template <class T, auto Member, auto... More, class... Values>
  std::optional<Ref<T>> lookup_any(const Values&... values);
  template <class T, auto... Members>
  std::optional<Ref<T>> lookup_any(const Where<T, Members...>& where);

  template <auto Member, auto... More, class... Values>
  Ref<detail::ClassOf<Member>> lookup_unique(const Values&... values);
  template <class T, auto Member, auto... More, class... Values>
  Ref<T> lookup_unique(const Values&... values);
  template <class T, auto... Members>
  Ref<T> lookup_unique(const Where<T, Members...>& where);

  template <auto Member, auto... More, class... Values>
  std::size_t count(const Values&... values);
  template <class T, auto Member, auto... More, class... Values>
  std::size_t count(const Values&... values);
  template <class T, auto... Members>
  std::size_t count(const Where<T, Members...>& where);

  template <auto Member, auto... More, class... Parts>
  std::vector<Ref<detail::ClassOf<Member>>> range(const Parts&... parts);
  template <class T, auto Member, auto... More, class... Parts>
  std::vector<Ref<T>> range(const Parts&... parts);
  template <class T, auto... Members>
  std::vector<Ref<T>> range(const InRange<T, Members...>& query);
  template <class T, auto... Members>
  std::size_t count(const InRange<T, Members...>& query);

  // Writes throw ValueError when a value does not fit: a number out of range, text that is not
  // UTF-8, a Ref to nothing. `schema` is needed for a struct that is defined in several.
  template <class T>
  Ref<T> create(const T& object);
  template <class T>
  Ref<T> create(const Schema& schema, const T& object);
  // Anything that converts to the member's type without narrowing: set<&Task::tags>(task, {"a",
  // "b"}).
  template <auto Member, class T, class Given = detail::MemberType<Member>>
  void set(Ref<T> object, const Given& value);
  // Sets every member, whether it differs or not.
  template <class T>
  void update(Ref<T> object, const T& value);

  // Without reading, see the dynamic form above: add<&Task::priority>(task, 1),
  // append<&Task::tags>(task, "b"), insert<&Task::scores>(task, "a", 1),
  // erase<&Task::scores>(task, "a"). A sum is checked against 64 bits at the server, against a
  // narrower member when it is read.
  template <auto Member, class T, class Given>
  void add(Ref<T> object, const Given& amount);
  template <auto Member, class T, class Given>
  void append(Ref<T> object, const Given& element);
  template <auto Member, class T, class Key, class Given>
  void insert(Ref<T> object, const Key& key, const Given& value);
  template <auto Member, class T, class Key>
  void erase(Ref<T> object, const Key& key);

  // ---- the end; each may be called once ----
  // Returns when the commit is part of the database and of this client's cache: the version, or the
  // snapshot's when nothing was written. Throws ConflictError, UniqueViolationError, ValueError,
  // ...; OutcomeUnknownError when the link or `timeout` ended first. Default: the connection's.
  Version commit(std::optional<std::chrono::milliseconds> timeout = {});
  // The same with conflicts and refusals as values.
  CommitOutcome try_commit(std::optional<std::chrono::milliseconds> timeout = {});
  // Never blocks. `done` runs on the database's background thread, or at once when nothing was
  // written. Behind more than two commits without an answer, one may wait for others to share a
  // write with: 0.1 ms at most, or until the completion returns that runs just then.
  void commit_async(CommitCallback done);
  std::future<CommitOutcome> commit_future();
  void abort() { state_.end(); }

  // What it has read and written so far. Of one that was committed only what it has read.
  ReadSet reads() const { return state_.reads(); }
  Changeset writes() const { return state_.writes(); }

  detail::TransactionState& state() { return state_; }

 private:
  // The values are moved from.
  ObjectRef create_from(TypeId type, std::span<std::pair<FieldId, Value>> fields);

  std::shared_ptr<detail::Connection> connection_;
  detail::TransactionState state_;
};

}  // namespace odb
