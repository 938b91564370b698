#include "odb/server/commit_pipeline.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "pipeline_fixture.h"

namespace odb::server {
namespace {

using test::Changes;
using test::kByStatus;
using test::kPerson;
using test::kPoints;
using test::kStatus;
using test::kTask;
using test::number;
using test::PipelineFixture;
using test::task;

using Story = std::vector<std::string>;

const Story kSilence;

struct CommitPipelineTest : ::testing::Test {
  void SetUp() override { p.start(); }
  static Changeset create(std::uint64_t id) {
    return Changes().create(kTask, id, task("task " + std::to_string(id), 1));
  }
  static Changeset set_status(std::uint64_t id, std::int64_t status) {
    return Changes().update(kTask, id, {{kStatus, number(status)}});
  }
  static ReadSet reads_status(std::uint64_t id) {
    return {.cells = {{kTask, FieldId{kStatus}, ObjectId{id}}}};
  }

  PipelineFixture p;
};

// ---- durable before visible ----

TEST_F(CommitPipelineTest, TellsNobodyBeforeTheStoreHasIt) {
  p.submit(create(1));
  EXPECT_EQ(p.told.take(), kSilence);
  p.pipeline.flush();
  EXPECT_EQ(p.told.take(), kSilence);
  EXPECT_EQ(p.pipeline.accepted(), Version{2});
  EXPECT_EQ(p.pipeline.durable(), Version{1});
  EXPECT_EQ(p.pipeline.published(), Version{1});
  p.store.complete_all();
  EXPECT_EQ(p.told.take(), (Story{"published 2", "accepted 2 of 1"}));
  EXPECT_EQ(p.pipeline.published(), Version{2});
}

TEST_F(CommitPipelineTest, ARefusalWaitsForTheVersionsThatItMayHangOn) {
  p.submit(create(1));
  p.submit(Changes().create(kTask, 2, task("task 1", 0)));  // the same title
  p.pipeline.flush();
  EXPECT_EQ(p.told.take(), kSilence);
  p.store.complete_all();
  EXPECT_EQ(p.told.take(),
            (Story{"published 2", "accepted 2 of 1", "refused(unique violation) of 2"}));
}

TEST_F(CommitPipelineTest, ARefusalWithNothingUnderWayIsToldAtOnce) {
  p.submit(set_status(77, 1));
  EXPECT_EQ(p.told.take(), Story{"conflict with 0 of 1"});
}

TEST_F(CommitPipelineTest, OutcomesKeepTheOrderOfVersionsAndRefusalsTheirPlace) {
  p.submit(create(1));
  p.pipeline.flush();
  p.submit(set_status(77, 0));
  p.submit(create(2));
  p.pipeline.flush();
  p.submit(set_status(78, 0));
  p.store.complete(1);
  EXPECT_EQ(p.told.take(), (Story{"published 2", "accepted 2 of 1", "conflict with 0 of 2"}));
  p.store.complete(1);
  EXPECT_EQ(p.told.take(), (Story{"published 3", "accepted 3 of 3", "conflict with 0 of 4"}));
}

TEST_F(CommitPipelineTest, AConflictNamesTheActorOfTheWinner) {
  p.submit(create(1));
  p.submit(set_status(1, 5), {}, {}, "bob");
  p.submit(set_status(1, 6), reads_status(1), Version{2});
  p.pipeline.flush();
  p.store.complete_all();
  ASSERT_EQ(p.told.conflicts.size(), 1u);
  EXPECT_EQ(p.told.conflicts[0].actor, "bob");
  EXPECT_EQ(p.told.conflicts[0].won, Version{3});
}

TEST_F(CommitPipelineTest, ASchemaIsKnownToClientsOnlyOncePublished) {
  const auto before = p.pipeline.published_catalog();
  p.define({"todo", {{"Note", {{"text", Type::text()}}, {}}}});
  p.define({"todo", {{"Note", {{"text", Type::text()}}, {}}}});  // adds nothing, but waits
  p.submit(Changes().create(TypeId{3}, 5));
  p.pipeline.flush();
  EXPECT_EQ(p.pipeline.published_catalog(), before);
  EXPECT_EQ(p.told.take(), kSilence);
  p.store.complete_all();
  EXPECT_NE(p.pipeline.published_catalog()->find(TypeId{3}), nullptr);
  EXPECT_EQ(p.told.take(), (Story{"published 2", "todo defined at 2", "todo defined at 2",
                                  "published 3", "accepted 3 of 1"}));
}

// ---- group commit ----

TEST_F(CommitPipelineTest, WhatArrivesTogetherIsAppendedTogether) {
  p.submit(create(1));
  p.submit(create(2));
  p.submit(set_status(77, 1));  // refused: takes no version
  p.submit(create(3));
  EXPECT_EQ(p.store.batches().size(), 1u) << "the schema's";
  p.pipeline.flush();
  p.pipeline.flush();
  EXPECT_EQ(p.store.batches(), (std::vector<std::size_t>{1, 3}));
  p.submit(create(4));
  p.pipeline.flush();
  EXPECT_EQ(p.store.batches(), (std::vector<std::size_t>{1, 3, 1}));
  ASSERT_EQ(p.store.appended().size(), 4u);
  EXPECT_EQ(p.store.appended()[3].version, Version{5});
  EXPECT_EQ(p.store.appended()[3].actor, "ann");
  EXPECT_EQ(p.store.appended()[3].sequence, Sequence{5});
  EXPECT_EQ(p.store.appended()[3].changes, create(4));
}

// ---- failures ----

TEST_F(CommitPipelineTest, AFailedAppendTellsUnavailableAndFallsBack) {
  p.submit(create(1));
  p.pipeline.flush();
  p.store.complete_all();
  p.told.take();
  p.submit(set_status(1, 5));
  p.submit(create(2));
  p.pipeline.flush();
  p.submit(create(3));  // not even sent yet
  p.store.lose_from(Version{3});
  EXPECT_EQ(p.told.take(), (Story{"refused(unavailable) of 2", "refused(unavailable) of 3",
                                  "refused(unavailable) of 4"}));
  EXPECT_EQ(p.pipeline.accepted(), Version{2});
  EXPECT_EQ(p.state.find(kTask, ObjectId{1}, Version{2})->fields()[kStatus], number(1));
  EXPECT_EQ(p.state.objects(kTask)->newest(ObjectId{2}), nullptr);
  p.submit(create(2));
  p.pipeline.flush();
  p.store.complete_all();
  EXPECT_EQ(p.told.take(), (Story{"published 3", "accepted 3 of 5"}));
}

TEST_F(CommitPipelineTest, APartlyFailedAppendKeepsWhatIsBeforeTheFailure) {
  p.submit(create(1));
  p.submit(create(2));
  p.submit(create(3));
  p.pipeline.flush();
  p.store.lose_from(Version{3});
  EXPECT_EQ(p.told.take(), (Story{"refused(unavailable) of 2", "refused(unavailable) of 3"}));
  p.store.complete_all();
  EXPECT_EQ(p.told.take(), (Story{"published 2", "accepted 2 of 1"}));
}

TEST_F(CommitPipelineTest, ARefusalIsJudgedAgainWhenItsCauseFails) {
  p.submit(create(1));
  p.pipeline.flush();
  p.store.complete_all();
  p.told.take();
  p.submit(set_status(1, 5));                                      // 3, will fail
  p.submit(set_status(1, 6), reads_status(1), Version{2});         // conflicts with 3
  p.submit(set_status(77, 1));                                     // conflicts with nothing
  p.define({"todo", {{"Task", {{"status", Type::text()}}, {}}}});  // contradicts, also later
  p.pipeline.flush();
  EXPECT_EQ(p.told.take(), kSilence);
  p.store.lose_from(Version{3});
  EXPECT_EQ(p.told.take(), Story{"refused(unavailable) of 2"})
      << "the others hang on the second, which is accepted now";
  ASSERT_EQ(p.store.appended().size(), 1u) << "it was appended right away";
  p.store.complete_all();
  EXPECT_EQ(p.told.take(), (Story{"published 3", "accepted 3 of 3", "conflict with 0 of 4",
                                  "todo refused(schema contradiction)"}));
}

TEST_F(CommitPipelineTest, WhatIsJudgedAgainMayFailAgain) {
  p.submit(create(1));
  p.pipeline.flush();
  p.store.complete_all();
  p.told.take();
  p.store.fail_from(Version{3});
  p.submit(set_status(1, 5));
  p.submit(set_status(1, 6), reads_status(1), Version{2});
  p.pipeline.flush();
  EXPECT_EQ(p.told.take(), (Story{"refused(unavailable) of 2", "refused(unavailable) of 3"}));
  EXPECT_EQ(p.pipeline.accepted(), Version{2});
  p.store.recover();
  p.submit(set_status(1, 7));
  p.pipeline.flush();
  p.store.complete_all();
  EXPECT_EQ(p.told.take(), (Story{"published 3", "accepted 3 of 4"}));
}

TEST_F(CommitPipelineTest, ARolledBackSchemaWasNeverThere) {
  const auto before = p.state.catalog();
  p.define({"todo", {{"Note", {{"text", Type::text()}}, {}}}});
  p.submit(Changes().create(TypeId{3}, 5));
  p.submit(Changes().create(TypeId{4}, 6));  // unknown either way
  p.pipeline.flush();
  p.store.lose_from(Version{2});
  EXPECT_EQ(p.told.take(), (Story{"todo refused(unavailable)", "refused(unavailable) of 1",
                                  "refused(unknown type) of 2"}));
  EXPECT_EQ(p.state.catalog(), before);
  EXPECT_EQ(p.pipeline.published_catalog(), before);
  p.define({"other", {{"Thing", {{"size", Type::integer()}}, {}}}});
  p.submit(Changes().create(TypeId{3}, 7, {{0, number(3)}}));
  p.pipeline.flush();
  p.store.complete_all();
  EXPECT_EQ(p.told.take(),
            (Story{"published 2", "other defined at 2", "published 3", "accepted 3 of 3"}));
}

TEST_F(CommitPipelineTest, ASchemaThatRefersToARolledBackOneIsNotTaken) {
  const SchemaDefinition notes{"notes", {{"Note", {{"text", Type::text()}}, {}}}};
  const SchemaDefinition links{
      "links", {{"Link", {{"to", Type::reference(TypeName{"notes", "Note"})}}, {}}}};
  p.define(notes);
  p.define(links);
  p.define(links);  // somebody else's, which adds nothing
  p.pipeline.flush();
  p.store.lose_from(Version{2});
  EXPECT_EQ(p.told.take(), (Story{"notes refused(unavailable)", "links refused(unavailable)",
                                  "links refused(unavailable)"}));
}

TEST_F(CommitPipelineTest, FailuresOfWhatIsDurableOrUnknownAreIgnored) {
  p.submit(create(1));
  p.pipeline.flush();
  p.store.complete_all();
  p.told.take();
  p.pipeline.on_append_failed(Version{2}, {});
  p.pipeline.on_append_failed(Version{99}, {});
  p.pipeline.on_durable(Version{1});
  EXPECT_EQ(p.told.take(), kSilence);
  EXPECT_EQ(p.pipeline.accepted(), Version{2});
}

// ---- what is retained ----

TEST(CommitPipelineHorizon, MovesWithTheNumberOfVersions) {
  Limits limits;
  limits.retained_versions_max = 3;
  PipelineFixture p(limits);
  p.start();
  for (std::uint64_t id = 1; id <= 10; ++id) p.submit(Changes().create(kPerson, id));
  p.pipeline.flush();
  EXPECT_EQ(p.state.horizon(), Version{0}) << "nothing is given up before it is published";
  p.store.complete_all();
  EXPECT_EQ(p.pipeline.published(), Version{11});
  EXPECT_EQ(p.state.horizon(), Version{8});
  p.told.take();
  const ReadSet reads{.indexes = {{kByStatus, test::key({number(1)})}}};
  p.submit(Changes().create(kPerson, 20), reads, Version{7});
  EXPECT_EQ(p.told.take(), Story{"refused(too old) of 11"});
  p.submit(Changes().create(kPerson, 20), reads, Version{8});
  p.pipeline.flush();
  p.store.complete_all();
  EXPECT_EQ(p.told.take(), (Story{"published 12", "accepted 12 of 12"}));
  EXPECT_LE(p.state.journal_size(), 3u);
}

TEST(CommitPipelineHorizon, MovesWithTheBytesOfVersions) {
  Limits limits;
  limits.retained_bytes_max = 1000;
  PipelineFixture p(limits);
  p.start();
  for (std::uint64_t id = 1; id <= 10; ++id)
    p.submit(Changes().create(kPerson, id), {}, {}, "a", 300);
  p.pipeline.flush();
  p.store.complete_all();
  EXPECT_EQ(p.state.horizon(), Version{8}) << "three of 300 bytes fit";
  p.submit(Changes().create(kPerson, 20), {}, {}, "a", 5000);
  p.pipeline.flush();
  p.store.complete_all();
  EXPECT_EQ(p.state.horizon(), Version{12}) << "a big one alone leaves only itself";
}

TEST(CommitPipelineHorizon, CountsWhatFailedNoMore) {
  Limits limits;
  limits.retained_versions_max = 3;
  PipelineFixture p(limits);
  p.start();
  for (std::uint64_t id = 1; id <= 10; ++id) p.submit(Changes().create(kPerson, id));
  p.pipeline.flush();
  p.store.complete(1);
  EXPECT_EQ(p.state.horizon(), Version{2});
  p.store.lose_from(Version{3});
  p.submit(Changes().create(kPerson, 20));
  p.pipeline.flush();
  p.store.complete_all();
  EXPECT_EQ(p.pipeline.published(), Version{3});
  EXPECT_EQ(p.state.horizon(), Version{2}) << "the horizon never goes back";
}

}  // namespace
}  // namespace odb::server
