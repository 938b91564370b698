// View: a read-only snapshot of what the client holds, at one version.
#pragma once

#include <iterator>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "odb/client/detail/snapshot.h"
#include "odb/client/errors.h"
#include "odb/client/object_ref.h"
#include "odb/client/typed_fwd.h"
#include "odb/core/value.h"

namespace odb {

// Cheap to make and to copy (copies share the snapshot); may be read by many threads at once. What
// it reads stays as it is however many commits come in. While it lives the memory of its version
// does too.
//
// These members are the dynamic form, by numbers of the catalog; typed_view.h adds the typed form.
class View {
 public:
  explicit View(std::shared_ptr<const detail::Snapshot> snapshot)
      : snapshot_(std::move(snapshot)) {}

  Version version() const { return snapshot_->version(); }
  const Catalog& catalog() const { return *snapshot_->catalog().catalog; }
  const detail::Snapshot& snapshot() const { return *snapshot_; }
  const std::shared_ptr<const detail::Snapshot>& shared_snapshot() const { return snapshot_; }

  // Whether the client holds the object.
  bool exists(ObjectRef object) const;

  // Throws NotFoundError. The reference lives as long as a view of this snapshot.
  const Value& get(ObjectRef object, FieldId field) const;

  // All objects of a type, in the order of their ids.
  std::vector<ObjectRef> all(TypeId type) const;

  // Objects whose indexed fields have these values, one for each field of the index, in the order
  // of their ids. Throws SchemaError for an unknown index, ValueError for values that do not fit
  // it.
  std::vector<ObjectRef> lookup(IndexId index, std::span<const Value> values) const;
  std::optional<ObjectRef> lookup_any(IndexId index, std::span<const Value> values) const;
  // Throws NotFoundError unless there is exactly one.
  ObjectRef lookup_unique(IndexId index, std::span<const Value> values) const;

  // Objects whose indexed fields lie in the range, in the order of the index.
  std::vector<ObjectRef> range(const IndexRange& range, const RangeOptions& options = {}) const;
  // How many entries a range has; nothing of the objects is loaded.
  std::size_t count(const IndexRange& range) const;

  // Fetches what is not loaded yet of these objects, of a lazy subscription, in one round trip for
  // each type. Waits; throws TooOldError when the view is older than the horizon.
  void load(std::span<const ObjectRef> objects) const;

  // ---- the typed form; implemented in typed_view.h ----
  // Exceptions are those above, and ValueError when a stored number is out of the member's range,
  // SchemaError when T is not defined on this connection, is defined in several schemas and none is
  // named, or lacks the index.

  // One member: get<&Task::title>(task). A few loads; nothing is allocated but what the value
  // needs.
  template <auto Member, class T>
  detail::MemberType<Member> get(Ref<T> object) const;
  // The same as it is stored: no copy of a text, see Value::as_text. Lives as long as the view.
  template <auto Member, class T>
  const Value& value(Ref<T> object) const;
  // The whole struct.
  template <class T>
  T get(Ref<T> object) const;

  // Every object of a type with its reference, in the order of their ids:
  // for (auto [ref, task] : view.all<Task>()). Read one by one as the loop goes; keeps the view
  // alive.
  template <class T>
  Objects<T> all() const;
  template <class T>
  Objects<T> all(const Schema& schema) const;
  // Their references only.
  template <class T>
  std::vector<Ref<T>> refs() const;
  template <class T>
  std::vector<Ref<T>> refs(const Schema& schema) const;

  // By an index over exactly these members: lookup<&Task::status>("open"). A struct of several
  // schemas is named with its schema, lookup<&Task::status>(schema, "open"); members of a base with
  // the struct, lookup<Derived, &Base::name>("x"). Or in one piece:
  // lookup(where<&Task::status>("open")).
  template <auto Member, auto... More, class... Values>
  std::vector<Ref<detail::ClassOf<Member>>> lookup(const Values&... values) const;
  template <class T, auto Member, auto... More, class... Values>
  std::vector<Ref<T>> lookup(const Values&... values) const;
  template <class T, auto... Members>
  std::vector<Ref<T>> lookup(const Where<T, Members...>& where) const;

  template <auto Member, auto... More, class... Values>
  std::optional<Ref<detail::ClassOf<Member>>> lookup_any(const Values&... values) const;
  template <class T, auto Member, auto... More, class... Values>
  std::optional<Ref<T>> lookup_any(const Values&... values) const;
  template <class T, auto... Members>
  std::optional<Ref<T>> lookup_any(const Where<T, Members...>& where) const;

  // Throws NotFoundError unless there is exactly one.
  template <auto Member, auto... More, class... Values>
  Ref<detail::ClassOf<Member>> lookup_unique(const Values&... values) const;
  template <class T, auto Member, auto... More, class... Values>
  Ref<T> lookup_unique(const Values&... values) const;
  template <class T, auto... Members>
  Ref<T> lookup_unique(const Where<T, Members...>& where) const;

  template <auto Member, auto... More, class... Values>
  std::size_t count(const Values&... values) const;
  template <class T, auto Member, auto... More, class... Values>
  std::size_t count(const Values&... values) const;
  template <class T, auto... Members>
  std::size_t count(const Where<T, Members...>& where) const;

  // By a part of an index over exactly these members, in the order of the index:
  // range<&Task::status, &Task::priority>(prefix("open"), at_least(2), descending, limit(10)). The
  // parts are those of typed_range.h. Or in one piece: range(in_range<...>(...)).
  template <auto Member, auto... More, class... Parts>
  std::vector<Ref<detail::ClassOf<Member>>> range(const Parts&... parts) const;
  template <class T, auto Member, auto... More, class... Parts>
  std::vector<Ref<T>> range(const Parts&... parts) const;
  template <class T, auto... Members>
  std::vector<Ref<T>> range(const InRange<T, Members...>& query) const;
  // How many a range has, whatever its limit. Nothing of the objects is loaded.
  template <class T, auto... Members>
  std::size_t count(const InRange<T, Members...>& query) const;

  // Fetches what is not loaded yet of these objects of a lazy subscription, in one round trip.
  template <class T>
  void load(const std::vector<Ref<T>>& refs) const;

 private:
  std::shared_ptr<const detail::Snapshot> snapshot_;
};

}  // namespace odb
