// ReadRecorder: what views and transactions read while a reactor's function runs.
#pragma once

#include <boost/unordered/unordered_flat_set.hpp>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "odb/client/detail/read_trigger.h"
#include "odb/client/detail/watched_interests.h"
#include "odb/client/transaction.h"

namespace odb::python {

class Session;

// Guarded by the GIL. Views and transactions keep the recorder of the thread on which they are
// made, and tell it what they read; without one, which is nearly always, that costs a null check.
class ReadRecorder {
 public:
  ReadRecorder(const Session& session, std::shared_ptr<detail::WatchedInterests> watched)
      : session_(&session), watched_(std::move(watched)) {}
  ReadRecorder(const ReadRecorder&) = delete;
  ReadRecorder& operator=(const ReadRecorder&) = delete;

  // That of the function that runs on this thread; null outside of one, and for what belongs to
  // another connection than the reactor's.
  static std::shared_ptr<ReadRecorder> of_this_thread(const Session& session);

  void add(Version version, const CellRead& read) { parts_[version].cells.insert(read); }
  void add(Version version, const ExistenceRead& read) { parts_[version].existences.insert(read); }
  void add(Version version, IndexRead read) { parts_[version].indexes.insert(std::move(read)); }
  void add(Version version, IndexRangeRead read) { parts_[version].ranges.insert(std::move(read)); }
  void add(Version version, const MembershipRead& read) {
    parts_[version].memberships.insert(read);
  }
  // All that a transaction has read. What it fetched is subscribed to, which waits; then it returns
  // true, and the run is not settled until settle() says that the transaction has committed.
  bool add(Transaction& transaction);
  void settle() { --unsettled_; }
  // Else what was fetched may have changed before the subscription to it was there.
  bool is_settled() const { return unsettled_ == 0; }

  // Raises when something was marked as read that no subscription covers: nobody would tell of a
  // change.
  detail::ReadTrigger take_trigger();

 private:
  struct Part {
    boost::unordered_flat_set<CellRead> cells;
    boost::unordered_flat_set<ExistenceRead> existences;
    boost::unordered_flat_set<IndexRead> indexes;
    boost::unordered_flat_set<IndexRangeRead> ranges;
    boost::unordered_flat_set<MembershipRead> memberships;
  };

  const Session* const session_;
  const std::shared_ptr<detail::WatchedInterests> watched_;
  int unsettled_ = 0;
  std::map<Version, Part> parts_;  // of views
  detail::ReadTrigger of_transactions_;
  std::optional<Error> unwatched_;
};

// The recorder of a thread while it lives; nests.
class Recording {
 public:
  explicit Recording(std::shared_ptr<ReadRecorder> recorder);
  ~Recording();
  Recording(const Recording&) = delete;
  Recording& operator=(const Recording&) = delete;

  ReadRecorder& recorder() const { return *recorder_; }

 private:
  friend class ReadRecorder;

  const std::shared_ptr<ReadRecorder> recorder_;
  Recording* const outer_;
};

}  // namespace odb::python
