#include "list_append/cycles.h"

#include <algorithm>
#include <array>
#include <boost/graph/adjacency_list.hpp>
#include <boost/graph/strong_components.hpp>
#include <deque>
#include <initializer_list>
#include <limits>
#include <optional>
#include <set>
#include <utility>

namespace odb::list_append {

namespace {

using Kind = Edge::Kind;

// Edges that are looked at in one search, so that one history that is all wrong ends soon.
constexpr std::size_t kTriedMax = 1'000;

class Kinds {
 public:
  Kinds(std::initializer_list<Kind> kinds) {
    for (const Kind kind : kinds) add(kind);
  }
  void add(Kind kind) { bits_ |= 1u << static_cast<unsigned>(kind); }
  bool has(Kind kind) const { return (bits_ >> static_cast<unsigned>(kind) & 1u) != 0; }
  Kinds with(Kinds others) const {
    others.bits_ |= bits_;
    return others;
  }

 private:
  unsigned bits_ = 0;
};

const Kinds kAll{Kind::kWrite, Kind::kRead, Kind::kAntiRead, Kind::kProcess, Kind::kRealTime};

// Nodes of which each comes before each other, over edges of these kinds; only sets of several.
std::vector<std::vector<Node>> entangled(const DependencyGraph& graph, Kinds kinds,
                                         const std::vector<Node>& within) {
  constexpr std::size_t kOutside = std::numeric_limits<std::size_t>::max();
  std::vector<std::size_t> place(graph.size(), kOutside);
  for (std::size_t i = 0; i < within.size(); ++i) place[within[i]] = i;
  boost::adjacency_list<boost::vecS, boost::vecS, boost::directedS> part(within.size());
  for (std::size_t i = 0; i < within.size(); ++i) {
    for (const Edge& edge : graph.from(within[i])) {
      if (kinds.has(edge.kind) && place[edge.to] != kOutside) {
        boost::add_edge(i, place[edge.to], part);
      }
    }
  }
  std::vector<std::size_t> component(within.size());
  const std::size_t count = boost::strong_components(
      part,
      boost::make_iterator_property_map(component.begin(), boost::get(boost::vertex_index, part)));
  std::vector<std::vector<Node>> sets(count);
  for (std::size_t i = 0; i < within.size(); ++i) sets[component[i]].push_back(within[i]);
  std::erase_if(sets, [](const auto& set) { return set.size() < 2; });
  return sets;
}

struct Arrival {
  Node from = 0;
  Edge edge;
};
using Path = std::vector<Arrival>;

// Searches for ways within one set of nodes.
class Search {
 public:
  Search(const DependencyGraph& graph, const std::vector<Node>& within)
      : graph_(graph), within_(within), is_inside_(graph.size()), arrivals_(graph.size()) {
    for (const Node node : within) is_inside_[node] = true;
  }

  // The shortest cycle, as transactions count, of an edge of `first` and a way back over `back`,
  // for which there is none over `not_over`.
  Path shortest_cycle(Kind first, Kinds back, std::optional<Kinds> not_over = {}) {
    Path best;
    std::size_t tried = 0;
    for (const Node node : within_) {
      for (const Edge& edge : graph_.from(node)) {
        if (edge.kind != first || !is_inside_[edge.to]) continue;
        if (++tried > kTriedMax) return best;
        if (not_over && !way(edge.to, node, *not_over).empty()) continue;
        Path path = way(edge.to, node, back);
        if (path.empty() || (!best.empty() && length(path) + 1 >= length(best))) continue;
        path.insert(path.begin(), {node, edge});
        best = std::move(path);
      }
    }
    return best;
  }

 private:
  std::size_t length(const Path& path) const {
    return static_cast<std::size_t>(std::count_if(path.begin(), path.end(), [&](const auto& step) {
      return graph_.is_transaction(step.edge.to);
    }));
  }

  Path way(Node from, Node to, Kinds kinds) {
    std::vector<Node> reached{from};
    std::deque<Node> next{from};
    arrivals_[from] = Arrival{};
    bool found = from == to;
    while (!next.empty() && !found) {
      const Node node = next.front();
      next.pop_front();
      for (const Edge& edge : graph_.from(node)) {
        if (!kinds.has(edge.kind) || !is_inside_[edge.to] || arrivals_[edge.to]) continue;
        arrivals_[edge.to] = Arrival{node, edge};
        reached.push_back(edge.to);
        found = found || edge.to == to;
        if (graph_.is_transaction(edge.to)) {
          next.push_back(edge.to);
        } else {
          next.push_front(edge.to);  // places cost nothing
        }
      }
    }
    Path path;
    if (found) {
      for (Node node = to; node != from; node = arrivals_[node]->from) {
        path.push_back(*arrivals_[node]);
      }
      std::reverse(path.begin(), path.end());
    }
    for (const Node node : reached) arrivals_[node].reset();
    return path;
  }

  const DependencyGraph& graph_;
  const std::vector<Node>& within_;
  std::vector<bool> is_inside_;
  std::vector<std::optional<Arrival>> arrivals_;
};

// From a cycle over places to one of transactions only. What leads to a place says why, what leads
// from it says where to.
std::vector<Step> without_places(const DependencyGraph& graph, Path path) {
  const auto first = std::find_if(path.begin(), path.end(), [&](const Arrival& step) {
    return graph.is_transaction(step.from);
  });
  std::rotate(path.begin(), first, path.end());
  std::vector<Step> steps;
  for (const Arrival& arrival : path) {
    if (graph.is_transaction(arrival.from)) {
      steps.push_back({arrival.from, arrival.edge});
    } else {
      steps.back().edge.to = arrival.edge.to;
      steps.back().edge.element = arrival.edge.element;
    }
  }
  return steps;
}

}  // namespace

std::vector<Cycle> find_cycles(const DependencyGraph& graph) {
  struct Level {
    Needs needs;
    Kinds order;
  };
  static const std::array<Level, 3> kLevels = {
      {{Needs::kNothing, {}},
       {Needs::kProcessOrder, {Kind::kProcess}},
       {Needs::kRealTime, {Kind::kProcess, Kind::kRealTime}}}};
  std::vector<Cycle> cycles;
  std::vector<Node> all(graph.size());
  for (Node node = 0; node < graph.size(); ++node) all[node] = node;
  for (const std::vector<Node>& set : entangled(graph, kAll, all)) {
    std::set<Phenomenon> found;
    for (const Level& level : kLevels) {
      const Kinds writes = Kinds{Kind::kWrite}.with(level.order);
      const Kinds reads = Kinds{Kind::kRead}.with(writes);
      const Kinds anti_reads = Kinds{Kind::kAntiRead}.with(reads);
      for (const std::vector<Node>& part : entangled(graph, anti_reads, set)) {
        Search search(graph, part);
        const auto look = [&](Phenomenon phenomenon, Kind first, Kinds back,
                              std::optional<Kinds> not_over = {}) {
          if (found.contains(phenomenon)) return;
          Path path = search.shortest_cycle(first, back, not_over);
          if (path.empty()) return;
          found.insert(phenomenon);
          cycles.push_back({{phenomenon, level.needs}, without_places(graph, std::move(path))});
        };
        look(Phenomenon::kG0, Kind::kWrite, writes);
        look(Phenomenon::kG1c, Kind::kRead, reads);
        look(Phenomenon::kGSingle, Kind::kAntiRead, reads);
        look(Phenomenon::kG2, Kind::kAntiRead, anti_reads, reads);
      }
    }
  }
  return cycles;
}

}  // namespace odb::list_append
