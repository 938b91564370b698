#include "odb/client/detail/read_trigger.h"

#include <algorithm>
#include <utility>

#include "messages.h"
#include "odb/core/key_codec.h"

namespace odb::detail {

namespace {

template <class Element>
void sort(std::vector<Element>& elements) {
  std::sort(elements.begin(), elements.end());
  elements.erase(std::unique(elements.begin(), elements.end()), elements.end());
}

template <class Element>
bool contains(const std::vector<Element>& sorted, const Element& element) {
  return std::binary_search(sorted.begin(), sorted.end(), element);
}

}  // namespace

void ReadTrigger::add(ReadSet reads, Version version) {
  if (reads.empty()) return;
  Part part{version, std::move(reads), {}};
  sort(part.reads.cells);
  sort(part.reads.existences);
  sort(part.reads.indexes);
  sort(part.reads.ranges);
  sort(part.reads.memberships);
  for (const CellRead& read : part.reads.cells) part.objects.push_back({read.type, read.object});
  for (const ExistenceRead& read : part.reads.existences) {
    part.objects.push_back({read.type, read.object});
  }
  sort(part.objects);
  parts_.push_back(std::move(part));
}

bool ReadTrigger::touches_object(const Part& part, ObjectRef object) {
  return contains(part.objects, object) ||
         contains(part.reads.memberships, MembershipRead{object.type});
}

bool ReadTrigger::touches_entry(const Part& part, const Change::IndexEntry& entry) {
  const auto& values = part.reads.indexes;
  const auto& ranges = part.reads.ranges;
  const auto first_value =
      std::lower_bound(values.begin(), values.end(), IndexRead{entry.index, {}});
  auto range = std::lower_bound(ranges.begin(), ranges.end(), IndexRangeRead{entry.index, {}, {}});
  const bool reads_values = first_value != values.end() && first_value->index == entry.index;
  const bool reads_ranges = range != ranges.end() && range->index == entry.index;
  if (!reads_values && !reads_ranges) return false;
  const std::string key = encode_key(entry.values);
  if (reads_values && contains(values, IndexRead{entry.index, key})) return true;
  for (; range != ranges.end() && range->index == entry.index; ++range) {
    if (range->from <= key && key < range->to) return true;
  }
  return false;
}

bool ReadTrigger::touches(const Part& part, const Change& change) {
  for (const Change::Object& changed : change.changed) {
    const ObjectRef object = changed.object;
    if (!contains(part.objects, object)) continue;
    for (const FieldId field : changed.fields) {
      if (contains(part.reads.cells, CellRead{object.type, field, object.object})) return true;
    }
  }
  const auto touches_whole = [&](const Change::Object& whole) {
    return touches_object(part, whole.object);
  };
  const auto touches_key = [&](const Change::IndexEntry& entry) {
    return touches_entry(part, entry);
  };
  return std::any_of(change.created.begin(), change.created.end(), touches_whole) ||
         std::any_of(change.deleted.begin(), change.deleted.end(), touches_whole) ||
         std::any_of(change.index_additions.begin(), change.index_additions.end(), touches_key) ||
         std::any_of(change.index_removals.begin(), change.index_removals.end(), touches_key);
}

bool ReadTrigger::is_touched_by(const Change& change) const {
  return std::any_of(parts_.begin(), parts_.end(), [&](const Part& part) {
    return change.version > part.version && touches(part, change);
  });
}

bool ReadTrigger::reads_any_of(const Coverage& coverage, const Catalog& catalog) const {
  const auto reads_in = [&](const Part& part) {
    const auto any = [](const auto& reads, const auto& is_covered) {
      return std::any_of(reads.begin(), reads.end(), is_covered);
    };
    return any(part.objects, [&](ObjectRef object) { return coverage.has_object(object); }) ||
           any(part.reads.indexes,
               [&](const IndexRead& read) {
                 const CatalogIndex* index = catalog.find(read.index);
                 return index != nullptr && coverage.has_key(*index, read.key);
               }) ||
           any(part.reads.ranges,
               [&](const IndexRangeRead& read) {
                 const CatalogIndex* index = catalog.find(read.index);
                 return index != nullptr && coverage.has_range(*index, {read.from, read.to});
               }) ||
           any(part.reads.memberships,
               [&](const MembershipRead& read) { return coverage.has_type(read.type); });
  };
  return std::any_of(parts_.begin(), parts_.end(), reads_in);
}

std::optional<Error> find_unwatched(const Snapshot& snapshot, const Coverage& watched,
                                    const ReadSet& reads) {
  const Catalog& catalog = *snapshot.catalog().catalog;
  const Coverage& coverage = snapshot.coverage();
  const auto is_watched = [&](ObjectRef object) {
    return coverage.has_object(object) || watched.has_object(object) ||
           snapshot.find(object.type, object.object) != nullptr;
  };
  for (const CellRead& read : reads.cells) {
    const ObjectRef object{read.type, read.object};
    if (!is_watched(object)) return not_subscribed(catalog, object);
  }
  for (const ExistenceRead& read : reads.existences) {
    const ObjectRef object{read.type, read.object};
    if (!is_watched(object)) return not_subscribed(catalog, object);
  }
  const auto unwatched = [&](TypeId type, const std::string& what) {
    return Error{ErrorCode::kNotSubscribed, what + to_string(catalog.find(type)->name) +
                                                " is not covered by any loaded subscription"};
  };
  const auto unwatched_part = [&](IndexId index) {
    return unwatched(catalog.find(index)->type,
                     "a part of index " + catalog.find(index)->name + " of ");
  };
  for (const IndexRead& read : reads.indexes) {
    const CatalogIndex& index = *catalog.find(read.index);
    if (!coverage.has_key(index, read.key) && !watched.has_key(index, read.key)) {
      return unwatched_part(read.index);
    }
  }
  for (const IndexRangeRead& read : reads.ranges) {
    const CatalogIndex& index = *catalog.find(read.index);
    const KeySpan span{read.from, read.to};
    if (!coverage.has_range(index, span) && !watched.has_range(index, span)) {
      return unwatched_part(read.index);
    }
  }
  for (const MembershipRead& read : reads.memberships) {
    if (!coverage.has_type(read.type) && !watched.has_type(read.type)) {
      return unwatched(read.type, "");
    }
  }
  return std::nullopt;
}

}  // namespace odb::detail
