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

// In the worst weather there is a new server every thousand steps, and little else gets done.
constexpr std::uint64_t kStepsMax = 600'000;
constexpr int kRestRoundsMax = 2'000;
const std::array<const char*, 3> kActors = {"alice", "bob", "carol"};

std::string token_of(const std::string& actor) { return "the simulated token of " + actor; }

net::TokenTable make_tokens() {
  std::vector<net::NamedToken> tokens;
  tokens.reserve(kActors.size());
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
      weather_(world_.random, options),
      tokens_(make_tokens()),
      store_(world_.checker, options.store_honesty),
      next_tick_(world_.now) {
  if (options.judge == Judge::kSomebodyElse) world_.report.ignore_failures();
  world_.grace.set_grace(weather_.limits.connection_grace,
                         kTickInterval + std::chrono::milliseconds(1));
  if (weather_.forgets_outcomes) world_.checker.expect_forgotten_outcomes();
  start_server();
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
  const bool is_served = node.connection != nullptr && is_awake(*node.connection);
  const std::size_t what = below(random, 100);
  if (what < 25) {
    node.program->step();
    if (chance(random, 80)) node.client->flush();
  } else if (what < 50) {
    deliver(node);
  } else if (what < 70) {
    if (is_served) node.connection->read();
    // Messages of several links may make one batch.
    if (is_served && chance(random, 70)) finish_batch(*node.connection);
    if (is_served && chance(random, 70)) node.connection->flush();
  } else if (what < 88) {
    node.client->pump();
    node.client->flush();
  } else if (is_served) {
    node.connection->flush();
    if (chance(random, 50)) finish_batch(*node.connection);
  }
  if (is_served && chance(random, weather_.snapshot_percent)) {
    node.connection->send_snapshots();
    node.connection->flush();
  }
  if (is_served && chance(random, 15)) tell_subscribers(*node.connection);
  if (!left_behind_.empty() && chance(random, 10)) deliver_late();
  run_store();
  misfortune(node);
  run_server_life();
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

// What is still on its way over the link of an earlier session.
void Cluster::deliver_late() {
  Random& random = world_.random;
  LeftBehind& left = left_behind_[below(random, left_behind_.size())];
  if (world_.report.counts.steps < left.held_until || !is_awake(*left.connection)) return;
  left.link->deliver(Direction::kToServer, 1 + below(random, 2000));
  left.connection->read();
  left.connection->read_late();
  if (chance(random, 50)) finish_batch(*left.connection);
  if (chance(random, 30)) left.connection->flush();
}

void Cluster::run_clock() {
  if (world_.now < next_tick_) return;
  next_tick_ = world_.now + kTickInterval;
  if (core_ != nullptr && !is_asleep_) core_->tick(world_.now);
  if (former_ && !former_->is_asleep) former_->core->tick(world_.now);
  for (const auto& node : nodes_) {
    if (node->connection != nullptr && is_awake(*node->connection)) node->connection->tick();
    node->client->tick();
  }
  for (const LeftBehind& left : left_behind_) {
    if (is_awake(*left.connection)) left.connection->tick();
  }
}

// A client that reconnects gets a new link. The server may not know yet that the old one is gone,
// and what had been sent over that may still arrive.
void Cluster::attach_again(Node& node) {
  ++world_.report.counts.attached_again;
  if (node.connection != nullptr) leave_behind(node);
  node.link = make_link();
  node.connection = std::make_unique<SimConnection>(world_, *core_, node.link->take_server_end(),
                                                    node.id, options_.link_fault);
  node.client->attach(node.link->take_client_end());
  node.frozen_until = 0;
  while (!left_behind_.empty() && (left_behind_.size() > 4 || chance(world_.random, 25))) {
    left_behind_.erase(left_behind_.begin());
  }
}

void Cluster::leave_behind(Node& node) {
  if (is_awake(*node.connection)) {
    for (int i = 0; i < 3 && chance(world_.random, 30); ++i) {
      node.link->deliver(Direction::kToServer, 1 + below(world_.random, 2000));
      node.connection->read();
    }
    finish_batch(*node.connection);
  }
  const std::uint64_t held = chance(world_.random, 60) ? 100 + below(world_.random, 600) : 0;
  left_behind_.push_back(
      {std::move(node.link), std::move(node.connection), world_.report.counts.steps + held});
}

// A client whose link has ended is gone; another one, with an identity of its own, takes its place.
void Cluster::replace_ended() {
  if (core_ == nullptr || is_asleep_) return;
  for (auto& node : nodes_) {
    if (node->client->is_offline() && chance(world_.random, 5)) {
      attach_again(*node);
      continue;
    }
    if (!node->client->has_ended() || !chance(world_.random, 5)) continue;
    node->client->reread_snapshots();
    // What had been sent before may still arrive and take effect.
    for (int i = 0; i < 3 && node->connection != nullptr && chance(world_.random, 70); ++i) {
      if (!is_awake(*node->connection)) break;
      node->link->deliver(Direction::kToServer, 1 + below(world_.random, 2000));
      node->connection->read();
    }
    core_->finish_batch();
    if (former_ && !former_->is_asleep) former_->core->finish_batch();
    node = make_node();
  }
}

// ---- the end ----

void Cluster::come_to_rest() {
  refusing_until_ = 0;
  hanging_until_ = 0;
  end_former();
  if (is_absent()) {
    if (std::exchange(is_asleep_, false)) core_->tick(world_.now);
    lease_->reconnect();
  }
  if (is_store_lost_) crash_server();
  if (core_ == nullptr) start_server();
  store_.set_refusing(false);
  if (store_.is_away()) store_.come_back();
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
    const std::uint64_t attached = world_.report.counts.attached_again;
    // Twice, so that the first one's answers cannot hide news behind them.
    for (int i = 0; i < 2; ++i) {
      for (const auto& node : nodes_) {
        if (node->client->is_open()) node->client->begin_flush();
      }
      for (int more = 0; more < 20; ++more) settle_all();
    }
    // A link may have broken only now, at the byte where it was to break.
    if (core_->pipeline().published() == quiet_at && open_count() == open &&
        world_.report.counts.attached_again == attached && !is_waiting()) {
      return;
    }
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
    if (node->connection != nullptr) node->connection->read();
  }
  core_->finish_batch();
  store_.complete_reservation();
  store_.complete(store_.waiting());
  core_->tell_subscribers();
  check_grace();
  for (const auto& node : nodes_) {
    if (node->connection != nullptr) {
      node->connection->send_snapshots();
      node->connection->flush();
    }
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
    std::string what = "the objects of core.Connection are not those who are connected:";
    for (const ObjectId id : world_.checker.model().all(connection->id, version))
      what += " " + std::to_string(id.value);
    what += "; connected:";
    for (const ObjectId id : connected) what += " " + std::to_string(id.value);
    world_.report.fail(what);
  }
}

}  // namespace odb::sim
