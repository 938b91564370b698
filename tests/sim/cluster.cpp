#include "cluster.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <exception>
#include <utility>

#include "model/server_check.h"

namespace odb::sim {

namespace {

using Direction = net::MemoryLink::Direction;

constexpr std::uint64_t kStepsMax = 200'000;
constexpr int kRestRoundsMax = 2'000;
constexpr std::chrono::milliseconds kTickInterval{5};
const std::array<const char*, 3> kActors = {"alice", "bob", "carol"};

std::string token_of(const std::string& actor) { return "the simulated token of " + actor; }

net::TokenTable make_tokens() {
  std::vector<net::NamedToken> tokens;
  for (const char* actor : kActors) tokens.push_back({actor, token_of(actor)});
  auto table = net::TokenTable::create(std::move(tokens));
  ODB_CHECK(table.has_value());
  return *std::move(table);
}

}  // namespace

RunResult run_cluster(const ClusterOptions& options) { return Cluster(options).run(); }

Cluster::Cluster(const ClusterOptions& options)
    : options_(options),
      world_(options.seed),
      weather_(world_.random),
      tokens_(make_tokens()),
      store_(world_.checker, world_.report, options.store_honesty),
      core_(std::make_unique<server::ServerCore>(
          server::CoreParts{.tokens = tokens_,
                            .store = store_,
                            .engine = options.engine == nullptr ? engine_ : *options.engine,
                            .policy = policy_,
                            .limits = weather_.limits,
                            .snapshot_piece = weather_.snapshot_piece,
                            .history = {1, options.seed},
                            .utc_ns = [this] { return world_.now.time_since_epoch().count(); }})),
      next_tick_(world_.now) {
  if (options.judge == Judge::kSomebodyElse) world_.report.ignore_failures();
  for (std::size_t i = 0; i < weather_.clients; ++i) nodes_.push_back(make_node());
}

std::unique_ptr<net::MemoryLink> Cluster::make_link() {
  net::MemoryLink::Options options{.capacity_bytes = weather_.link_capacity_bytes,
                                   .delivery = net::MemoryLink::Delivery::kManual};
  for (std::byte& byte : options.binding) byte = static_cast<std::byte>(world_.random());
  return std::make_unique<net::MemoryLink>(options);
}

std::unique_ptr<Cluster::Node> Cluster::make_node() {
  Random& random = world_.random;
  const ClientId id{options_.seed, ++clients_made_};
  auto node = std::make_unique<Node>();
  node->id = id;
  node->link = make_link();
  const std::string actor = kActors[below(random, kActors.size())];
  node->connection = std::make_unique<SimConnection>(world_, *core_, node->link->take_server_end(),
                                                     id, options_.link_fault);
  node->client = std::make_unique<SimClient>(
      world_, detail::ClientIdentity{id, token_of(actor), "sim", "program", chance(random, 60)},
      actor, node->link->take_client_end());
  node->program = make_program(*node->client);
  return node;
}

std::unique_ptr<Program> Cluster::make_program(SimClient& client) {
  if (options_.make_program) return options_.make_program(world_, client);
  Random& random = world_.random;
  return std::make_unique<RandomProgram>(
      world_, client,
      RandomProgram::Habits{.defines = clients_made_ == 1 || chance(random, 60),
                            .grows_schema = weather_.grows_schema,
                            .sees_all = chance(random, 50),
                            .fetches = chance(random, 60),
                            .loads_lazily = chance(random, 40),
                            .lets_go = chance(random, 50),
                            .open_max = 1 + below(random, 3),
                            .in_flight_max = 1 + below(random, 5)});
}

RunResult Cluster::run() {
  try {
    while (!world_.report.failed() && world_.report.counts.decided() < options_.decided_min) {
      step();
      if (++world_.report.counts.steps == kStepsMax) {
        world_.report.fail("the cluster does not get on: " + world_.report.counts.to_string());
        break;
      }
    }
    if (!world_.report.failed()) come_to_rest();
    if (!world_.report.failed()) check_end();
    for (const auto& node : nodes_) {
      if (node->client->is_open()) node->program->finish();
    }
  } catch (const std::exception& thrown) {
    world_.report.fail(std::string("thrown: ") + thrown.what());
  }
  world_.trace.add(world_.report.counts.steps);
  return {world_.report.failed() ? world_.report.failure() : std::string(), world_.report.counts,
          world_.trace.hash()};
}

void Cluster::step() {
  Random& random = world_.random;
  world_.now += std::chrono::microseconds(below(random, 100));
  Node& node = *nodes_[below(random, nodes_.size())];
  const std::size_t what = below(random, 100);
  if (what < 25) {
    node.program->step();
    if (chance(random, 80)) node.client->flush();
  } else if (what < 50) {
    deliver(node);
  } else if (what < 70) {
    node.connection->read();
    // Messages of several links may make one batch.
    if (chance(random, 70)) core_->finish_batch();
    if (chance(random, 70)) node.connection->flush();
  } else if (what < 88) {
    node.client->pump();
    node.client->flush();
  } else {
    node.connection->flush();
    if (chance(random, 50)) core_->finish_batch();
  }
  if (chance(random, weather_.snapshot_percent)) {
    node.connection->send_snapshots();
    node.connection->flush();
  }
  run_store();
  misfortune(node);
  run_clock();
}

void Cluster::deliver(Node& node) {
  Random& random = world_.random;
  const Direction direction = chance(random, 50) ? Direction::kToServer : Direction::kToClient;
  const std::size_t how = below(random, 100);
  if (how < (weather_.small_deliveries ? 20u : 60u)) {
    node.link->deliver_all(direction);
  } else {
    node.link->deliver(direction, 1 + below(random, how < 90 ? 500 : 16));
  }
}

void Cluster::misfortune(Node& node) {
  Random& random = world_.random;
  const auto strikes = [&](std::uint32_t per_100k) {
    return per_100k > 0 && below(random, 100'000) < per_100k;
  };
  if (node.frozen_until != 0 && world_.report.counts.steps >= node.frozen_until) {
    node.frozen_until = 0;
    node.link->unblock(Direction::kToServer);
    node.link->unblock(Direction::kToClient);
  } else if (strikes(weather_.freezes_per_100k)) {
    node.frozen_until = world_.report.counts.steps + 500 + below(random, 4000);
    node.link->block(chance(random, 30) ? Direction::kToServer : Direction::kToClient);
  }
  if (strikes(weather_.breaks_per_100k)) {
    ++world_.report.counts.links_broken;
    const Direction direction = chance(random, 50) ? Direction::kToServer : Direction::kToClient;
    switch (below(random, 3)) {
      case 0:
        node.link->break_link();
        break;
      case 1:  // in the middle of what comes next
        node.link->break_at(direction, node.link->bytes_delivered(direction) + below(random, 2000));
        break;
      default:
        node.client->leave();
        break;
    }
  }
  if (strikes(weather_.refusals_per_100k)) {
    refusing_until_ = world_.report.counts.steps + 1 + below(random, 300);
  }
  replace_ended();
}

void Cluster::run_store() {
  Random& random = world_.random;
  store_.set_refusing(world_.report.counts.steps < refusing_until_);
  if (store_.has_reservation() && chance(random, 20)) store_.complete_reservation();
  if (store_.waiting() == 0) return;
  if (chance(random, weather_.store_percent)) store_.complete(1 + below(random, store_.waiting()));
  if (store_.waiting() > 0 && below(random, 10'000) < weather_.failures_per_10k) {
    store_.fail_after(below(random, store_.waiting()));
  }
}

void Cluster::run_clock() {
  if (world_.now < next_tick_) return;
  next_tick_ = world_.now + kTickInterval;
  core_->tick(world_.now);
  for (const auto& node : nodes_) {
    node->connection->tick();
    node->client->tick();
  }
}

// A client that reconnects gets a new link. The server may not know yet that the old one is gone,
// and what had been sent over that may still arrive.
void Cluster::attach_again(Node& node) {
  ++world_.report.counts.attached_again;
  for (int i = 0; i < 3 && chance(world_.random, 60); ++i) {
    node.link->deliver(Direction::kToServer, 1 + below(world_.random, 2000));
    node.connection->read();
  }
  core_->finish_batch();
  std::unique_ptr<net::MemoryLink> link = make_link();
  auto connection = std::make_unique<SimConnection>(world_, *core_, link->take_server_end(),
                                                    node.id, options_.link_fault);
  node.client->attach(link->take_client_end());
  left_behind_.push_back({std::move(node.link), std::move(node.connection)});
  node.link = std::move(link);
  node.connection = std::move(connection);
  node.frozen_until = 0;
  while (!left_behind_.empty() && chance(world_.random, 70))
    left_behind_.erase(left_behind_.begin());
}

// A client whose link has ended is gone; another one, with an identity of its own, takes its place.
void Cluster::replace_ended() {
  for (auto& node : nodes_) {
    if (node->client->is_offline() && chance(world_.random, 5)) {
      attach_again(*node);
      continue;
    }
    if (!node->client->has_ended() || !chance(world_.random, 5)) continue;
    node->client->reread_snapshots();
    // What had been sent before may still arrive and take effect.
    for (int i = 0; i < 3 && chance(world_.random, 70); ++i) {
      node->link->deliver(Direction::kToServer, 1 + below(world_.random, 2000));
      node->connection->read();
    }
    core_->finish_batch();
    node = make_node();
  }
}

// ---- the end ----

void Cluster::come_to_rest() {
  refusing_until_ = 0;
  store_.set_refusing(false);
  for (int round = 0; round < kRestRoundsMax; ++round) {
    settle_all();
    if (is_waiting()) continue;
    if (std::none_of(nodes_.begin(), nodes_.end(),
                     [](const auto& node) { return node->client->is_open(); })) {
      return;
    }
    // What connections that broke had owned is gone by then.
    for (int more = 0; more < 40; ++more) settle_all();
    const Version quiet_at = core_->pipeline().published();
    const std::size_t open = open_count();
    // Twice, so that the first one's answers cannot hide news behind them.
    for (int i = 0; i < 2; ++i) {
      for (const auto& node : nodes_) {
        if (node->client->is_open()) node->client->begin_flush();
      }
      for (int more = 0; more < 20; ++more) settle_all();
    }
    // A link may have broken only now, at the byte where it was to break.
    if (core_->pipeline().published() == quiet_at && open_count() == open) return;
  }
  std::string waiting = "store: " + std::to_string(store_.waiting());
  for (const auto& node : nodes_) {
    if (node->client->has_ended()) continue;
    waiting += node->client->is_open() ? "; open: " : "; opening: ";
    waiting += node->client->waits_for();
  }
  world_.report.fail("the cluster does not come to rest: " + waiting);
}

std::size_t Cluster::open_count() const {
  return static_cast<std::size_t>(std::count_if(
      nodes_.begin(), nodes_.end(), [](const auto& node) { return node->client->is_open(); }));
}

void Cluster::settle_all() {
  world_.now += std::chrono::milliseconds(1);
  left_behind_.clear();
  for (const auto& node : nodes_) {
    if (node->client->is_offline()) attach_again(*node);
    // The server notices now that it is gone, not when its silence is over.
    if (node->client->has_ended() && !node->link->is_broken()) node->link->break_link();
    node->link->unblock(Direction::kToServer);
    node->link->unblock(Direction::kToClient);
    node->client->flush();
    node->link->deliver_all();
    node->connection->read();
  }
  core_->finish_batch();
  store_.complete_reservation();
  store_.complete(store_.waiting());
  for (const auto& node : nodes_) {
    node->connection->send_snapshots();
    node->connection->flush();
    node->link->deliver_all();
    node->client->pump();
  }
  run_clock();
}

bool Cluster::is_waiting() const {
  return store_.waiting() > 0 || std::any_of(nodes_.begin(), nodes_.end(), [](const auto& node) {
           return !node->client->has_ended() &&
                  (!node->client->is_open() || node->client->is_waiting());
         });
}

void Cluster::check_end() {
  const Version version = world_.checker.durable();
  if (core_->pipeline().published() != version) {
    world_.report.fail("the server has not published all that is durable");
  }
  if (auto wrong = check_server(world_.checker.model(), core_->state())) {
    world_.report.fail(*wrong);
  }
  std::vector<ObjectId> connected;
  for (const auto& node : nodes_) {
    if (!node->client->is_open()) continue;
    node->client->check_is_at(version);
    connected.push_back(node->client->core().connection());
  }
  std::sort(connected.begin(), connected.end());
  const CatalogType* connection = world_.checker.model().catalog().find(connection_type_name());
  if (connection != nullptr && world_.checker.model().all(connection->id, version) != connected) {
    world_.report.fail("the objects of core.Connection are not those who are connected");
  }
}

}  // namespace odb::sim
