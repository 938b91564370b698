// The server's life: it stops or dies, and another one begins with what the store has.
#include <chrono>

#include "cluster.h"
#include "odb/server/database.h"

namespace odb::sim {

using Direction = net::MemoryLink::Direction;

void Cluster::start_server() {
  ++world_.servers;
  lease_ = std::make_unique<LeasedStore>(store_, world_, options_.lease_fault);
  const HistoryId fresh{options_.seed, world_.servers};
  auto database = server::open_database(*lease_, fresh, weather_.limits);
  if (!database) return world_.report.fail("no server begins: " + database.error().message);
  // As a server does that finds nothing.
  if ((*database)->ids_below == ObjectId{1} && world_.servers > 1) {
    (*database)->ids_below = ObjectId{world_.servers << 24};
  }
  world_.checker.on_started((*database)->history, (*database)->state.version());
  world_.grace.on_server_started(world_.now);
  const CommitEngine& engine = options_.engine == nullptr ? engine_ : *options_.engine;
  core_ = std::make_unique<server::ServerCore>(
      server::CoreParts{.tokens = tokens_,
                        .store = *lease_,
                        .engine = engine,
                        .policy = policy_,
                        .limits = weather_.limits,
                        .snapshot_piece = weather_.snapshot_piece,
                        .utc_ns = [this] { return world_.now.time_since_epoch().count(); },
                        .on_store_lost = [this](const Error&) { is_store_lost_ = true; },
                        .when_lost = weather_.absences_per_100k > 0 ? server::WhenLost::kHandOver
                                                                    : server::WhenLost::kUnknown,
                        .gathers_deltas = chance(world_.random, 70)},
      *std::move(database));
  core_->tick(world_.now);
}

void Cluster::run_server_life() {
  if (is_absent()) {
    run_absence();
  } else if (core_ == nullptr) {
    if (world_.report.counts.steps >= down_until_) start_server();
  } else if (is_store_lost_) {
    // Its operator, or its main program, ends it.
    if (chance(world_.random, 5)) crash_server();
  } else if (is_crash_due()) {
    if (weather_.durability == Weather::Durability::kWeak && chance(world_.random, 70)) {
      lose_store();
    } else {
      crash_server();
    }
  } else if (strikes(weather_.stops_per_100k)) {
    stop_server();
  }
}

// Most crashes come at a moment that hurts: several versions are on their way to the disk.
bool Cluster::is_crash_due() {
  if (!crash_awaited_ && strikes(weather_.crashes_per_100k)) {
    crash_awaited_ = true;
    hanging_until_ = world_.report.counts.steps + 50 + below(world_.random, 150);
  }
  if (!crash_awaited_) return false;
  const bool is_due = world_.report.counts.steps >= hanging_until_ ||
                      (store_.waiting() >= 2 && chance(world_.random, 5));
  if (is_due) crash_awaited_ = false;
  return is_due;
}

// Its store's machine went down and is up again, with less than it had confirmed.
void Cluster::lose_store() {
  if (!store_.is_away()) store_.go_away();
  if (chance(world_.random, 50)) {
    store_.tell_lost();
  } else {
    crash_server();
  }
}

void Cluster::stop_server() {
  ++world_.report.counts.stops;
  // It waits for its store, but not for ever.
  if (!store_.is_away() && chance(world_.random, 80)) store_.complete(store_.waiting());
  check_grace();
  core_->shut_down();
  for (const auto& node : nodes_) {
    if (node->connection != nullptr) node->connection->flush();
    if (chance(world_.random, 80)) node->link->deliver_all(Direction::kToClient);
  }
  end_server();
}

void Cluster::crash_server() {
  ++world_.report.counts.crashes;
  end_server();
}

void Cluster::end_server() {
  Random& random = world_.random;
  end_former();
  for (const auto& node : nodes_) {
    // What had left the server may still arrive, as far as it comes.
    if (chance(random, 50)) node->link->deliver(Direction::kToClient, below(random, 3000));
    node->link->break_link();
    if (node->connection != nullptr) node->connection->abandon();
    node->connection.reset();
    node->frozen_until = 0;
  }
  for (const LeftBehind& left : left_behind_) left.connection->abandon();
  left_behind_.clear();
  core_.reset();
  lease_.reset();
  const std::size_t waiting = store_.waiting();
  const std::size_t kept = chance(random, 30) ? waiting : below(random, waiting + 1);
  if (kept > 0 && kept < waiting) ++world_.report.counts.half_persisted;
  store_.end_server(kept);
  check_grace();
  forget();
  is_store_lost_ = false;
  hanging_until_ = 0;
  down_until_ = world_.report.counts.steps + below(random, 200);
}

void Cluster::forget() {
  Random& random = world_.random;
  switch (weather_.durability) {
    case Weather::Durability::kStrict:
      return;
    case Weather::Durability::kWeak:
      // A store that finds itself as it was says nothing.
      if (!chance(random, 60)) return;
      return store_.forget_after(
          Version{store_.version().value -
                  below(random, std::min<std::uint64_t>(store_.version().value, 12) + 1)});
    case Weather::Durability::kNone:
      return store_.forget_all();
  }
}

}  // namespace odb::sim
