// Another server takes over: the owner stops for a while, or is cut off from the store, its lease
// runs out, and it goes on with what it believes.
#include <chrono>
#include <utility>

#include "cluster.h"

namespace odb::sim {

using Direction = net::MemoryLink::Direction;

namespace {

constexpr std::chrono::milliseconds kLease{15};

}  // namespace

bool Cluster::is_at_former(const SimConnection* connection) const {
  return former_ && connection != nullptr && connection->is_of(*former_->core);
}

bool Cluster::is_awake(const SimConnection& connection) const {
  return is_at_former(&connection) ? !former_->is_asleep : core_ != nullptr && !is_asleep_;
}

void Cluster::finish_batch(const SimConnection& connection) {
  (is_at_former(&connection) ? former_->core : core_)->finish_batch();
}

void Cluster::tell_subscribers(const SimConnection& connection) {
  (is_at_former(&connection) ? former_->core : core_)->tell_subscribers();
}

// One that stops does nothing until it wakes; one that is cut off serves on.
void Cluster::begin_absence() {
  if (core_ == nullptr || is_absent() || is_store_lost_ || crash_awaited_ || store_.is_away()) {
    return;
  }
  if (!strikes(weather_.absences_per_100k)) return;
  Random& random = world_.random;
  ++world_.report.counts.absences;
  is_asleep_ = chance(random, 60);
  lease_->cut_off(world_.now + kLease - std::chrono::microseconds(below(random, 5'000)));
  wakes_at_ = world_.now + std::chrono::microseconds(1'000 + below(random, 30'000));
}

void Cluster::run_absence() {
  if (world_.now >= lease_->lease_until()) {
    if (chance(world_.random, 5)) take_over();
  } else if (world_.now >= wakes_at_) {
    if (std::exchange(is_asleep_, false)) core_->tick(world_.now);
    lease_->reconnect();
  }
}

// What had been sent to the store is there, or in part, or not at all.
void Cluster::take_over() {
  Random& random = world_.random;
  ++world_.report.counts.take_overs;
  end_former();
  for (const auto& node : nodes_) {
    if (node->connection != nullptr) node->connection->note_taken_over();
  }
  for (const LeftBehind& left : left_behind_) left.connection->note_taken_over();
  lease_->fence();
  former_.emplace(Server{.store = std::move(lease_),
                         .core = std::move(core_),
                         .is_asleep = is_asleep_,
                         .wakes_at = wakes_at_,
                         .is_lost = false});
  is_asleep_ = false;
  store_.end_server(below(random, store_.waiting() + 1));
  check_grace();
  world_.checker.on_taken_over();
  start_server();
}

void Cluster::run_former() {
  if (!former_) return;
  Random& random = world_.random;
  // A client that hears nothing looks for another server.
  for (const auto& node : nodes_) {
    if (is_at_former(node->connection.get()) && below(random, 10'000) < 15) {
      node->client->notice_broken_link();
    }
  }
  if (former_->is_asleep) {
    if (world_.now < former_->wakes_at) return;
    former_->is_asleep = false;
    former_->core->tick(world_.now);
  }
  if (below(random, 10'000) >= 15) return;
  if (former_->is_lost || chance(random, 20)) return end_former();
  former_->is_lost = true;
  is_store_lost_ = false;
  former_->store->tell_lost();
  is_store_lost_ = false;  // of the owner that is asked for here
  former_->core->hand_over();
  former_->core->shut_down({ErrorCode::kShuttingDown, "another simulated server takes over"});
  for (const auto& node : nodes_) {
    if (is_at_former(node->connection.get())) node->connection->flush();
  }
}

void Cluster::end_former() {
  if (!former_) return;
  for (const auto& node : nodes_) {
    if (!is_at_former(node->connection.get())) continue;
    if (chance(world_.random, 50)) {
      node->link->deliver(Direction::kToClient, below(world_.random, 3000));
    }
    node->link->break_link();
    node->connection->abandon();
    node->connection.reset();
    node->frozen_until = 0;
  }
  std::erase_if(left_behind_, [&](const LeftBehind& left) {
    if (!is_at_former(left.connection.get())) return false;
    left.connection->abandon();
    return true;
  });
  former_->core.reset();
  former_.reset();
}

}  // namespace odb::sim
