#include "odb/core/conflict_counters.h"

#include <algorithm>
#include <tuple>
#include <variant>

namespace odb {

std::string_view to_string(ConflictKind kind) {
  switch (kind) {
    case ConflictKind::kField:
      return "field";
    case ConflictKind::kExistence:
      return "existence";
    case ConflictKind::kIndex:
      return "index";
    case ConflictKind::kRange:
      return "range";
    case ConflictKind::kMembership:
      return "membership";
    case ConflictKind::kElsewhere:
      break;
  }
  return "elsewhere";
}

std::string to_string(const ConflictCount& count) {
  const std::string number = ": " + std::to_string(count.count);
  if (count.kind == ConflictKind::kElsewhere) return "elsewhere" + number;
  std::string place = to_string(count.type);
  if (!count.name.empty()) place += "." + count.name;
  return place + " (" + std::string(to_string(count.kind)) + ")" + number;
}

ConflictCounters::Place ConflictCounters::place_of(const ConflictKey& key) {
  if (const auto* cell = std::get_if<CellRead>(&key)) {
    return {ConflictKind::kField, cell->type.value, cell->field.value};
  }
  if (const auto* existence = std::get_if<ExistenceRead>(&key)) {
    return {ConflictKind::kExistence, existence->type.value, 0};
  }
  if (const auto* index = std::get_if<IndexRead>(&key)) {
    return {ConflictKind::kIndex, index->index.value, 0};
  }
  if (const auto* range = std::get_if<IndexRangeRead>(&key)) {
    return {ConflictKind::kRange, range->index.value, 0};
  }
  return {ConflictKind::kMembership, std::get<MembershipRead>(key).type.value, 0};
}

void ConflictCounters::add(const ConflictKey& key) {
  const Place place = place_of(key);
  const auto found = counts_.find(place);
  if (found != counts_.end()) {
    ++found->second;
  } else {
    ++counts_[counts_.size() < places_max_ ? place : Place{}];
  }
}

ConflictCount ConflictCounters::describe(const Place& place, std::uint64_t count,
                                         const Catalog& catalog) {
  ConflictCount out;
  out.kind = place.kind;
  out.count = count;
  if (place.kind == ConflictKind::kElsewhere) return out;
  TypeId type_id{place.container};
  if (place.kind == ConflictKind::kIndex || place.kind == ConflictKind::kRange) {
    const CatalogIndex* index = catalog.find(IndexId{place.container});
    out.name = index == nullptr ? std::to_string(place.container) : index->name;
    type_id = index == nullptr ? TypeId{} : index->type;
  }
  const CatalogType* type = catalog.find(type_id);
  out.type = type == nullptr ? TypeName{"", std::to_string(type_id.value)} : type->name;
  if (place.kind == ConflictKind::kField) {
    const bool known = type != nullptr && place.field < type->fields.size();
    out.name = known ? type->fields[place.field].name : std::to_string(place.field);
  }
  return out;
}

std::vector<ConflictCount> ConflictCounters::counts(const Catalog& catalog) const {
  std::vector<ConflictCount> all;
  all.reserve(counts_.size());
  for (const auto& [place, count] : counts_) all.push_back(describe(place, count, catalog));
  std::sort(all.begin(), all.end(), [](const ConflictCount& a, const ConflictCount& b) {
    if (a.count != b.count) return a.count > b.count;
    return std::tie(a.type, a.name, a.kind) < std::tie(b.type, b.name, b.kind);
  });
  return all;
}

}  // namespace odb
