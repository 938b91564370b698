// What goes wrong with links and with the store, at random.
#include <chrono>

#include "cluster.h"

namespace odb::sim {

using Direction = net::MemoryLink::Direction;

bool Cluster::strikes(std::uint32_t per_100k) {
  return per_100k > 0 && below(world_.random, 100'000) < per_100k;
}

void Cluster::misfortune(Node& node) {
  Random& random = world_.random;
  const std::uint64_t step = world_.report.counts.steps;
  if (node.frozen_until != 0 && step >= node.frozen_until) {
    node.frozen_until = 0;
    node.link->unblock(Direction::kToServer);
    node.link->unblock(Direction::kToClient);
  } else if (strikes(weather_.freezes_per_100k)) {
    node.frozen_until = step + 500 + below(random, 4000);
    node.link->block(chance(random, 30) ? Direction::kToServer : Direction::kToClient);
  }
  if (strikes(weather_.breaks_per_100k)) break_link(node);
  if (node.client->is_offline() && chance(random, 1)) node.client->give_up_commits();
  if (strikes(weather_.refusals_per_100k)) refusing_until_ = step + 1 + below(random, 300);
  if (core_ != nullptr && !is_absent() && strikes(weather_.hangs_per_100k)) hang_store();
  begin_absence();
  run_former();
  replace_ended();
}

void Cluster::break_link(Node& node) {
  Random& random = world_.random;
  ++world_.report.counts.links_broken;
  const Direction direction = chance(random, 50) ? Direction::kToServer : Direction::kToClient;
  const std::size_t how = below(random, 100);
  // What is in flight is to be in flight for some time.
  if (chance(random, 40)) hanging_until_ = world_.report.counts.steps + 300 + below(random, 400);
  if (how < 15) {
    node.link->break_link();
  } else if (how < 40) {  // in the middle of what comes next
    node.link->break_at(direction, node.link->bytes_delivered(direction) + below(random, 2000));
  } else if (how < 80) {
    // The client notices, and what it has sent is on its way for some time yet.
    node.client->notice_broken_link();
  } else {
    node.client->leave();
  }
}

// ---- the store ----

void Cluster::hang_store() {
  hanging_until_ = world_.report.counts.steps + 50 + below(world_.random, 700);
  if (!store_.is_away() && chance(world_.random, 70)) store_.go_away();
}

void Cluster::run_store() {
  if (core_ == nullptr || is_store_lost_) return;
  Random& random = world_.random;
  const std::uint64_t step = world_.report.counts.steps;
  store_.set_refusing(step < refusing_until_ && !is_absent());
  if (step < hanging_until_) {
    if (store_.waiting() > 0 && below(random, 10'000) < 80) store_.tell_overdue();
    return;
  }
  if (store_.is_away()) {
    // What it had been given turns out to be there, or in part, or not at all; and sometimes only
    // later.
    if (chance(random, 80)) {
      store_.complete(below(random, store_.waiting() + 1));
      if (chance(random, 70)) store_.fail_after(0);
    }
    store_.come_back();
  }
  if (store_.has_reservation() && chance(random, 20)) store_.complete_reservation();
  if (store_.waiting() > 0 && chance(random, weather_.store_percent)) {
    store_.complete(1 + below(random, store_.waiting()));
  }
  if (store_.waiting() > 0 && below(random, 10'000) < weather_.failures_per_10k) {
    store_.fail_after(below(random, store_.waiting()));
  }
  check_grace();
}

// Looks at what the store has taken since the last call.
void Cluster::check_grace() {
  const Checker& checker = world_.checker;
  if (graced_history_ != checker.history()) {
    graced_history_ = checker.history();
    graced_ = checker.durable();
  }
  while (graced_ < checker.durable()) {
    graced_ = next(graced_);
    const Model& model = checker.model();
    if (auto wrong = world_.grace.check(model, model.record(graced_), world_.now)) {
      world_.report.fail(*wrong);
    }
  }
}

}  // namespace odb::sim
