#include "odb/server/retry_turns.h"

#include <algorithm>
#include <utility>
#include <variant>

namespace odb::server {

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

bool RetryTurns::wait(Loser loser, Time now) {
  const Place place = place_of(loser.conflict.key);
  if (const auto held = holds_.find(loser.session); held != holds_.end() && held->second != place) {
    end_turn(loser.session, now);
  }
  Turn& turn = turns_[place];
  if (turn.number == 0 || turn.holder == loser.session) {
    give(turn, place, loser.session, now);
    return false;
  }
  if (turn.waiting.size() >= kWaitingMax) return false;
  waits_.emplace(loser.session, place);
  turn.waiting.push_back(std::move(loser));
  return true;
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
  std::deque<Loser>& waiting = turns_.at(waits->second).waiting;
  waits_.erase(waits);
  const auto loser = std::find_if(waiting.begin(), waiting.end(),
                                  [&](const Loser& each) { return each.session == session; });
  due_.push_back(std::move(*loser));
  waiting.erase(loser);
}

void RetryTurns::remove(SessionId session, Time now) {
  release(session);
  std::erase_if(due_, [&](const Loser& each) { return each.session == session; });
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

std::vector<RetryTurns::Loser> RetryTurns::take_due() { return std::exchange(due_, {}); }

}  // namespace odb::server
