#include "odb/server/outcome_table.h"

#include <gtest/gtest.h>

#include <string>

namespace odb::server {
namespace {

constexpr ClientId kAnn{1, 1};
constexpr ClientId kBob{1, 2};
constexpr ClientId kCid{1, 3};

struct OutcomeTableTest : ::testing::Test {
  // "new", "accepted 7", "unknown", "foreign".
  std::string resent(ClientId client, std::uint64_t sequence, std::uint64_t snapshot = 0,
                     const std::string& actor = "ann") const {
    const auto found =
        table.look_up(client, actor, Sequence{sequence}, Delivery::kResent, Version{snapshot});
    if (const auto* accepted = std::get_if<Accepted>(&found)) {
      return "accepted " + std::to_string(accepted->version.value);
    }
    if (std::holds_alternative<OutcomeTable::New>(found)) return "new";
    return std::holds_alternative<OutcomeTable::Unknown>(found) ? "unknown" : "foreign";
  }
  void accept(ClientId client, std::uint64_t sequence, std::uint64_t version,
              std::uint64_t lowest = 0) {
    table.accept(client, "ann", {Sequence{sequence}, Version{version}}, Sequence{lowest});
  }

  Limits limits{.outcome_clients_max = 2, .outcomes_per_client_max = 3};
  OutcomeTable table{limits};
};

TEST_F(OutcomeTableTest, KnowsWhatTookEffectAndWhatDidNot) {
  accept(kAnn, 1, 10);
  accept(kAnn, 3, 11);
  EXPECT_EQ(resent(kAnn, 1), "accepted 10");
  EXPECT_EQ(resent(kAnn, 2), "new");
  EXPECT_EQ(resent(kAnn, 3), "accepted 11");
  EXPECT_EQ(resent(kAnn, 4), "new");
  EXPECT_EQ(resent(kBob, 1), "new");
}

TEST_F(OutcomeTableTest, TakesLateOnesIntoTheirPlace) {
  accept(kAnn, 3, 10);
  accept(kAnn, 2, 11);
  EXPECT_EQ(resent(kAnn, 2), "accepted 11");
  EXPECT_EQ(resent(kAnn, 3), "accepted 10");
  EXPECT_EQ(table.find(kAnn)->accepted.front().sequence, Sequence{2});
}

TEST_F(OutcomeTableTest, DropsWhatTheClientKnows) {
  accept(kAnn, 1, 10);
  accept(kAnn, 2, 11);
  accept(kAnn, 3, 12, 3);
  EXPECT_EQ(resent(kAnn, 1), "unknown");
  EXPECT_EQ(resent(kAnn, 2), "unknown");
  EXPECT_EQ(resent(kAnn, 3), "accepted 12");
  EXPECT_EQ(table.find(kAnn)->accepted.size(), 1u);
}

TEST_F(OutcomeTableTest, BelongsToOneActor) {
  accept(kAnn, 1, 10);
  EXPECT_EQ(resent(kAnn, 1, 0, "eve"), "foreign");
  EXPECT_EQ(resent(kAnn, 2, 0, "eve"), "foreign");
}

TEST_F(OutcomeTableTest, ForgetsTheOldestOfOneClientBeyondTheLimit) {
  for (std::uint64_t i = 1; i <= 4; ++i) accept(kAnn, i, 9 + i);
  EXPECT_EQ(resent(kAnn, 1), "unknown") << "never a guess";
  EXPECT_EQ(resent(kAnn, 2), "accepted 11");
  EXPECT_EQ(table.find(kAnn)->accepted.size(), 3u);
}

TEST_F(OutcomeTableTest, ForgetsTheClientThatCommittedLongestAgo) {
  accept(kAnn, 1, 10);
  accept(kBob, 1, 11);
  accept(kAnn, 2, 12);
  accept(kCid, 1, 13);
  EXPECT_EQ(table.take_forgotten(), std::vector<ClientId>{kBob});
  EXPECT_EQ(table.forgotten_up_to(), Version{11});
  EXPECT_EQ(resent(kAnn, 1), "accepted 10");
  EXPECT_EQ(resent(kBob, 1, 5), "unknown") << "it may be what was forgotten";
  EXPECT_EQ(resent(kBob, 2, 11), "new") << "read after all that was forgotten";
  EXPECT_EQ(table.client_count(), 2u);
}

TEST_F(OutcomeTableTest, AForgottenClientThatComesBackIsCoveredOnlyFromThereOn) {
  accept(kAnn, 1, 10);
  accept(kBob, 1, 11);
  accept(kCid, 1, 12);  // ann is forgotten
  accept(kAnn, 5, 13);
  EXPECT_EQ(resent(kAnn, 1), "unknown");
  EXPECT_EQ(resent(kAnn, 4), "unknown");
  EXPECT_EQ(resent(kAnn, 5), "accepted 13");
  EXPECT_EQ(resent(kAnn, 6), "new");
}

TEST_F(OutcomeTableTest, WhatIsRolledBackNeverWas) {
  accept(kAnn, 1, 10);
  accept(kAnn, 2, 11);
  table.roll_back(kAnn, Sequence{2});
  table.roll_back(kBob, Sequence{9});
  EXPECT_EQ(resent(kAnn, 1), "accepted 10");
  EXPECT_EQ(resent(kAnn, 2), "new");
}

TEST_F(OutcomeTableTest, IsLoadedInTheOrderOfTheLastCommits) {
  table.load({kBob, "ann", Sequence{2}, {{Sequence{2}, Version{20}}}});
  table.load({kAnn, "ann", Sequence{1}, {{Sequence{1}, Version{10}}}});
  table.finish_load();
  EXPECT_EQ(resent(kBob, 1), "unknown");
  EXPECT_EQ(resent(kBob, 2), "accepted 20");
  accept(kCid, 1, 21);
  EXPECT_EQ(table.take_forgotten(), std::vector<ClientId>{kAnn});
}

}  // namespace
}  // namespace odb::server
