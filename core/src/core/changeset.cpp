#include "odb/core/changeset.h"

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

}  // namespace odb
