// Commits that are sent again, and a store that is away.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "pipeline_fixture.h"

namespace odb::server {
namespace {

using test::Changes;
using test::kStatus;
using test::kTask;
using test::number;
using test::PipelineFixture;
using test::task;

using Story = std::vector<std::string>;
const Story kSilence;

struct PipelineOutcomeTest : ::testing::Test {
  void SetUp() override {
    p.start();
    p.submit(Changes().create(kTask, 1, task("one", 1)));
    flush_and_complete();
    EXPECT_EQ(p.told.take(), (Story{"published 2", "accepted 2 of 1"}));
  }
  static Changeset set_status(std::int64_t status) {
    return Changes().update(kTask, 1, {{kStatus, number(status)}});
  }
  void flush_and_complete() {
    p.pipeline.flush();
    p.store.complete_all();
  }
  void submit(std::uint64_t sequence, Delivery delivery, const std::string& actor = "ann",
              std::uint64_t lowest = 0) {
    CommitOrigin origin;
    origin.session = SessionId{2};
    origin.actor = actor;
    origin.client = PipelineFixture::client_of("ann");
    origin.sequence = Sequence{sequence};
    origin.lowest_unresolved = Sequence{lowest};
    origin.delivery = delivery;
    CommitRequest request;
    request.writes = set_status(static_cast<std::int64_t>(sequence));
    p.pipeline.submit(std::move(origin), std::move(request), 100);
  }
  void resend(std::uint64_t sequence) { submit(sequence, Delivery::kResent); }

  PipelineFixture p;
};

TEST_F(PipelineOutcomeTest, WhatTookEffectIsAnsweredAndNotDoneAgain) {
  resend(1);
  EXPECT_EQ(p.told.take(), Story{"accepted 2 of 1"});
  submit(1, Delivery::kFirst);
  EXPECT_EQ(p.told.take(), Story{"accepted 2 of 1"}) << "even when it does not say so";
  EXPECT_EQ(p.pipeline.accepted(), Version{2});
}

TEST_F(PipelineOutcomeTest, WhatIsNotDurableYetIsAnsweredWhenItIs) {
  submit(2, Delivery::kFirst);
  p.pipeline.flush();
  resend(2);
  EXPECT_EQ(p.told.take(), kSilence);
  p.store.complete_all();
  EXPECT_EQ(p.told.take(), (Story{"published 3", "accepted 3 of 2", "accepted 3 of 2"}));
}

TEST_F(PipelineOutcomeTest, WhatWasRolledBackIsJudgedAnew) {
  submit(2, Delivery::kFirst);
  p.pipeline.flush();
  resend(2);
  p.store.lose_from(Version{3});
  EXPECT_EQ(p.told.take(), Story{"refused(unavailable) of 2"});
  p.store.complete_all();
  EXPECT_EQ(p.told.take(), (Story{"published 3", "accepted 3 of 2"})) << "the one sent again";
}

TEST_F(PipelineOutcomeTest, WhatNeverArrivedIsDone) {
  resend(2);
  flush_and_complete();
  EXPECT_EQ(p.told.take(), (Story{"published 3", "accepted 3 of 2"}));
}

TEST_F(PipelineOutcomeTest, WhatTheClientKnewIsUnknownNow) {
  submit(2, Delivery::kFirst, "ann", 2);
  flush_and_complete();
  p.told.take();
  resend(1);
  EXPECT_EQ(p.told.take(), Story{"refused(outcome unknown) of 1"});
  submit(1, Delivery::kFirst);
  EXPECT_EQ(p.told.take(), Story{"refused(sequence reused) of 1"});
}

TEST_F(PipelineOutcomeTest, AClientsIdBelongsToItsActor) {
  submit(2, Delivery::kFirst, "eve");
  submit(1, Delivery::kResent, "eve");
  EXPECT_EQ(p.told.take(), (Story{"refused(unsupported) of 2", "refused(unsupported) of 1"}));
  EXPECT_EQ(p.pipeline.accepted(), Version{2});
}

TEST_F(PipelineOutcomeTest, AwayRefusesAtOnceAndStillAnswersWhatIsKnown) {
  submit(2, Delivery::kFirst);
  p.pipeline.flush();
  p.pipeline.on_away({ErrorCode::kUnavailable, "gone"});
  submit(3, Delivery::kFirst);
  p.define({"todo", {{"Note", {{"text", Type::text()}}, {}}}});
  resend(1);
  EXPECT_EQ(p.told.take(),
            (Story{"refused(unavailable) of 3", "todo refused(unavailable)", "accepted 2 of 1"}));
  EXPECT_EQ(p.pipeline.accepted(), Version{3}) << "what was sent is pending";
  p.store.complete_all();
  p.pipeline.on_back();
  resend(3);
  flush_and_complete();
  EXPECT_EQ(p.told.take(),
            (Story{"published 3", "accepted 3 of 2", "published 4", "accepted 4 of 3"}));
}

TEST_F(PipelineOutcomeTest, AwayStillAnswersWhoDefinesWhatIsThere) {
  p.pipeline.on_away({ErrorCode::kUnavailable, "gone"});
  p.define(test::todo_schema());
  EXPECT_EQ(p.told.take(), Story{"todo defined at 2"});
}

TEST_F(PipelineOutcomeTest, WhatIsOverdueIsUnknownOnceAndPublishedWhenItComes) {
  submit(2, Delivery::kFirst);
  p.submit(Changes().update(kTask, 77, {}), {}, {}, "bob");  // refused, and waits
  p.pipeline.flush();
  p.pipeline.on_overdue(Version{3});
  p.pipeline.on_overdue(Version{3});
  EXPECT_EQ(p.told.take(), (Story{"refused(outcome unknown) of 2", "refused(unavailable) of 2"}));
  p.store.complete_all();
  EXPECT_EQ(p.told.take(), Story{"published 3"});
  resend(2);
  EXPECT_EQ(p.told.take(), Story{"accepted 3 of 2"});
}

TEST_F(PipelineOutcomeTest, WhatIsOverdueAndThenFailsIsNotToldAgain) {
  submit(2, Delivery::kFirst);
  p.pipeline.flush();
  p.pipeline.on_overdue(Version{3});
  p.told.take();
  p.store.lose_from(Version{3});
  EXPECT_EQ(p.told.take(), kSilence);
  resend(2);
  flush_and_complete();
  EXPECT_EQ(p.told.take(), (Story{"published 3", "accepted 3 of 2"}));
}

TEST_F(PipelineOutcomeTest, TheServersOwnAreToldTheirEndOnly) {
  p.pipeline.submit({.session = {}, .actor = "ann", .client = {}, .sequence = {}, .request = {}},
                    {Version{}, {}, set_status(7)}, 100);
  p.pipeline.flush();
  p.pipeline.on_overdue(Version{3});
  EXPECT_EQ(p.told.take(), kSilence);
  p.store.lose_from(Version{3});
  EXPECT_EQ(p.told.take(), Story{"refused(unavailable) of 0"});
}

TEST_F(PipelineOutcomeTest, WhatWasSentAgainIsNotUnknownOnceItIsThere) {
  submit(2, Delivery::kFirst);
  submit(3, Delivery::kFirst);
  p.pipeline.flush();
  resend(2);  // waits behind both
  p.store.complete(1);
  EXPECT_EQ(p.told.take(), (Story{"published 3", "accepted 3 of 2"}));
  p.pipeline.on_overdue(Version{4});
  EXPECT_EQ(p.told.take(), (Story{"refused(outcome unknown) of 3", "accepted 3 of 2"}));
}

TEST(PipelineOutcome, WhatIsJudgedAgainMayHaveBeenForgottenMeanwhile) {
  Limits limits;
  limits.outcomes_per_client_max = 1;
  PipelineFixture p(limits);
  p.start();
  p.submit(Changes().create(kTask, 1, task("one", 1)));
  p.submit(Changes().update(kTask, 77, {}));  // refused, and waits
  p.submit(Changes().create(kTask, 2, task("two", 1)));
  p.submit(Changes().create(kTask, 3, task("three", 1)));
  p.pipeline.flush();
  p.store.lose_from(Version{2});
  EXPECT_EQ(p.told.take(), (Story{"refused(unavailable) of 1", "refused(outcome unknown) of 2",
                                  "refused(unavailable) of 3", "refused(unavailable) of 4"}));
}

TEST_F(PipelineOutcomeTest, ALostStoreLeavesOutcomesUnknown) {
  submit(2, Delivery::kFirst);
  p.pipeline.flush();
  p.pipeline.on_lost({ErrorCode::kUnavailable, "another server"});
  submit(3, Delivery::kFirst);
  EXPECT_EQ(p.told.take(), (Story{"refused(outcome unknown) of 2", "refused(unavailable) of 3"}));
}

}  // namespace
}  // namespace odb::server
