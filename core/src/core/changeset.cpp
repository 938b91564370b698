#include "odb/core/changeset.h"

#include <iterator>
#include <utility>

namespace odb {

void Changeset::begin(ObjectChange::Kind kind, TypeId type, ObjectId object) {
  objects.push_back({kind, type, object, static_cast<std::uint32_t>(cells.size()), 0});
}

void Changeset::add_cell(CellOperation cell) {
  ODB_CHECK(!objects.empty());
  cells.push_back(std::move(cell));
  ++objects.back().cells_count;
}

namespace {

template <class Item>
void move_to_end(std::vector<Item>& to, std::vector<Item>& from) {
  to.insert(to.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
}

}  // namespace

void append(CommitRequest& request, CommitRequest part) {
  move_to_end(request.reads.cells, part.reads.cells);
  move_to_end(request.reads.existences, part.reads.existences);
  move_to_end(request.reads.indexes, part.reads.indexes);
  move_to_end(request.reads.ranges, part.reads.ranges);
  move_to_end(request.reads.memberships, part.reads.memberships);
  const auto cells = static_cast<std::uint32_t>(request.writes.cells.size());
  for (ObjectChange& change : part.writes.objects) change.cells_begin += cells;
  move_to_end(request.writes.objects, part.writes.objects);
  move_to_end(request.writes.cells, part.writes.cells);
}

}  // namespace odb
