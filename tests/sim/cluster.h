// Cluster: a server, its store, its clients and the links between them, in one thread from one
// seed.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "leased_store.h"
#include "odb/core/commit_engine.h"
#include "odb/net/memory_link.h"
#include "odb/server/server_core.h"
#include "program.h"
#include "random_programs.h"
#include "sim_client.h"
#include "sim_connection.h"
#include "sim_store.h"
#include "world.h"

namespace odb::sim {

// Who looks for what is wrong.
enum class Judge : std::uint8_t {
  kChecker,
  kSomebodyElse,  // who made the programs; nothing that the run itself finds ends it
};

struct ClusterOptions {
  std::uint64_t seed = 1;
  std::uint64_t decided_min =
      220;  // transactions that the server decides on before the run may end
  // Parts that mutants replace.
  const CommitEngine* engine = nullptr;
  SimStore::Honesty store_honesty = SimStore::Honesty::kHonest;
  LinkFault link_fault = LinkFault::kNone;
  LeaseFault lease_fault = LeaseFault::kNone;
  MakeProgram make_program = nullptr;  // null: a RandomProgram
  bool one_history = false;            // the store loses nothing that was acknowledged
  bool many_absences = false;          // servers take over from one another again and again
  Judge judge = Judge::kChecker;
};

struct RunResult {
  std::string failure;  // empty: everything held
  Counts counts;
  std::uint64_t trace = 0;  // a hash of everything that happened
};

// Runs one cluster until enough transactions are decided, lets it come to rest, and checks it.
RunResult run_cluster(const ClusterOptions& options);

// What differs from run to run, drawn from the seed.
struct Weather {
  Weather(Random& random, const ClusterOptions& options);

  server::Limits limits;
  server::SnapshotPiece snapshot_piece;
  std::size_t clients = 0;
  std::size_t link_capacity_bytes = 0;
  std::uint32_t breaks_per_100k = 0;    // of steps
  std::uint32_t freezes_per_100k = 0;   // a direction of a link delivers nothing for a while
  std::uint32_t failures_per_10k = 0;   // of steps: an append fails
  std::uint32_t refusals_per_100k = 0;  // the store refuses all appends for a while
  std::uint32_t store_percent = 0;      // how eager the store is
  std::uint32_t snapshot_percent = 0;   // how eagerly snapshots go on
  bool small_deliveries = false;
  bool grows_schema = false;

  std::uint32_t crashes_per_100k = 0;   // of steps: the server ends without a word, or
  std::uint32_t stops_per_100k = 0;     // says goodbye first
  std::uint32_t hangs_per_100k = 0;     // the store is away, or silent, for a while
  std::uint32_t absences_per_100k = 0;  // the server stops, or is cut off from the store: another
                                        // one may take over
  // What the store still has when it is back: all; all but what was not on the disk yet; nothing,
  // as when it is the server's own memory.
  enum class Durability : std::uint8_t { kStrict, kWeak, kNone };
  Durability durability = Durability::kStrict;
  bool forgets_outcomes = false;  // the server's limits on them are low
};

class Cluster {
 public:
  explicit Cluster(const ClusterOptions& options);

  RunResult run();

 private:
  struct Node {
    ClientId id;
    std::unique_ptr<net::MemoryLink> link;
    std::unique_ptr<SimConnection> connection;
    std::unique_ptr<SimClient> client;
    std::unique_ptr<Program> program;
    std::uint64_t frozen_until = 0;  // a step
  };

  // What is left of a link that broke, at the server.
  struct LeftBehind {
    std::unique_ptr<net::MemoryLink> link;
    std::unique_ptr<SimConnection> connection;
    std::uint64_t held_until = 0;  // a step; until then nothing arrives
  };

  // A server that has the store, or that had it and may not know yet that it has not.
  struct Server {
    std::unique_ptr<LeasedStore> store;
    std::unique_ptr<server::ServerCore> core;
    bool is_asleep = false;  // it does nothing; else it is only cut off from the store
    Time wakes_at{};
    bool is_lost = false;  // it has learnt that it has no store any more
  };

  std::unique_ptr<net::MemoryLink> make_link();
  std::unique_ptr<Node> make_node();
  std::unique_ptr<Program> make_program(SimClient& client);
  void attach_again(Node& node);
  void leave_behind(Node& node);
  void step();
  void deliver(Node& node);
  void deliver_late();
  void run_clock();
  void replace_ended();

  // misfortunes.cpp
  bool strikes(std::uint32_t per_100k);
  void misfortune(Node& node);
  void break_link(Node& node);
  void run_store();
  void hang_store();
  void check_grace();

  // take_over.cpp
  void begin_absence();
  void run_absence();
  void take_over();
  void run_former();
  void end_former();
  bool is_absent() const { return lease_ != nullptr && lease_->is_cut_off(); }
  bool is_awake(const SimConnection& connection) const;
  bool is_at_former(const SimConnection* connection) const;
  void finish_batch(const SimConnection& connection);
  void tell_subscribers(const SimConnection& connection);

  // restarts.cpp
  void start_server();
  void run_server_life();
  bool is_crash_due();
  void stop_server();
  void crash_server();
  void end_server();
  void lose_store();
  void forget();
  void come_to_rest();
  void settle_all();
  bool is_waiting() const;
  std::size_t open_count() const;
  void check_end();

  const ClusterOptions options_;
  World world_;
  const Weather weather_;
  const net::TokenTable tokens_;
  const CommitEngine engine_;
  const server::AccessPolicy policy_;
  SimStore store_;
  std::unique_ptr<LeasedStore> lease_;  // the owner's
  std::unique_ptr<server::ServerCore> core_;
  bool is_asleep_ = false;  // the owner
  Time wakes_at_{};
  std::optional<Server> former_;
  std::vector<std::unique_ptr<Node>> nodes_;
  std::vector<LeftBehind> left_behind_;
  std::uint64_t clients_made_ = 0;
  std::uint64_t refusing_until_ = 0;  // a step
  std::uint64_t hanging_until_ = 0;   // a step: the store completes nothing
  bool crash_awaited_ = false;
  std::uint64_t down_until_ = 0;  // a step, when there is no server
  bool is_store_lost_ = false;    // as the server has been told
  HistoryId graced_history_;      // see check_grace()
  Version graced_;
  Time next_tick_;
};

}  // namespace odb::sim
