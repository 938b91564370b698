// WriteSet: what a transaction writes.
#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <boost/unordered/unordered_flat_set.hpp>
#include <cstddef>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "odb/client/object_ref.h"
#include "odb/core/changeset.h"

namespace odb::detail {

// A Changeset that grows, in the order of first writes. Objects with ascending identities, as those
// have that are created one after the other, are neither searched for nor indexed; the cells of an
// object that is written to again behind others move to the end.
class WriteSet {
 public:
  using Place = std::size_t;  // of an object; stays as it is

  // What is written to one object. Valid until the next write.
  struct Write {
    ObjectChange::Kind kind = ObjectChange::Kind::kUpdate;
    bool created_here = false;
    ObjectRef object;
    // Of one field at most one set, which comes first.
    std::span<const CellOperation> cells;

    // What was set, all later operations folded in; null when nothing was.
    const Value* find_set(FieldId field) const;
    bool touches(FieldId field) const;
  };

  // Objects that were created and deleted again count here, and are no writes.
  std::size_t size() const { return changes_.objects.size(); }
  bool has_changes() const { return size() > undone_.size(); }
  Changeset changes() const;
  // The same, after which it is of no more use.
  Changeset take();
  std::size_t cells_held() const { return changes_.cells.size(); }  // with those of no use any more

  std::optional<Place> find(ObjectId object) const;
  Write at(Place place) const;
  std::span<CellOperation> cells(Place place) { return changes_.cells_of(changes_.objects[place]); }

  Place find_or_add(ObjectRef object);
  // With these cells and no others. The values are moved from.
  void create(ObjectRef object, std::span<std::pair<FieldId, Value>> fields);
  void remove(Place place);
  // In place of everything that was to be done to the field.
  void set(Place place, FieldId field, Value value);
  void add_cell(Place place, CellOperation cell);

 private:
  bool is_created_here(const ObjectChange& change) const {
    return change.kind == ObjectChange::Kind::kCreate ||
           (change.kind == ObjectChange::Kind::kDelete && undone_.contains(change.object));
  }
  // As changes() gives it.
  bool is_compact() const { return unused_cells_ == 0 && in_order_ && undone_.empty(); }
  void clear_cells(ObjectChange& change);
  void drop_unused_cells();

  static constexpr std::size_t kFew = 8;

  Changeset changes_;
  std::size_t unused_cells_ = 0;  // of no object any more
  bool in_order_ = true;          // cells stand in the order of their objects
  ObjectId highest_;
  boost::unordered_flat_set<ObjectId> undone_;  // created and deleted again
  // Beyond the first few, which are looked through; of those up to indexed_.
  mutable boost::unordered_flat_map<ObjectId, Place> places_;
  mutable Place indexed_ = kFew;
};

}  // namespace odb::detail
