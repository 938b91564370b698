// ReplayLog: the published versions that a client which comes back may have missed.
#pragma once

#include <cstddef>
#include <utility>

#include "odb/server/queue.h"
#include "odb/server/store.h"

namespace odb::server {

// Consecutive versions up to the last published one, as far back as the horizon: what is older
// cannot be told as deltas any more. Belongs to ServerCore and its thread.
class ReplayLog {
 public:
  struct Entry {
    CommitRecord record;
    bool keeps_created = false;
  };

  // Requires the version after the last one added.
  void add(CommitRecord&& record, bool keeps_created) {
    Entry& entry = entries_.emplace_back();
    entry.record = std::move(record);
    entry.keeps_created = keeps_created;
  }
  // Forgets this version and older ones.
  void trim_to(Version version) {
    while (!entries_.empty() && entries_.front().record.version <= version) entries_.pop_front();
  }

  // Whether every version after this one, up to `last`, is here.
  bool covers(Version after, Version last) const {
    if (after >= last) return after == last;
    return !entries_.empty() && entries_.front().record.version <= next(after) &&
           entries_.back().record.version >= last;
  }
  // Those after a version that it covers, in order.
  template <class Visit>
  void each_after(Version after, const Visit& visit) const {
    if (entries_.empty()) return;
    const Version first = entries_.front().record.version;
    for (std::size_t i = after < first ? 0 : after.value - first.value + 1; i < entries_.size();
         ++i) {
      visit(entries_[i]);
    }
  }
  std::size_t size() const { return entries_.size(); }

 private:
  Queue<Entry> entries_;
};

}  // namespace odb::server
