#include "odb/server/retry_turns.h"

#include <algorithm>
#include <utility>
#include <variant>

namespace odb::server {

namespace {

bool changes(const Changeset& writes, const CellRead& cell) {
  const auto change =
      std::find_if(writes.objects.begin(), writes.objects.end(), [&](const ObjectChange& each) {
        return each.object == cell.object && each.type == cell.type;
      });
  if (change == writes.objects.end()) return false;
  const auto cells = writes.cells_of(*change);
  return std::any_of(cells.begin(), cells.end(),
                     [&](const CellOperation& each) { return each.field == cell.field; });
}

}  // namespace

RetryTurns::Place RetryTurns::place_of(const ConflictKey& key) {
  const std::size_t kind = key.index();
  return std::visit([&](const auto& read) { return hash_value(read) * 8 + kind; }, key);
}

void RetryTurns::give(Turn& turn, Place place, SessionId holder, Time now) {
  turn.holder = holder;
  turn.number = ++last_number_;
  holds_[holder] = place;
  ends_.push_back({now + kTurnTime, place, turn.number});
}

// Requires that the holder of the turn does not hold it any more.
void RetryTurns::pass_on(Place place, Time now) {
  const auto found = turns_.find(place);
  Turn& turn = found->second;
  if (turn.waiting.empty()) {
    turns_.erase(found);
    return;
  }
  const SessionId next = turn.waiting.front().session;
  due_.push_back(std::move(turn.waiting.front()));
  turn.waiting.pop_front();
  waits_.erase(next);
  give(turn, place, next, now);
}

// False: too many wait.
bool RetryTurns::queue(Turn& turn, Place place, Waiter waiter) {
  if (turn.waiting.size() >= kWaitingMax) return false;
  waits_.emplace(waiter.session, place);
  turn.waiting.push_back(std::move(waiter));
  return true;
}

bool RetryTurns::wait(SessionId session, Sequence sequence, const Conflict& conflict, Time now) {
  const Place place = place_of(conflict.key);
  if (const auto held = holds_.find(session); held != holds_.end() && held->second != place) {
    end_turn(session, now);
  }
  Turn& turn = turns_[place];
  if (turn.number == 0 || turn.holder == session) {
    give(turn, place, session, now);
    return false;
  }
  return queue(turn, place, {session, sequence, conflict});
}

bool RetryTurns::hold_back(SessionId session, Sequence sequence, const CommitRequest& request,
                           Time now) {
  expire(now);  // of a turn that nobody waited for there may be one
  if (holds_.contains(session)) return false;
  for (const CellRead& cell : request.reads.cells) {
    const Place place = place_of(cell);
    const auto turn = turns_.find(place);
    if (turn == turns_.end() || !changes(request.writes, cell)) continue;
    return queue(turn->second, place, {session, sequence, std::nullopt});
  }
  return false;
}

void RetryTurns::end_turn(SessionId session, Time now) {
  const auto held = holds_.find(session);
  if (held == holds_.end()) return;
  const Place place = held->second;
  holds_.erase(held);
  pass_on(place, now);
}

void RetryTurns::release(SessionId session) {
  const auto waits = waits_.find(session);
  if (waits == waits_.end()) return;
  std::deque<Waiter>& waiting = turns_.at(waits->second).waiting;
  waits_.erase(waits);
  const auto waiter = std::find_if(waiting.begin(), waiting.end(),
                                   [&](const Waiter& each) { return each.session == session; });
  due_.push_back(std::move(*waiter));
  waiting.erase(waiter);
}

void RetryTurns::remove(SessionId session, Time now) {
  release(session);
  std::erase_if(due_, [&](const Waiter& each) { return each.session == session; });
  end_turn(session, now);
}

void RetryTurns::release_all() {
  for (auto& [place, turn] : turns_) {
    std::move(turn.waiting.begin(), turn.waiting.end(), std::back_inserter(due_));
  }
  turns_.clear();
  holds_.clear();
  waits_.clear();
  ends_.clear();
}

void RetryTurns::expire(Time now) {
  while (!ends_.empty() && ends_.front().at <= now) {
    const End end = ends_.front();
    ends_.pop_front();
    const auto turn = turns_.find(end.place);
    if (turn == turns_.end() || turn->second.number != end.number) continue;
    holds_.erase(turn->second.holder);
    pass_on(end.place, now);
  }
}

std::optional<RetryTurns::Time> RetryTurns::deadline() const {
  if (waits_.empty()) return std::nullopt;
  return ends_.front().at;
}

std::vector<RetryTurns::Waiter> RetryTurns::take_due() { return std::exchange(due_, {}); }

}  // namespace odb::server
