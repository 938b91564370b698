// check(): judges a history of appends to lists in the manner of Elle (Kingsbury and Alvaro, VLDB
// 2020): from what was read it tells in which order each list was appended to, from that which
// transaction must have come before which, and where these orders go in a circle.
#pragma once

#include <vector>

#include "list_append/anomaly.h"
#include "list_append/history.h"

namespace odb::list_append {

// What odb promises: transactions that write are strictly serialisable; those that only read are
// serialisable at their snapshot, after what had ended when their flush began; each process's own
// order holds. Empty: nothing in the history speaks against it. Requires that no element is
// appended twice to a list. Takes time and memory in proportion to the history, when it is right.
std::vector<Anomaly> check(const History& history);

// All texts, one after the other; empty without anomalies.
std::string to_string(const std::vector<Anomaly>& anomalies);

}  // namespace odb::list_append
