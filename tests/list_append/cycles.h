// Cycles of dependencies: what no serial order explains.
#pragma once

#include <vector>

#include "list_append/anomaly.h"
#include "list_append/dependency_graph.h"

namespace odb::list_append {

// One transaction before the next, in a cycle. Places between them are left out.
struct Step {
  TransactionIndex from = 0;
  Edge edge;  // to a transaction
};

struct Cycle {
  AnomalyKind kind;
  std::vector<Step> steps;
};

// For each set of transactions that are entangled with each other, a short cycle of each kind that
// it has, and not the same kind again with a weaker need.
std::vector<Cycle> find_cycles(const DependencyGraph& graph);

}  // namespace odb::list_append
