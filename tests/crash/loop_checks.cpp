// What is checked after each round.
#include <set>
#include <string>
#include <utility>

#include "list_append/checker.h"
#include "loop.h"

namespace odb::crash {

Tally Loop::check_round() {
  Database fresh = connect();
  fresh.subscribe(crash_schema());
  let_everything_end(fresh);
  const View view = fresh.view();
  check_versions(fresh);
  const Tally tally = settle(view);
  expected_->compare(view, findings_);
  check_indexes(view, findings_);
  check_index_subscriptions(view);
  check_subscribers(view);
  check_lists(view);
  for (const auto& worker : workers_) {
    worker->set_own_items(expected_->items_of(worker->number(), view));
  }
  clean_up(fresh);
  return tally;
}

void Loop::check_versions(Database& fresh) {
  if (fresh.history() != history_) findings_.add("the server has begun a new history");
  if (fresh.version() < version_) findings_.add("the server's versions went back");
  std::set<Version> versions;
  for (const auto& worker : workers_) {
    for (const Deed& deed : worker->deeds()) {
      if (!deed.version) continue;
      if (!versions.insert(*deed.version).second) {
        findings_.add("two commits were acknowledged as version " +
                      std::to_string(deed.version->value));
      }
    }
  }
  if (!versions.empty() && *versions.begin() <= version_) {
    findings_.add("a commit was acknowledged as a version that was there before");
  }
  if (!versions.empty() && *versions.rbegin() > fresh.version()) {
    findings_.add("version " + std::to_string(versions.rbegin()->value) +
                  " was acknowledged, but the server is at version " +
                  std::to_string(fresh.version().value));
  }
  version_ = fresh.version();
}

// What took effect is what left its number in a ledger.
Tally Loop::settle(const View& view) {
  Tally tally;
  for (const auto& worker : workers_) check_ledgers(*worker, view, tally);
  return tally;
}

void Loop::check_ledgers(const Worker& worker, const View& view, Tally& tally) {
  std::set<std::int64_t> done;
  for (const Ref<Ledger> ledger : view.lookup<&Ledger::client>(std::int64_t{worker.number()})) {
    for (const std::int64_t number : view.get<&Ledger::numbers>(ledger)) {
      if (!done.insert(number).second) {
        findings_.add("transaction " + std::to_string(number) + " of client " +
                      std::to_string(worker.number()) + " took effect twice");
      }
    }
  }
  tally.links_lost += worker.links_lost();
  for (const Deed& deed : worker.deeds()) {
    if (deed.noted.outcome == list_append::Outcome::kCommitted && !deed.version) {
      ++tally.looks;
      continue;
    }
    const bool is_done = done.erase(deed.number) > 0;
    switch (deed.noted.outcome) {
      case list_append::Outcome::kCommitted:
        ++tally.acknowledged;
        tally.answered_late += deed.was_interrupted ? 1 : 0;
        if (!is_done) findings_.add(deed.noted.name + " was acknowledged, but is not there");
        break;
      case list_append::Outcome::kFailed:
        ++(deed.refused_with == ErrorCode::kConflict ? tally.conflicts : tally.refused);
        if (is_done) findings_.add(deed.noted.name + " was refused, but is there");
        break;
      case list_append::Outcome::kUnknown:
        ++tally.unknown;
        tally.unknown_but_done += is_done ? 1 : 0;
        break;
    }
    if (is_done) expected_->apply(deed);
  }
  if (!done.empty()) {
    findings_.add("transaction " + std::to_string(*done.begin()) + " of client " +
                  std::to_string(worker.number()) + " is there, but was never tried");
  }
}

void Loop::check_lists(const View& view) {
  for (const auto& [list, elements] : lists_before_) {
    if (view.get<&List::elements>(list) != elements) {
      findings_.add("list " + std::to_string(list.object.value) + " of an earlier round changed");
    }
  }
  list_append::History history;
  for (const auto& worker : workers_) {
    for (const Deed& deed : worker->deeds()) history.transactions.push_back(deed.noted);
  }
  for (const Ref<List> list : round_->lists) {
    auto& elements = history.final_lists[{list.object.value}];
    for (const std::int64_t element : view.get<&List::elements>(list)) {
      elements.push_back({static_cast<std::uint64_t>(element)});
    }
  }
  for (const list_append::Anomaly& anomaly : list_append::check(history)) {
    findings_.add(anomaly.text);
  }
}

// Everybody who was there all the time has what somebody gets who comes now, and was told of each
// change once.
void Loop::check_subscribers(const View& view) {
  const Content content = content_of(view);
  std::map<ObjectRef, std::string> items;
  for (const auto& [ref, item] : view.all<Item>()) items[ref] = item.name;
  for (const auto& worker : workers_) {
    const std::string who = "client " + std::to_string(worker->number());
    worker->catch_up();
    if (content_of(worker->database().view()) != content) {
      findings_.add(who + " holds something else than a fresh client");
    }
    std::map<ObjectRef, std::string> told;
    for (const auto& [ref, item] : worker->told_items()) told[ref] = item.name;
    if (told != items) findings_.add(who + " was told of other changes than there were");
  }
}

// What the server finds by its own indexes, now and all the time.
void Loop::check_index_subscriptions(const View& view) {
  Database fresh = connect();
  fresh.define(crash_schema());
  partial_->flush();
  lazy_->flush();
  for (const char* group : kGroups) {
    fresh.subscribe(where<&Item::group>(std::string(group)));
    check_items_of(fresh, group, view);
    check_items_of(*lazy_, group, view);
  }
  check_items_of(*partial_, kGroups[0], view);
  if (partial_->view().refs<Item>().size() != view.count<&Item::group>(std::string(kGroups[0]))) {
    findings_.add("who subscribed to one group holds others");
  }
}

void Loop::check_items_of(Database& holder, const char* group, const View& view) {
  const View held = holder.view();
  const std::vector<Ref<Item>> items = held.lookup<&Item::group>(std::string(group));
  if (items != view.lookup<&Item::group>(std::string(group))) {
    findings_.add(std::string("not everybody finds the same items of ") + group);
    return;
  }
  for (const Ref<Item> item : items) {
    if (held.get<&Item::name>(item) != view.get<&Item::name>(item)) {
      findings_.add("not everybody finds the same in item " + view.get<&Item::name>(item));
    }
  }
}

}  // namespace odb::crash
