// Expected: what the database must contain, computed from what took effect and nothing else.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "deed.h"
#include "stage.h"

namespace odb::crash {

class Expected {
 public:
  // Everything of the stage is zero.
  explicit Expected(const Stage& stage) : stage_(stage), pair_values_(stage.pairs.size()) {}

  void apply(const Deed& deed);
  // Sentences for what the view shows otherwise, indexes included.
  void compare(const View& view, Findings& findings);
  // Items of this client, by what took effect.
  std::vector<std::pair<std::string, Ref<Item>>> items_of(int client, const View& view) const;

 private:
  void compare_pairs(const View& view, Findings& findings);
  void compare_items(const View& view, Findings& findings) const;

  const Stage& stage_;
  std::map<Ref<Counter>, std::int64_t> counters_;
  std::map<Ref<Register>, std::int64_t> registers_;
  // In which order two clients wrote is not known: any of them may have been the last.
  std::vector<std::vector<std::int64_t>> pair_values_;
  std::map<std::string, std::string> items_;  // name, group
};

// Whether look-ups in every index find exactly the objects that have these values.
void check_indexes(const View& view, Findings& findings);

// Everything that a view shows, to compare two of them.
using Content = std::map<ObjectRef, std::vector<Value>>;
Content content_of(const View& view);

}  // namespace odb::crash
