// What /metrics shows, from what a server says about itself. docs/metrics.md lists all of it.
#pragma once

#include <prometheus/metric_family.h>

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "odb/core/conflict_counters.h"
#include "odb/server/statistics.h"

namespace odb::server::metrics {

// Types and kinds whose conflicts are shown apart; those of others are shown together, as of type
// "other", so that the number of series stays bounded whatever programs define.
inline constexpr std::size_t kConflictSeriesMax = 256;

// Which conflicts are shown apart. The first ones that were met stay, so that no counter falls.
class ConflictSeries {
 public:
  explicit ConflictSeries(std::size_t series_max = kConflictSeriesMax) : series_max_(series_max) {}

  prometheus::MetricFamily family(const std::vector<ConflictCount>& counts);

 private:
  std::size_t series_max_;
  std::set<std::pair<std::string, std::string>> shown_;  // type, kind
};

// Those of a server that serves.
std::vector<prometheus::MetricFamily> families(const Statistics& statistics);

// Those of the process, whether it serves yet or not.
std::vector<prometheus::MetricFamily> process_families(bool is_ready);

}  // namespace odb::server::metrics
