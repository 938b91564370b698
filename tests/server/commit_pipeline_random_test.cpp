// The pipeline over a store that lags and fails at random: everyone is answered once, nothing is
// told before it is durable, and the state is what the durable records make.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "pipeline_fixture.h"
#include "support/random_value.h"

namespace odb::server {
namespace {

using test::below;
using test::Changes;
using test::kByStatus;
using test::kStatus;
using test::kTask;
using test::number;
using test::PipelineFixture;
using test::task;

class RandomPipeline {
 public:
  explicit RandomPipeline(std::uint64_t seed) : random_(seed) { p_.start(); }

  void step() {
    switch (below(random_, 10)) {
      case 0:
      case 1:
      case 2:
      case 3:
      case 4:
        submit();
        break;
      case 5:
      case 6:
        p_.pipeline.flush();
        break;
      case 7:
      case 8:
        p_.store.complete(below(random_, 5));
        break;
      default:
        if (!p_.store.appended().empty()) {
          p_.store.lose_from(test::pick(random_, p_.store.appended()).version);
        }
    }
    ASSERT_GE(p_.pipeline.accepted(), p_.pipeline.durable());
    ASSERT_EQ(p_.pipeline.durable(), p_.pipeline.published());
    collect();
  }

  void finish() {
    p_.pipeline.flush();
    p_.store.complete_all();
    collect();
    // Everyone was answered exactly once.
    ASSERT_EQ(answers_.size(), submitted_);
    for (const auto& [sequence, count] : answers_) ASSERT_EQ(count, 1) << "sequence " << sequence;
    // What is durable has consecutive versions, and makes the state when applied to an empty one.
    VersionedState replayed;
    for (const CommitRecord& record : p_.store.durable()) {
      ASSERT_EQ(record.version, next(replayed.version()));
      if (record.schema) {
        replayed.apply_catalog(record.version, test::merged(*replayed.catalog(), *record.schema));
      } else {
        replayed.apply(record.version, record.changes);
      }
    }
    ASSERT_EQ(p_.state.version(), replayed.version());
    for (std::uint64_t version = 1; version <= replayed.version().value; ++version) {
      ASSERT_NO_FATAL_FAILURE(expect_same(replayed, Version{version}));
    }
    ASSERT_EQ(p_.state.membership_modified(kTask), replayed.membership_modified(kTask));
    for (std::int64_t status = 0; status < 3; ++status) {
      const std::string key = test::key({number(status)});
      ASSERT_EQ(p_.state.index_modified(kByStatus, key), replayed.index_modified(kByStatus, key));
    }
    ASSERT_EQ(p_.state.journal_size(), replayed.journal_size());
  }
  std::size_t accepted() const { return p_.store.durable().size(); }

 private:
  void submit() {
    ++submitted_;
    const std::uint64_t id = 1 + below(random_, 8);
    const Row* newest = p_.state.objects(kTask)->newest(ObjectId{id});
    const auto status = static_cast<std::int64_t>(below(random_, 3));
    Changes changes;
    if (newest == nullptr) {
      changes.create(kTask, id, task(std::to_string(below(random_, 10)), status));
    } else if (below(random_, 20) == 0) {
      changes.erase(kTask, id);
    } else {
      changes.update(kTask, id, {{kStatus, number(status)}});
    }
    ReadSet reads;
    if (below(random_, 2) == 0) reads.cells.push_back({kTask, FieldId{kStatus}, ObjectId{id}});
    if (below(random_, 4) == 0) reads.indexes.push_back({kByStatus, test::key({number(status)})});
    p_.submit(changes, reads, p_.pipeline.published());  // what a client can have seen
  }

  void collect() {
    for (const std::string& told : p_.told.take()) {
      if (const auto of = told.find(" of "); of != std::string::npos) {
        ++answers_[std::stoull(told.substr(of + 4))];
      }
    }
  }

  void expect_same(const VersionedState& replayed, Version version) const {
    for (std::uint64_t id = 1; id <= 8; ++id) {
      const Row* found = p_.state.find(kTask, ObjectId{id}, version);
      const Row* expected = replayed.find(kTask, ObjectId{id}, version);
      ASSERT_EQ(found == nullptr, expected == nullptr) << "object " << id;
      if (found == nullptr) continue;
      ASSERT_TRUE(std::equal(found->fields().begin(), found->fields().end(),
                             expected->fields().begin(), expected->fields().end()));
      ASSERT_EQ(found->version(), expected->version());
    }
  }

  test::Random random_;
  PipelineFixture p_;
  std::size_t submitted_ = 0;
  std::map<std::uint64_t, int> answers_;
};

TEST(CommitPipeline, AnswersAllOnceAndHoldsWhatIsDurableUnderRandomFailures) {
  const std::uint64_t seed = test::random_seed();
  std::size_t accepted = 0;
  for (std::uint64_t round = 0; round < 200; ++round) {
    SCOPED_TRACE("ODB_TEST_SEED=" + std::to_string(seed + round));
    RandomPipeline pipeline(seed + round);
    for (int step = 0; step < 120; ++step) ASSERT_NO_FATAL_FAILURE(pipeline.step());
    ASSERT_NO_FATAL_FAILURE(pipeline.finish());
    accepted += pipeline.accepted();
  }
  EXPECT_GT(accepted, 200u * 10u);
}

}  // namespace
}  // namespace odb::server
