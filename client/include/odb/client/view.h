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
#include "odb/core/value.h"

namespace odb {

// Cheap to make and to copy (copies share the snapshot); may be read by many threads at once. What it
// reads stays as it is however many commits come in. While it lives the memory of its version does too.
//
// These members are the dynamic form, by numbers of the catalog; typed_view.h adds the typed form.
class View {
 public:
  explicit View(std::shared_ptr<const detail::Snapshot> snapshot) : snapshot_(std::move(snapshot)) {}

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

  // Objects whose indexed fields have these values, one for each field of the index, in the order of
  // their ids. Throws SchemaError for an unknown index, ValueError for values that do not fit it.
  std::vector<ObjectRef> lookup(IndexId index, std::span<const Value> values) const;
  std::optional<ObjectRef> lookup_any(IndexId index, std::span<const Value> values) const;
  // Throws NotFoundError unless there is exactly one.
  ObjectRef lookup_unique(IndexId index, std::span<const Value> values) const;

 private:
  std::shared_ptr<const detail::Snapshot> snapshot_;
};

}  // namespace odb
