#include "expected.h"

#include <algorithm>
#include <set>

namespace odb::crash {

namespace {

void expect_equal(std::int64_t found, std::int64_t expected, const std::string& what,
                  Findings& findings) {
  if (found == expected) return;
  findings.add(what + " is " + std::to_string(found) + " instead of " + std::to_string(expected));
}

}  // namespace

void Expected::apply(const Deed& deed) {
  for (const auto& [counter, amount] : deed.added) counters_[counter] += amount;
  if (deed.raised) ++registers_[*deed.raised];
  if (deed.paired) {
    pair_values_[static_cast<std::size_t>(deed.paired->pair)].push_back(deed.paired->value);
  }
  if (deed.created) items_[deed.created->name] = deed.created->group;
  if (deed.deleted) items_.erase(*deed.deleted);
}

void Expected::compare(const View& view, Findings& findings) {
  for (const Ref<Counter> counter : stage_.counters) {
    expect_equal(view.get<&Counter::value>(counter), counters_[counter],
                 "counter " + std::to_string(counter.object.value), findings);
  }
  for (const Ref<Register> raised : stage_.registers) {
    expect_equal(view.get<&Register::value>(raised), registers_[raised],
                 "register " + std::to_string(raised.object.value), findings);
  }
  compare_pairs(view, findings);
  compare_items(view, findings);
}

void Expected::compare_pairs(const View& view, Findings& findings) {
  for (std::size_t pair = 0; pair < stage_.pairs.size(); ++pair) {
    const std::int64_t left = view.get<&Half::value>(stage_.pairs[pair].first);
    const std::int64_t right = view.get<&Half::value>(stage_.pairs[pair].second);
    std::vector<std::int64_t>& possible = pair_values_[pair];
    expect_equal(left, right, "one half of pair " + std::to_string(pair), findings);
    const bool nobody = possible.empty() && left == 0;
    if (!nobody && std::find(possible.begin(), possible.end(), left) == possible.end()) {
      findings.add("pair " + std::to_string(pair) + " has the value " + std::to_string(left) +
                   ", which nobody gave it in the end");
    }
    // What comes later overwrites this one.
    if (!nobody) possible = {left};
  }
}

void Expected::compare_items(const View& view, Findings& findings) const {
  std::map<std::string, std::string> found;
  for (const auto& [ref, item] : view.all<Item>()) {
    if (!found.emplace(item.name, item.group).second) {
      findings.add("there are two items of the name " + item.name);
    }
  }
  for (const auto& [name, group] : items_) {
    const auto there = found.find(name);
    if (there == found.end()) {
      findings.add("item " + name + " is missing");
    } else if (there->second != group) {
      findings.add("item " + name + " is " + there->second + " instead of " + group);
    }
  }
  for (const auto& [name, group] : found) {
    if (!items_.contains(name)) findings.add("item " + name + " is there and should not be");
  }
}

std::vector<std::pair<std::string, Ref<Item>>> Expected::items_of(int client,
                                                                  const View& view) const {
  std::vector<std::pair<std::string, Ref<Item>>> items;
  const std::string beginning = std::to_string(client) + "/";
  for (const auto& [name, group] : items_) {
    if (!name.starts_with(beginning)) continue;
    if (const auto item = view.lookup_any<&Item::name>(name)) items.emplace_back(name, *item);
  }
  return items;
}

void check_indexes(const View& view, Findings& findings) {
  std::map<std::string, std::vector<Ref<Item>>> groups;
  for (const char* group : kGroups) groups[group];
  std::map<std::int64_t, std::vector<Ref<Half>>> pairs;
  std::map<std::int64_t, std::vector<Ref<Ledger>>> ledgers;
  for (const auto& [ref, item] : view.all<Item>()) {
    groups[item.group].push_back(ref);
    if (view.lookup<&Item::name>(item.name) != std::vector{ref}) {
      findings.add("index name does not find exactly item " + item.name);
    }
  }
  for (const auto& [ref, half] : view.all<Half>()) pairs[half.pair].push_back(ref);
  for (const auto& [ref, ledger] : view.all<Ledger>()) ledgers[ledger.client].push_back(ref);
  for (const auto& [group, items] : groups) {
    if (view.lookup<&Item::group>(group) != items) {
      findings.add("index group does not find exactly the items of " + group);
    }
  }
  for (const auto& [pair, halves] : pairs) {
    if (view.lookup<&Half::pair>(pair) != halves) {
      findings.add("index pair does not find exactly pair " + std::to_string(pair));
    }
  }
  for (const auto& [client, of_client] : ledgers) {
    if (view.lookup<&Ledger::client>(client) != of_client) {
      findings.add("index client does not find exactly the ledgers of " + std::to_string(client));
    }
  }
}

Content content_of(const View& view) {
  Content content;
  for (const TypeId type : view.catalog().types_of(crash_schema().name())) {
    const std::size_t fields = view.catalog().find(type)->fields.size();
    for (const ObjectRef object : view.all(type)) {
      std::vector<Value>& values = content[object];
      for (std::uint32_t i = 0; i < fields; ++i) values.push_back(view.get(object, FieldId{i}));
    }
  }
  return content;
}

}  // namespace odb::crash
