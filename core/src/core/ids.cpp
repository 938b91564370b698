#include "odb/core/ids.h"

#include <algorithm>

namespace odb {

void add_ranges(std::vector<IdRange>& ranges, const std::vector<IdRange>& more) {
  ranges.insert(ranges.end(), more.begin(), more.end());
  std::sort(ranges.begin(), ranges.end(),
            [](const IdRange& a, const IdRange& b) { return a.first < b.first; });
  std::vector<IdRange> merged;
  for (const IdRange& range : ranges) {
    const std::uint64_t end = range.first.value + range.count;
    if (!merged.empty() && merged.back().first.value + merged.back().count >= range.first.value) {
      const std::uint64_t last = merged.back().first.value + merged.back().count;
      merged.back().count = std::max(last, end) - merged.back().first.value;
    } else {
      merged.push_back(range);
    }
  }
  ranges = std::move(merged);
}

}  // namespace odb
