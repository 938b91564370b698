// Report: what a run found and how much it did.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace odb::sim {

struct Counts {
  std::uint64_t committed = 0;
  std::uint64_t conflicts = 0;
  std::uint64_t unavailable = 0;
  std::uint64_t unique_violations = 0;
  std::uint64_t unknown_objects = 0;  // writes to what was not there at the snapshot either
  std::uint64_t too_old = 0;
  std::uint64_t unknown = 0;         // the client is never told the outcome
  std::uint64_t not_sent = 0;        // the link ended before the commit was sent
  std::uint64_t not_subscribed = 0;  // reads that nothing covered
  std::uint64_t read_only = 0;
  std::uint64_t reads = 0;
  std::uint64_t clients = 0;
  std::uint64_t links_broken = 0;
  std::uint64_t attached_again = 0;  // clients that reconnect
  std::uint64_t loaded_again = 0;    // of these, those that had missed too much
  std::uint64_t slow_subscribers = 0;
  std::uint64_t appends_failed = 0;      // versions
  std::uint64_t times_away = 0;          // of the store
  std::uint64_t overdue = 0;             // versions that the store did not confirm in time
  std::uint64_t arrived_late = 0;        // of these, those that were stored in the end
  std::uint64_t crashes = 0;             // of the server
  std::uint64_t stops = 0;               // in good order
  std::uint64_t absences = 0;            // of a server, from its store
  std::uint64_t take_overs = 0;          // by another one
  std::uint64_t half_persisted = 0;      // crashes that left a part of what waited in the store
  std::uint64_t histories = 0;           // begun because versions were lost
  std::uint64_t resumed_over_crash = 0;  // clients that found the next server where they were
  // Commits that reached a server again: when the first copy had taken effect, when the store had
  // not confirmed it yet, when it had come to nothing.
  std::uint64_t resent_after_effect = 0;
  std::uint64_t resent_while_pending = 0;
  std::uint64_t resent_without_effect = 0;
  std::uint64_t late_copies = 0;          // commits that arrive when a newer session has taken over
  std::uint64_t of_an_ended_history = 0;  // commits that were not sent for that
  std::uint64_t subscriptions = 0;
  std::uint64_t unsubscriptions = 0;
  std::uint64_t loads = 0;             // of what was not covered, or not loaded
  std::uint64_t ended_with_owner = 0;  // objects that went with the connection which owned them
  std::uint64_t caches_checked = 0;
  std::uint64_t snapshots_reread = 0;
  std::uint64_t changes_checked = 0;
  std::uint64_t steps = 0;

  // Transactions that the server decided on.
  std::uint64_t decided() const {
    return committed + conflicts + unavailable + unique_violations + unknown_objects + too_old;
  }
  void add(const Counts& other);
  std::string to_string() const;
};

// The first failure stays: what follows it may be its consequence.
class Report {
 public:
  void fail(std::string what) {
    if (!failure_ && !ignores_failures_) failure_ = std::move(what);
  }
  // From now on, because somebody else is to notice.
  void ignore_failures() { ignores_failures_ = true; }
  bool failed() const { return failure_.has_value(); }
  const std::string& failure() const { return *failure_; }

  Counts counts;

 private:
  std::optional<std::string> failure_;
  bool ignores_failures_ = false;
};

}  // namespace odb::sim
