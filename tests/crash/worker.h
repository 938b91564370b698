// Worker: one client that commits as fast as it can while servers come and go.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "deed.h"
#include "options.h"
#include "stage.h"
#include "support/random_value.h"

namespace odb::crash {

struct WorkerOptions {
  int number = 0;
  std::uint16_t port = 0;
  std::string token;
  std::uint64_t seed = 0;
  int in_flight_max = 1;
  std::chrono::milliseconds offline_wait{0};
};

// The same Database for the whole run: it reconnects by itself. Its members belong to one thread at
// a time, but for what its handlers touch, which the mutex guards.
class Worker {
 public:
  Worker(const WorkerOptions& options, const Stage& stage, list_append::Clock& clock,
         Findings& findings);

  void begin_round(Round& round);
  // Returns when its cache has everything that was committed before; waits for its link.
  void catch_up();
  // Until told to stop, and everything that is under way is answered.
  void work(const std::atomic<bool>& stop);

  Database& database() { return *database_; }
  int number() const { return options_.number; }
  // All of this round. While nothing is under way.
  const std::deque<Deed>& deeds() const { return deeds_; }
  // The items that exist, by all changes that its handler was told of.
  std::map<ObjectRef, Item> told_items() const;
  // In this round.
  std::uint64_t links_lost() const { return links_lost_; }
  // Which of its own items are there, so that it can delete them.
  void set_own_items(std::vector<std::pair<std::string, Ref<Item>>> items) {
    own_items_ = std::move(items);
  }

 private:
  void on_link(const LinkEvent& event);
  void on_change(const Change& change);
  void wait_for_room(std::size_t in_flight_max);
  void step();
  void look();
  void write();
  void fill(Transaction& transaction, Deed& deed);
  void commit(Transaction transaction, Deed& deed);
  void on_told(Deed& deed, const CommitOutcome& outcome);

  void read_list(Transaction& transaction, list_append::Transaction& noted);
  void append_to_list(Transaction& transaction, list_append::Transaction& noted);
  void add(Transaction& transaction, Deed& deed);
  void raise(Transaction& transaction, Deed& deed);
  void pair(Transaction& transaction, Deed& deed);
  void create(Transaction& transaction, Deed& deed);
  void remove(Transaction& transaction, Deed& deed);

  list_append::Transaction begin_note();
  Ref<List> some_list();
  void fail(const std::string& what);

  const WorkerOptions options_;
  const Stage& stage_;
  list_append::Clock& clock_;
  Findings& findings_;
  test::Random random_;
  Round* round_ = nullptr;
  std::int64_t last_number_ = 0;  // over all rounds
  Version last_seen_;
  std::vector<std::pair<std::string, Ref<Item>>> own_items_;  // surely there

  mutable std::mutex mutex_;
  std::condition_variable told_;
  std::deque<Deed> deeds_;  // grows at its end only: handlers keep references
  std::size_t in_flight_ = 0;
  bool is_refused_ = false;  // the last answer was that the server cannot commit now
  std::map<ObjectRef, Item> told_items_;
  Version told_version_;
  std::atomic<std::uint64_t> links_lost_ = 0;

  std::optional<Database> database_;  // the last: no handler runs after its end
};

}  // namespace odb::crash
