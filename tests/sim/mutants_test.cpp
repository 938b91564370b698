// The checker is worth something only if it notices: each mutant must be caught within a few seeds,
// and by the check that is there for it.
#include "mutants.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <cstdio>
#include <string>

#include "cluster.h"

namespace odb::sim {
namespace {

constexpr std::uint64_t kSeedsMax = 20;

void expect_caught(const ClusterOptions& mutant, const std::string& said) {
  for (std::uint64_t seed = 1; seed <= kSeedsMax; ++seed) {
    ClusterOptions options = mutant;
    options.seed = seed;
    const RunResult result = run_cluster(options);
    if (result.failure.empty()) continue;
    std::printf("caught by seed %lu: %s\n", seed, result.failure.c_str());
    if (result.failure.find(said) != std::string::npos) return;
  }
  ADD_FAILURE() << "not caught within " << kSeedsMax << " seeds, or not as \"" << said << '"';
}

void expect_engine_caught(const CommitEngine& engine, const std::string& said) {
  expect_caught({.engine = &engine}, said);
}

using Forgets = ForgetfulEngine::Forgets;

TEST(Mutants, ForgettingCellsIsCaught) {
  expect_engine_caught(ForgetfulEngine(Forgets::kCells), "but field ");
}
TEST(Mutants, ForgettingExistenceIsCaught) {
  expect_engine_caught(ForgetfulEngine(Forgets::kExistences), "the transaction saw ");
}
TEST(Mutants, ForgettingIndexEntriesIsCaught) {
  expect_engine_caught(ForgetfulEngine(Forgets::kIndexes), "index ");
}
TEST(Mutants, ForgettingRangesIsCaught) {
  expect_engine_caught(ForgetfulEngine(Forgets::kRanges), "but a range of index ");
}
TEST(Mutants, FetchingAnotherVersionIsCaught) {
  expect_caught({.link_fault = LinkFault::kLoadsNewest}, "");  // shows in many ways
}
TEST(Mutants, ForgettingMembershipIsCaught) {
  expect_engine_caught(ForgetfulEngine(Forgets::kMemberships), "but the objects of type ");
}
TEST(Mutants, WritingToWhatIsGoneIsCaught) {
  expect_engine_caught(LenientEngine(), "is logged with other changes");
}
TEST(Mutants, DuplicatingUniqueValuesIsCaught) {
  expect_engine_caught(DuplicatingEngine(), "twice");
}
TEST(Mutants, GivingToAnEndedConnectionIsCaught) {
  expect_engine_caught(CarelessEngine(), "has an owner that is gone");
}
TEST(Mutants, ConflictingOnWholeObjectsIsCaught) {
  expect_engine_caught(CoarseEngine(), "that did not change it");
}
TEST(Mutants, BlamingTheWrongVersionIsCaught) { expect_engine_caught(BlamingEngine(), "but "); }
TEST(Mutants, PublishingBeforeDurableIsCaught) {
  expect_caught({.store_honesty = SimStore::Honesty::kEarly}, "is durable");
}
TEST(Mutants, ForgettingWhatTookEffectIsCaught) {
  // Resent, it is applied for the second time, or refused on account of itself.
  expect_caught({.store_honesty = SimStore::Honesty::kForgetsClients}, "");
}
TEST(Mutants, LosingVersionsWithoutANewHistoryIsCaught) {
  expect_caught({.store_honesty = SimStore::Honesty::kLosesSilently}, "was durable");
}
TEST(Mutants, AcknowledgingWithoutTheStoreAfterATakeOverIsCaught) {
  // Shows in many ways.
  expect_caught({.lease_fault = LeaseFault::kNoFence, .many_absences = true}, "");
}
TEST(Mutants, FlushingWithoutALookAtTheLeaseIsCaught) {
  expect_caught({.lease_fault = LeaseFault::kNoClock, .many_absences = true},
                "although its client has flushed");
}
TEST(Mutants, SkippingADeltaWhenAClientComesBackIsCaught) {
  expect_caught({.link_fault = LinkFault::kResumeSkipsDelta}, "");  // shows in many ways
}
TEST(Mutants, RepeatingADeltaWhenAClientComesBackIsCaught) {
  expect_caught({.link_fault = LinkFault::kResumeRepeatsDelta}, "comes after");
}
TEST(Mutants, LosingADeltaIsCaught) {
  expect_caught({.link_fault = LinkFault::kLosesDelta}, "");  // shows in many ways
}
TEST(Mutants, AnOutcomeThatConcealsThatItIsTheDeltaIsCaught) {
  expect_caught({.link_fault = LinkFault::kOutcomeIsNoDelta}, "");  // shows in many ways
}
TEST(Mutants, OvertakingADeltaIsCaught) {
  expect_caught({.link_fault = LinkFault::kOvertakesDelta}, "comes after");
}

}  // namespace
}  // namespace odb::sim
