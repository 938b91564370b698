// DependencyGraph: which transaction must come before which, and why.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "list_append/list_orders.h"

namespace odb::list_append {

// A transaction, or a place between transactions that only passes an order on.
using Node = std::size_t;  // transactions first, by their index

struct Edge {
  enum class Kind : std::uint8_t {
    kWrite,     // ww: appended after the other did
    kRead,      // wr: saw what the other appended
    kAntiRead,  // rw: did not see what the other appended
    kProcess,   // ended before the next of its process began
    kRealTime,  // ended before anybody's next began
  };

  Node to = 0;
  Kind kind = Kind::kWrite;
  ListId list;                     // of the first three
  std::optional<Element> element;  // the one that `to` appended, or saw; nothing on the way to
                                   // a place
};

// Grows with the operations: real time is a chain of places, one for each end of a transaction.
class DependencyGraph {
 public:
  DependencyGraph(const History& history, const ListOrders& orders);

  std::size_t size() const { return edges_.size(); }
  const std::vector<Edge>& from(Node node) const { return edges_[node]; }
  bool is_transaction(Node node) const { return node < transactions_; }

 private:
  void add(Node from, const Edge& edge);
  Node add_place();
  void add_list(ListId list, const ListOrder& order, const ListOrders& orders);
  void add_unseen(Node from, Edge::Kind kind, ListId list, const ListOrder& order, Node place);
  void add_processes(const History& history);
  void add_real_time(const History& history, const ListOrders& orders);

  const std::size_t transactions_;
  std::vector<std::vector<Edge>> edges_;
};

}  // namespace odb::list_append
