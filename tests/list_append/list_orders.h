// ListOrders: in which order each list was appended to, as the reads tell, and what is wrong with
// them without looking at any cycle.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "list_append/anomaly.h"
#include "list_append/history.h"

namespace odb::list_append {

using TransactionIndex = std::size_t;  // into History::transactions

// What a transaction saw of a list before it appended to it.
struct ListRead {
  TransactionIndex reader;
  std::size_t length = 0;  // that many elements of the order
};

struct ListOrder {
  std::vector<Element> elements;  // the longest that anybody read
  std::vector<ListRead> reads;    // but those that fit nothing
  // Committed, and seen by nobody: their elements come after all others.
  std::vector<std::pair<TransactionIndex, Element>> unseen;
  bool is_sound = true;  // else no dependencies can be told from it
};

class ListOrders {
 public:
  explicit ListOrders(const History& history);

  const std::map<ListId, ListOrder>& lists() const { return lists_; }
  // Of a transaction that took effect; nothing for elements of no, or a failed, transaction.
  std::optional<TransactionIndex> writer(ListId list, Element element) const;
  // Committed; or of unknown outcome, but something that it appended was seen.
  bool took_effect(TransactionIndex index) const;
  const std::vector<Anomaly>& anomalies() const { return anomalies_; }

 private:
  struct Appended {
    TransactionIndex writer;
    bool is_last = false;  // of its transaction's appends to the list
    bool is_seen = false;
  };
  struct RawRead {
    std::optional<TransactionIndex> reader;  // nothing: the list in the end
    std::vector<Element> elements;           // without the reader's own
  };

  void collect_appends();
  void collect_reads();
  void collect_reads_of(TransactionIndex index);
  void order(ListId list, const std::vector<RawRead>& reads);
  void check_elements(ListId list, const RawRead& read);
  void check_in_the_end();
  void find_unseen();
  void add(Phenomenon phenomenon, const std::string& text);
  std::string name_of(std::optional<TransactionIndex> reader) const;

  const History& history_;
  std::map<ListId, std::map<Element, Appended>> appended_;
  std::map<ListId, std::vector<RawRead>> reads_;
  std::map<ListId, ListOrder> lists_;
  std::vector<bool> is_seen_;  // by transaction: anything that it appended
  std::vector<Anomaly> anomalies_;
};

// "[1 2 3]", the middle of long ones left out.
std::string to_string(const std::vector<Element>& elements);

}  // namespace odb::list_append
