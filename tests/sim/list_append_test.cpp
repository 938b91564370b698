// Histories that simulated programs note of themselves, judged without any look at the server: no
// version, no conflict, no cache counts. And that this notices what is broken on purpose.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "cluster.h"
#include "list_append/checker.h"
#include "list_append_mutants.h"
#include "list_append_program.h"
#include "mutants.h"

namespace odb::sim {
namespace {

using list_append::Anomaly;

struct Judged {
  RunResult result;
  list_append::History history;
  std::vector<Anomaly> anomalies;
};

Judged judge(ClusterOptions options, std::uint64_t seed) {
  ListAppendRun run;
  options.seed = seed;
  options.decided_min = 150;
  options.one_history = true;  // in a new one lists may have lost elements
  options.make_program = [&](World& world, SimClient& client) {
    return std::make_unique<ListAppendProgram>(world, client, run);
  };
  Judged judged{run_cluster(options), {}, {}};
  judged.history = std::move(run.history);
  judged.anomalies = list_append::check(judged.history);
  return judged;
}

// ---- the product ----

constexpr std::uint64_t kSeedsDefault = 300;
constexpr std::uint64_t kShards = 4;

std::uint64_t from_environment(const char* name, std::uint64_t otherwise) {
  const char* given = std::getenv(name);
  return given == nullptr ? otherwise : std::strtoull(given, nullptr, 10);
}

std::string replay_line(std::uint64_t seed) {
  return "replay: ODB_SIM_FIRST_SEED=" + std::to_string(seed) +
         " ODB_SIM_SEEDS=1 odb_sim_tests --gtest_filter='*OfSimulatedProgramsAreRight/0'\n";
}

class ListAppends : public testing::TestWithParam<std::uint64_t> {};

TEST_P(ListAppends, OfSimulatedProgramsAreRight) {
  const std::uint64_t seeds = from_environment("ODB_SIM_SEEDS", kSeedsDefault);
  const std::uint64_t first = from_environment("ODB_SIM_FIRST_SEED", 1);
  const std::uint64_t per_shard = (seeds + kShards - 1) / kShards;
  const std::uint64_t begin = first + GetParam() * per_shard;
  const std::uint64_t end = std::min(first + seeds, begin + per_shard);
  if (begin >= end) GTEST_SKIP() << "fewer seeds than shards";
  std::size_t transactions = 0;
  std::size_t committed = 0;
  std::size_t failed = 0;
  std::size_t unknown = 0;
  for (std::uint64_t seed = begin; seed < end; ++seed) {
    const Judged judged = judge({}, seed);
    ASSERT_EQ(judged.result.failure, "") << "seed " << seed << "; " << replay_line(seed);
    ASSERT_EQ(to_string(judged.anomalies), "") << "seed " << seed << "; " << replay_line(seed);
    transactions += judged.history.transactions.size();
    for (const list_append::Transaction& transaction : judged.history.transactions) {
      committed += transaction.outcome == list_append::Outcome::kCommitted;
      failed += transaction.outcome == list_append::Outcome::kFailed;
      unknown += transaction.outcome == list_append::Outcome::kUnknown;
    }
  }
  std::printf("%zu transactions: %zu committed, %zu failed, %zu of unknown outcome\n", transactions,
              committed, failed, unknown);
  if (end - begin < 20) return;
  EXPECT_GE(failed * 8, transactions) << "too few conflicts to mean much";
  EXPECT_GE(committed * 5, transactions) << "too few commits to mean much";
  EXPECT_GE(unknown, (end - begin) / 10) << "too few unknown outcomes to mean much";
}

INSTANTIATE_TEST_SUITE_P(Seeds, ListAppends, testing::Range<std::uint64_t>(0, kShards));

// ---- mutants ----

// What the histories of several seeds show. Nothing but they may notice. Each seed gets parts of
// its own, because some remember.
std::set<std::string> shown_by(const std::function<Judged(std::uint64_t seed)>& run) {
  constexpr std::uint64_t kSeeds = 40;
  std::set<std::string> kinds;
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    for (const Anomaly& anomaly : run(seed).anomalies) {
      if (!kinds.insert(to_string(anomaly.kind)).second) continue;
      std::printf("seed %lu: %s", seed, anomaly.text.c_str());
    }
  }
  return kinds;
}

std::set<std::string> shown_by(LinkFault fault) {
  return shown_by([&](std::uint64_t seed) {
    return judge({.link_fault = fault, .judge = Judge::kSomebodyElse}, seed);
  });
}

template <class Engine, class... Arguments>
std::set<std::string> shown_by_engine(const Arguments&... arguments) {
  return shown_by([&](std::uint64_t seed) {
    const Engine engine(arguments...);
    return judge({.engine = &engine, .judge = Judge::kSomebodyElse}, seed);
  });
}

using testing::Contains;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

TEST(ListAppendMutants, NoneIsNone) { EXPECT_THAT(shown_by(LinkFault::kNone), IsEmpty()); }

TEST(ListAppendMutants, ForgettingWhatWasReadLosesUpdates) {
  EXPECT_THAT(shown_by_engine<ForgetfulEngine>(ForgetfulEngine::Forgets::kCells),
              Contains("G-single"));
}
TEST(ListAppendMutants, ValidatingOnlyWhatIsWrittenSkewsWrites) {
  const auto shown = shown_by_engine<SkewedEngine>();
  EXPECT_THAT(shown, Contains("G2"));
  EXPECT_THAT(shown, Not(Contains(StartsWith("G0"))));
  EXPECT_THAT(shown, Not(Contains(StartsWith("G1"))));
}
TEST(ListAppendMutants, LeakingALosersWritesMakesReadsDirty) {
  EXPECT_THAT(shown_by_engine<LeakyEngine>(), Contains("G1a"));
}
TEST(ListAppendMutants, AnsweringAFlushEarlyMakesReadsStale) {
  const auto shown = shown_by(LinkFault::kFlushesEarly);
  EXPECT_THAT(shown, Contains("G-single-realtime"));
  EXPECT_THAT(shown, Not(Contains("G-single"))) << "each snapshot is still one";
}
TEST(ListAppendMutants, FetchingAnotherVersionSkewsReads) {
  EXPECT_THAT(shown_by(LinkFault::kLoadsNewest), Contains("G-single"));
}
TEST(ListAppendMutants, AppendingTwiceIsSeen) {
  EXPECT_THAT(shown_by_engine<StutteringEngine>(), Contains("duplicate-element"));
}
TEST(ListAppendMutants, HalfATransactionIsSeen) {
  EXPECT_THAT(shown_by_engine<DroppingEngine>(), Contains("lost-element"));
}

}  // namespace
}  // namespace odb::sim
