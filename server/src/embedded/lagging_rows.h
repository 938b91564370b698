// LaggingRows: the objects whose rows in a data directory are behind its log.
#pragma once

#include <boost/unordered/unordered_flat_set.hpp>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <span>
#include <vector>

#include "odb/server/store.h"

namespace odb::server::embedded {

// The log says what a commit did, so its rows may be written later, and those of an object that
// changes again and again only once for many commits. A pure value: it decides which rows are
// written when; whoever reads a directory applies the rest of the log to them (loading.h).
class LaggingRows {
 public:
  // They bound the memory that this takes, and what a start has to apply.
  struct Limits {
    std::size_t rows_max = 32'768;
    std::uint64_t log_bytes_max = 8 * 1024 * 1024;
  };
  // The log has what happened to the object since `behind_since`; `position` says where in it.
  struct Item {
    TouchedObject object;
    Version behind_since;
    std::uint64_t position = 0;
  };

  LaggingRows() : LaggingRows(Limits()) {}
  explicit LaggingRows(Limits limits) : limits_(limits) {}

  // An append whose first version is `first` touches `objects`, and the log grows by `log_bytes`.
  // False: they are so many that each row is better written with the append; nothing is noted.
  bool touch(std::span<const TouchedObject> objects, Version first, std::uint64_t log_bytes);
  // Those that must not stay behind any longer, the longest one first; appended to `due`.
  void take_due(std::vector<Item>& due);
  // What take_due() gave was not written, and nothing behind `durable` will be: as it was then.
  void give_back(std::span<const Item> due, Version durable);

  // With `last` the newest version of the log: up to here the rows lack nothing.
  Version complete_up_to(Version last) const;

 private:
  struct Hash {
    std::size_t operator()(const TouchedObject& touched) const {
      return hash_value(touched.object);  // of any type: no other object has it
    }
  };

  bool is_any_due() const;

  Limits limits_;
  std::uint64_t log_bytes_ = 0;
  std::deque<Item> queue_;                                  // in the order of behind_since
  boost::unordered_flat_set<TouchedObject, Hash> waiting_;  // those in the queue
};

}  // namespace odb::server::embedded
