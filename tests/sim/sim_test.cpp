// Whole clusters under bad weather, one for each seed. README.md tells how to replay one.
#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "cluster.h"

namespace odb::sim {
namespace {

// Sanitizers make every seed some ten times slower.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define ODB_SIM_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define ODB_SIM_SANITIZED 1
#endif
#endif
#ifdef ODB_SIM_SANITIZED
constexpr std::uint64_t kSeedsDefault = 100;
#else
constexpr std::uint64_t kSeedsDefault = 1000;
#endif
constexpr std::uint64_t kShards = 4;

std::uint64_t from_environment(const char* name, std::uint64_t otherwise) {
  const char* given = std::getenv(name);
  return given == nullptr ? otherwise : std::strtoull(given, nullptr, 10);
}

std::string replay_line(std::uint64_t seed) {
  return "replay: ODB_SIM_FIRST_SEED=" + std::to_string(seed) +
         " ODB_SIM_SEEDS=1 odb_sim_tests --gtest_filter='*Simulator.HoldsItsContracts/0'\n";
}

// An invariant of the product that fails stops the program: say with which seed.
char g_replay_line[256] = "";

void on_abort(int) {
  const std::string_view line(g_replay_line);
  static_cast<void>(!::write(STDERR_FILENO, line.data(), line.size()));
}

RunResult run_seed(std::uint64_t seed) {
  std::snprintf(g_replay_line, sizeof g_replay_line, "%s", replay_line(seed).c_str());
  std::signal(SIGABRT, on_abort);
  RunResult result = run_cluster({.seed = seed});
  std::signal(SIGABRT, SIG_DFL);
  return result;
}

void expect_enough_misfortune(const Counts& sum, std::uint64_t seeds) {
  EXPECT_GE(sum.crashes, seeds / 2) << "too few crashes to mean much";
  EXPECT_GE(sum.stops, seeds / 8) << "too few stops to mean much";
  EXPECT_GE(sum.take_overs, seeds / 4) << "too few take-overs to mean much";
  EXPECT_GE(sum.histories, seeds / 5) << "too few new histories to mean much";
  EXPECT_GE(sum.resumed_over_crash, seeds / 4) << "too few resumptions to mean much";
  EXPECT_GE(sum.half_persisted, seeds / 20) << "too few half persisted appends to mean much";
  EXPECT_GE(sum.times_away, seeds / 2) << "too few outages of the store to mean much";
  EXPECT_GE(sum.arrived_late, seeds) << "too few late appends to mean much";
  EXPECT_GE(sum.unknown, seeds) << "too few unknown outcomes to mean much";
  EXPECT_GE(sum.resent_after_effect, seeds / 4) << "too few commits resent to mean much";
  EXPECT_GE(sum.resent_without_effect, seeds / 4) << "too few commits resent to mean much";
  if (seeds < 200) return;  // what is rarer
  EXPECT_GE(sum.resent_while_pending, seeds / 200) << "too few commits resent to mean much";
  EXPECT_GE(sum.late_copies, seeds / 100) << "too few late copies to mean much";
}

class Simulator : public testing::TestWithParam<std::uint64_t> {};

TEST_P(Simulator, HoldsItsContracts) {
  const std::uint64_t seeds = from_environment("ODB_SIM_SEEDS", kSeedsDefault);
  const std::uint64_t first = from_environment("ODB_SIM_FIRST_SEED", 1);
  const std::uint64_t per_shard = (seeds + kShards - 1) / kShards;
  const std::uint64_t begin = first + GetParam() * per_shard;
  const std::uint64_t end = std::min(first + seeds, begin + per_shard);
  if (kSeedsDefault < 1000 && std::getenv("ODB_SIM_SEEDS") == nullptr) {
    std::printf("built with sanitizers: %lu seeds instead of 1000\n", seeds);
  }
  if (begin >= end) GTEST_SKIP() << "fewer seeds than shards";
  Counts sum;
  for (std::uint64_t seed = begin; seed < end; ++seed) {
    const RunResult result = run_seed(seed);
    ASSERT_EQ(result.failure, "") << "seed " << seed << "; " << replay_line(seed)
                                  << result.counts.to_string();
    if (end - begin == 1) std::printf("seed %lu: %s\n", seed, result.counts.to_string().c_str());
    sum.add(result.counts);
  }
  std::printf("seeds %lu to %lu: %s\n", begin, end - 1, sum.to_string().c_str());
  EXPECT_GE(sum.decided(), 200 * (end - begin));
  if (end - begin >= 10) {
    EXPECT_GE(sum.conflicts * 5, sum.decided()) << "too few conflicts to mean much";
    EXPECT_GE(sum.attached_again, (end - begin) / 2) << "too few broken links to mean much";
    EXPECT_GE(sum.ended_with_owner, (end - begin) / 10) << "too few owned objects to mean much";
    EXPECT_GE(sum.committed * 5, sum.decided()) << "too few commits to mean much";
    expect_enough_misfortune(sum, end - begin);
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, Simulator, testing::Range<std::uint64_t>(0, kShards));

TEST(SimulatorTrace, IsTheSameForTheSameSeed) {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    EXPECT_EQ(run_seed(seed).trace, run_seed(seed).trace) << "seed " << seed;
  }
  EXPECT_NE(run_seed(1).trace, run_seed(2).trace);
}

}  // namespace
}  // namespace odb::sim
