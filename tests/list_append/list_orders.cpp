#include "list_append/list_orders.h"

#include <algorithm>
#include <set>
#include <string>

#include "odb/core/error.h"

namespace odb::list_append {

namespace {

std::string number(ListId list) { return "list " + std::to_string(list.value); }
std::string number(Element element) { return std::to_string(element.value); }

bool begins(const std::vector<Element>& shorter, const std::vector<Element>& longer) {
  return shorter.size() <= longer.size() &&
         std::equal(shorter.begin(), shorter.end(), longer.begin());
}

bool ends_with(const std::vector<Element>& elements, const std::vector<Element>& end) {
  return end.size() <= elements.size() && std::equal(end.rbegin(), end.rend(), elements.rbegin());
}

}  // namespace

std::string to_string(const std::vector<Element>& elements) {
  constexpr std::size_t kShown = 6;  // on each side
  std::string text = "[";
  for (std::size_t i = 0; i < elements.size(); ++i) {
    if (i == kShown && elements.size() > 2 * kShown + 1) {
      i = elements.size() - kShown;
      text += " ...";
    }
    if (i > 0) text += ' ';
    text += number(elements[i]);
  }
  return text + "]";
}

ListOrders::ListOrders(const History& history)
    : history_(history), is_seen_(history.transactions.size()) {
  collect_appends();
  collect_reads();
  for (const auto& [list, reads] : reads_) order(list, reads);
  check_in_the_end();
  find_unseen();
}

std::optional<TransactionIndex> ListOrders::writer(ListId list, Element element) const {
  const auto of_list = appended_.find(list);
  if (of_list == appended_.end()) return std::nullopt;
  const auto found = of_list->second.find(element);
  if (found == of_list->second.end()) return std::nullopt;
  const TransactionIndex index = found->second.writer;
  if (history_.transactions[index].outcome == Outcome::kFailed) return std::nullopt;
  return index;
}

bool ListOrders::took_effect(TransactionIndex index) const {
  const Outcome outcome = history_.transactions[index].outcome;
  return outcome == Outcome::kCommitted || (outcome == Outcome::kUnknown && is_seen_[index]);
}

void ListOrders::add(Phenomenon phenomenon, const std::string& text) {
  const AnomalyKind kind{phenomenon};
  anomalies_.push_back({kind, to_string(kind) + ": " + text + "\n"});
}

std::string ListOrders::name_of(std::optional<TransactionIndex> reader) const {
  return reader ? history_.transactions[*reader].name : "whoever read in the end";
}

void ListOrders::collect_appends() {
  for (TransactionIndex index = 0; index < history_.transactions.size(); ++index) {
    std::map<ListId, Appended*> last;
    for (const Operation& operation : history_.transactions[index].operations) {
      const auto* append = std::get_if<Append>(&operation);
      if (append == nullptr) continue;
      const auto [place, is_new] = appended_[append->list].try_emplace(append->element);
      ODB_CHECK(is_new);  // the program that made the history appends no element twice
      place->second = {.writer = index, .is_last = true};
      Appended*& before = last[append->list];
      if (before != nullptr) before->is_last = false;
      before = &place->second;
    }
  }
}

void ListOrders::collect_reads() {
  for (TransactionIndex i = 0; i < history_.transactions.size(); ++i) collect_reads_of(i);
  for (const auto& [list, elements] : history_.final_lists) {
    reads_[list].push_back({std::nullopt, elements});
  }
}

// What it saw from outside: of each list the first read, without its own appends. Later reads must
// show the same and what it has appended since.
void ListOrders::collect_reads_of(TransactionIndex index) {
  const Transaction& transaction = history_.transactions[index];
  std::map<ListId, std::vector<Element>> own;
  std::map<ListId, std::vector<Element>> outside;
  for (const Operation& operation : transaction.operations) {
    if (const auto* append = std::get_if<Append>(&operation)) {
      own[append->list].push_back(append->element);
      continue;
    }
    const auto& [list, elements] = std::get<Read>(operation);
    const std::vector<Element>& appended = own[list];
    if (!ends_with(elements, appended)) {
      add(Phenomenon::kInternal, transaction.name + " read " + number(list) + " as " +
                                     to_string(elements) + ", after it had appended " +
                                     to_string(appended));
      continue;
    }
    std::vector<Element> rest(elements.begin(),
                              elements.end() - static_cast<std::ptrdiff_t>(appended.size()));
    const auto [before, is_first] = outside.try_emplace(list, rest);
    if (!is_first && before->second != rest) {
      add(Phenomenon::kInternal, transaction.name + " read " + number(list) + " as " +
                                     to_string(before->second) + " and then as " + to_string(rest) +
                                     ", its own appends left out");
    }
  }
  for (auto& [list, elements] : outside) reads_[list].push_back({index, std::move(elements)});
}

void ListOrders::order(ListId list, const std::vector<RawRead>& reads) {
  ListOrder& order = lists_[list];
  const auto longest = std::max_element(
      reads.begin(), reads.end(),
      [](const RawRead& a, const RawRead& b) { return a.elements.size() < b.elements.size(); });
  order.elements = longest->elements;
  check_elements(list, *longest);
  const std::size_t known = anomalies_.size();
  for (const RawRead& read : reads) {
    if (begins(read.elements, order.elements)) {
      if (read.reader) order.reads.push_back({*read.reader, read.elements.size()});
    } else if (anomalies_.size() == known) {  // one is enough to say it
      add(Phenomenon::kIncompatibleOrder,
          name_of(read.reader) + " read " + number(list) + " as " + to_string(read.elements) +
              ", " + name_of(longest->reader) + " as " + to_string(order.elements));
      check_elements(list, read);
    }
  }
  std::set<Element> once(order.elements.begin(), order.elements.end());
  order.is_sound = once.size() == order.elements.size();

  // Who read a state in the middle of a transaction.
  for (const ListRead& read : order.reads) {
    if (read.length == 0) continue;
    const Element last = order.elements[read.length - 1];
    const auto found = appended_[list].find(last);
    if (found == appended_[list].end() || found->second.is_last) continue;
    const Transaction& writer = history_.transactions[found->second.writer];
    if (writer.outcome == Outcome::kFailed) continue;  // G1a says more
    add(Phenomenon::kG1b, name_of(read.reader) + " read " + number(list) + " with " + number(last) +
                              " at its end, in the middle of " + writer.name);
    break;
  }
}

void ListOrders::check_elements(ListId list, const RawRead& read) {
  std::set<Element> seen;
  for (const Element element : read.elements) {
    if (!seen.insert(element).second) {
      add(Phenomenon::kDuplicateElement, name_of(read.reader) + " read " + number(list) + " as " +
                                             to_string(read.elements) + ": " + number(element) +
                                             " is there twice");
      return;
    }
    const auto found = appended_[list].find(element);
    if (found == appended_[list].end()) {
      add(Phenomenon::kUnknownElement, name_of(read.reader) + " read " + number(element) + " in " +
                                           number(list) + ", which nobody appended");
      continue;
    }
    found->second.is_seen = true;
    is_seen_[found->second.writer] = true;
    const Transaction& writer = history_.transactions[found->second.writer];
    if (writer.outcome == Outcome::kFailed) {
      add(Phenomenon::kG1a, name_of(read.reader) + " read " + number(element) + " in " +
                                number(list) + ", which " + writer.name +
                                " appended, and that failed");
    }
  }
}

void ListOrders::check_in_the_end() {
  for (const auto& [list, elements] : history_.final_lists) {
    const std::set<Element> there(elements.begin(), elements.end());
    for (const auto& [element, appended] : appended_[list]) {
      const Transaction& writer = history_.transactions[appended.writer];
      if (there.contains(element) || !took_effect(appended.writer)) continue;
      const char* why = appended.is_seen                        ? "it was read before"
                        : writer.outcome == Outcome::kCommitted ? "that was acknowledged"
                                                                : "other things that it did are";
      add(Phenomenon::kLostElement, number(element) + " is not in " + number(list) +
                                        " in the end, but " + writer.name + " appended it, and " +
                                        why);
    }
  }
}

void ListOrders::find_unseen() {
  for (const auto& [list, elements] : appended_) {
    ListOrder& order = lists_[list];
    const std::set<Element> seen(order.elements.begin(), order.elements.end());
    for (const auto& [element, appended] : elements) {
      if (took_effect(appended.writer) && !seen.contains(element)) {
        order.unseen.emplace_back(appended.writer, element);
      }
    }
  }
}

}  // namespace odb::list_append
