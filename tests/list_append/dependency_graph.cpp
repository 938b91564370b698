#include "list_append/dependency_graph.h"

#include <algorithm>
#include <map>
#include <utility>

namespace odb::list_append {

namespace {

struct Event {
  Moment at;
  TransactionIndex transaction;
  enum class Kind : std::uint8_t { kBegin, kEnd } kind;
};

void sort(std::vector<Event>& events) {
  std::sort(events.begin(), events.end(),
            [](const Event& a, const Event& b) { return a.at < b.at; });
}

// What is known to have come before a moment is the chain of ends up to it.
bool has_known_end(const Transaction& transaction) {
  return transaction.ended && transaction.outcome != Outcome::kUnknown;
}

}  // namespace

DependencyGraph::DependencyGraph(const History& history, const ListOrders& orders)
    : transactions_(history.transactions.size()), edges_(transactions_) {
  for (const auto& [list, order] : orders.lists()) {
    if (order.is_sound) add_list(list, order, orders);
  }
  add_processes(history);
  add_real_time(history, orders);
}

void DependencyGraph::add(Node from, const Edge& edge) {
  if (from != edge.to) edges_[from].push_back(edge);
}

Node DependencyGraph::add_place() {
  edges_.emplace_back();
  return edges_.size() - 1;
}

void DependencyGraph::add_list(ListId list, const ListOrder& order, const ListOrders& orders) {
  using Kind = Edge::Kind;
  const auto writer_at = [&](std::size_t place) {
    return orders.writer(list, order.elements[place]);
  };
  for (std::size_t place = 1; place < order.elements.size(); ++place) {
    const auto before = writer_at(place - 1);
    const auto after = writer_at(place);
    if (before && after) add(*before, {*after, Kind::kWrite, list, order.elements[place]});
  }

  // What nobody saw was appended behind this place.
  std::optional<Node> end;
  if (!order.unseen.empty()) {
    end = add_place();
    for (const auto& [transaction, element] : order.unseen) {
      add(*end, {transaction, Kind::kWrite, list, element});
    }
    const auto last = order.elements.empty() ? std::nullopt : writer_at(order.elements.size() - 1);
    if (last) add_unseen(*last, Kind::kWrite, list, order, *end);
  }

  for (const ListRead& read : order.reads) {
    if (read.length > 0) {
      const auto writer = writer_at(read.length - 1);
      if (writer) add(*writer, {read.reader, Kind::kRead, list, order.elements[read.length - 1]});
    }
    if (read.length < order.elements.size()) {
      const auto next = writer_at(read.length);
      if (next) add(read.reader, {*next, Kind::kAntiRead, list, order.elements[read.length]});
    } else if (end) {
      add_unseen(read.reader, Kind::kAntiRead, list, order, *end);
    }
  }
}

// To all who appended what nobody saw: by way of their place, but for one of themselves, which
// would come before itself.
void DependencyGraph::add_unseen(Node from, Edge::Kind kind, ListId list, const ListOrder& order,
                                 Node place) {
  const auto& unseen = order.unseen;
  if (std::none_of(unseen.begin(), unseen.end(),
                   [&](const auto& own) { return own.first == from; })) {
    return add(from, {place, kind, list, {}});
  }
  for (const auto& [transaction, element] : unseen) add(from, {transaction, kind, list, element});
}

void DependencyGraph::add_processes(const History& history) {
  std::map<ProcessId, std::vector<Event>> processes;
  for (TransactionIndex i = 0; i < transactions_; ++i) {
    const Transaction& transaction = history.transactions[i];
    std::vector<Event>& events = processes[transaction.process];
    events.push_back({transaction.begun, i, Event::Kind::kBegin});
    if (has_known_end(transaction)) events.push_back({*transaction.ended, i, Event::Kind::kEnd});
  }
  for (auto& [process, events] : processes) {
    sort(events);
    std::optional<Node> place;
    for (const Event& event : events) {
      if (event.kind == Event::Kind::kBegin) {
        if (place) add(*place, {event.transaction, Edge::Kind::kProcess, {}, {}});
        continue;
      }
      const Node next = add_place();
      if (place) add(*place, {next, Edge::Kind::kProcess, {}, {}});
      add(event.transaction, {next, Edge::Kind::kProcess, {}, {}});
      place = next;
    }
  }
}

void DependencyGraph::add_real_time(const History& history, const ListOrders& orders) {
  std::vector<Event> events;
  for (TransactionIndex i = 0; i < transactions_; ++i) {
    const Transaction& transaction = history.transactions[i];
    // What did not take effect may have seen an old state: that may be why.
    if (transaction.strict_since && orders.took_effect(i)) {
      events.push_back({*transaction.strict_since, i, Event::Kind::kBegin});
    }
    if (has_known_end(transaction)) events.push_back({*transaction.ended, i, Event::Kind::kEnd});
  }
  sort(events);
  std::optional<Node> place;
  for (const Event& event : events) {
    if (event.kind == Event::Kind::kBegin) {
      if (place) add(*place, {event.transaction, Edge::Kind::kRealTime, {}, {}});
      continue;
    }
    const Node next = add_place();
    if (place) add(*place, {next, Edge::Kind::kRealTime, {}, {}});
    add(event.transaction, {next, Edge::Kind::kRealTime, {}, {}});
    place = next;
  }
}

}  // namespace odb::list_append
