// Loop: clients commit, something is killed, it comes back, everything is checked; and again.
#pragma once

#include <array>
#include <chrono>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "expected.h"
#include "list_append/history.h"
#include "options.h"
#include "stage.h"
#include "support/proxy.h"
#include "support/random_value.h"
#include "system.h"
#include "worker.h"

namespace odb::crash {

struct Tally {
  std::uint64_t acknowledged = 0;
  std::uint64_t conflicts = 0;
  std::uint64_t refused = 0;           // the server or its store was away: surely not done
  std::uint64_t unknown = 0;           // nobody could tell
  std::uint64_t unknown_but_done = 0;  // of these
  std::uint64_t answered_late = 0;     // acknowledged, after the link broke while it was under way
  std::uint64_t looks = 0;
  std::uint64_t links_lost = 0;

  void add(const Tally& other);
  std::string to_string() const;
};

class Loop {
 public:
  Loop(const Options& options, const std::filesystem::path& folder);

  // Sentences for what is wrong; after the first round that has some it ends.
  std::vector<std::string> run();
  // What has been found in a round that could not be finished.
  std::vector<std::string> findings() { return findings_.take(); }
  std::string log_tail() const { return system_.log_tail(); }

 private:
  void set_the_stage();
  void begin_round();
  Victim next_victim(int round);
  void work_and_kill(Victim victim);
  void kill_and_start(Victim victim, std::chrono::milliseconds pause);
  void let_everything_end(Database& fresh);
  Tally check_round();
  Tally settle(const View& view);
  void check_ledgers(const Worker& worker, const View& view, Tally& tally);
  void check_versions(Database& fresh);
  void check_lists(const View& view);
  void check_subscribers(const View& view);
  void check_index_subscriptions(const View& view);
  void check_items_of(Database& holder, const char* group, const View& view);
  void clean_up(Database& fresh);
  Database connect() const;

  const Options& options_;
  const std::string token_;
  test::Random random_;
  System system_;
  Stage stage_;
  list_append::Clock clock_;
  Findings findings_;
  std::unique_ptr<Round> round_;
  std::map<Ref<List>, std::vector<std::int64_t>> lists_before_;  // as the last round left them
  std::optional<Expected> expected_;
  std::optional<test::Proxy> proxy_;  // to every other client
  std::optional<Database> partial_;   // subscribed to some items by an index
  std::optional<Database> lazy_;      // to all items, fields when they are read
  std::vector<std::unique_ptr<Worker>> workers_;
  std::array<int, kVictims> kills_{};  // by Victim
  HistoryId history_;
  Version version_;
};

}  // namespace odb::crash
