// RetryTurns: in which order transactions try again that lost on the same thing.
#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "odb/core/changeset.h"
#include "odb/core/ids.h"

namespace odb::server {

// When many transactions want one counter, one of them wins and all others lose. Were all losers
// told at once, all would run again at once, all but one in vain, and who is a little farther away
// would never win. So a loser that will try again has turns to wait for: the first one is told at
// once, every other one when the one before it has committed, or has had its time. Whoever lost
// first is next. Whoever has won and comes again at once would race with the one whose turn it is,
// and win as often: its commit waits behind the losers, too, if it changes a cell that it has read
// and that they wait for. Whoever has a turn waits for no other one, so that nobody waits for each
// other. Waiting takes kTurnTime at most for each one before, of whom there are at most
// kWaitingMax.
//
// Sans-I/O; belongs to the thread of its ServerCore.
class RetryTurns {
 public:
  using Time = std::chrono::steady_clock::time_point;
  static constexpr std::chrono::milliseconds kTurnTime{5};
  static constexpr std::size_t kWaitingMax = 64;

  // A refusal that waits, or a commit that is to be judged later.
  struct Waiter {
    SessionId session;
    Sequence sequence;
    std::optional<Conflict> conflict;  // of a refusal
  };

  bool is_empty() const { return turns_.empty(); }

  // Whether the loser has to wait. If not it is its turn, or nobody's, and it is to be told now.
  // Requires that its session does not wait already.
  bool wait(SessionId session, Sequence sequence, const Conflict& conflict, Time now);
  // Whether a commit has to wait before it is judged, behind those who lost before. Requires that
  // its session does not wait already.
  bool hold_back(SessionId session, Sequence sequence, const CommitRequest& request, Time now);
  // The session has committed, or something of it came to an end otherwise: the next one's turn.
  void end_turn(SessionId session, Time now);
  // The session does something else meanwhile: it waits no longer.
  void release(SessionId session);
  // It is gone, and is told nothing any more.
  void remove(SessionId session, Time now);
  void release_all();
  // Turns that took too long end.
  void expire(Time now);

  // When expire() has something to do; nothing while nobody waits.
  std::optional<Time> deadline() const;
  // Whose turn has come since the last call, in the order in which it came.
  std::vector<Waiter> take_due();

 private:
  // What was lost on: its hash. Two things of one hash share their turns, which costs time only.
  using Place = std::size_t;
  static Place place_of(const ConflictKey& key);

  struct Turn {
    SessionId holder;
    std::uint64_t number = 0;  // of all turns: which one this is
    std::deque<Waiter> waiting;
  };
  struct End {
    Time at;
    Place place;
    std::uint64_t number;
  };

  bool queue(Turn& turn, Place place, Waiter waiter);
  void give(Turn& turn, Place place, SessionId holder, Time now);
  void pass_on(Place place, Time now);

  boost::unordered_flat_map<Place, Turn> turns_;
  boost::unordered_flat_map<SessionId, Place> holds_;
  boost::unordered_flat_map<SessionId, Place> waits_;
  std::deque<End> ends_;  // in the order of time; of a turn that is over already there may be one
  std::uint64_t last_number_ = 0;
  std::vector<Waiter> due_;
};

}  // namespace odb::server
