#include "list_append/checker.h"

#include <algorithm>
#include <map>
#include <string>

#include "list_append/cycles.h"
#include "list_append/dependency_graph.h"
#include "list_append/list_orders.h"

namespace odb::list_append {

namespace {

std::string describe(const Transaction& transaction) {
  std::string text = transaction.name + ", process " + std::to_string(transaction.process.value) +
                     ", from " + std::to_string(transaction.begun.value);
  if (transaction.ended) text += " to " + std::to_string(transaction.ended->value);
  switch (transaction.outcome) {
    case Outcome::kCommitted:
      break;
    case Outcome::kFailed:
      text += ", failed";
      break;
    case Outcome::kUnknown:
      text += ", outcome unknown";
      break;
  }
  const char* separator = ": ";
  for (const Operation& operation : transaction.operations) {
    text += std::exchange(separator, "; ");
    if (const auto* append = std::get_if<Append>(&operation)) {
      text += "append " + std::to_string(append->element.value) + " to list " +
              std::to_string(append->list.value);
    } else {
      const Read& read = std::get<Read>(operation);
      text += "read list " + std::to_string(read.list.value) + " " + to_string(read.elements);
    }
  }
  return text;
}

std::string explain(const Edge& edge, const std::string& from, const std::string& to,
                    const Transaction& later) {
  const std::string list = "list " + std::to_string(edge.list.value);
  const std::string element = edge.element ? std::to_string(edge.element->value) : "?";
  switch (edge.kind) {
    case Edge::Kind::kWrite:
      return from + " appended to " + list + " before " + to + " appended " + element + " (ww)";
    case Edge::Kind::kRead:
      return from + " appended " + element + " to " + list + ", which " + to + " read (wr)";
    case Edge::Kind::kAntiRead:
      return from + " read " + list + " without " + element + ", which " + to + " appended (rw)";
    case Edge::Kind::kProcess:
      return from + " had ended before " + to + " began in the same process";
    case Edge::Kind::kRealTime:
      return from + " had ended before " + to +
             (later.strict_since == later.begun ? " began" : "'s flush began");
  }
  return {};
}

// Both read the list and then appended to it, of which one did not know.
bool is_lost_update(const Cycle& cycle, const History& history) {
  if (cycle.kind.phenomenon != Phenomenon::kGSingle || cycle.steps.size() != 2) return false;
  const ListId list = cycle.steps[0].edge.list;
  return cycle.steps[1].edge.list == list &&
         std::all_of(cycle.steps.begin(), cycle.steps.end(), [&](const Step& step) {
           const auto& operations = history.transactions[step.from].operations;
           return std::any_of(operations.begin(), operations.end(), [&](const auto& operation) {
             const auto* append = std::get_if<Append>(&operation);
             return append != nullptr && append->list == list;
           });
         });
}

Anomaly describe(const Cycle& cycle, const History& history) {
  Anomaly anomaly{cycle.kind, to_string(cycle.kind)};
  if (is_lost_update(cycle, history)) anomaly.text += " (lost update)";
  anomaly.text += ": a cycle of " + std::to_string(cycle.steps.size()) + " transactions\n";
  std::map<TransactionIndex, std::string> names;
  for (const Step& step : cycle.steps) {
    const std::string name = "T" + std::to_string(names.size() + 1);
    names.emplace(step.from, name);
    anomaly.text += "  " + name + " = " + describe(history.transactions[step.from]) + "\n";
  }
  for (const Step& step : cycle.steps) {
    const auto to = static_cast<TransactionIndex>(step.edge.to);
    anomaly.text += "  " + names[step.from] + " -> " + names[to] + ": " +
                    explain(step.edge, names[step.from], names[to], history.transactions[to]) +
                    "\n";
  }
  return anomaly;
}

}  // namespace

std::vector<Anomaly> check(const History& history) {
  const ListOrders orders(history);
  std::vector<Anomaly> anomalies = orders.anomalies();
  const DependencyGraph graph(history, orders);
  for (const Cycle& cycle : find_cycles(graph)) anomalies.push_back(describe(cycle, history));
  std::stable_sort(anomalies.begin(), anomalies.end(),
                   [](const Anomaly& a, const Anomaly& b) { return a.kind < b.kind; });
  return anomalies;
}

std::string to_string(const std::vector<Anomaly>& anomalies) {
  std::string text;
  for (const Anomaly& anomaly : anomalies) text += anomaly.text;
  return text;
}

}  // namespace odb::list_append
