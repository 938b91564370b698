#include "odb/server/stage_times.h"

#include <gtest/gtest.h>

namespace odb::server {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;

TEST(DurationHistogram, CountsIntoTheFirstBucketWhoseBoundIsNotExceeded) {
  DurationHistogram histogram;
  histogram.add(nanoseconds{0}, 1);
  histogram.add(microseconds{10}, 2);
  histogram.add(nanoseconds{10'001}, 3);
  histogram.add(std::chrono::hours{1}, 4);
  EXPECT_EQ(histogram.buckets[0], 3U);
  EXPECT_EQ(histogram.buckets[1], 3U);
  EXPECT_EQ(histogram.buckets.back(), 4U);
  EXPECT_EQ(histogram.count(), 10U);
  EXPECT_EQ(histogram.sum, microseconds{20} + nanoseconds{30'003} + 4 * std::chrono::hours{1});
}

struct Stages : ::testing::Test {
  static StageWatch::Time at(milliseconds time) { return StageWatch::Time{} + time; }
  StageWatch watch{Version{10}};
};

TEST_F(Stages, CountEveryCommitOfABatchWithTheTimeOfTheBatch) {
  watch.on_accepted(Version{12}, at(milliseconds{0}));
  watch.on_accepted(Version{15}, at(milliseconds{1}));
  EXPECT_EQ(watch.lag(at(milliseconds{4})), milliseconds{4});
  watch.on_durable(Version{12}, at(milliseconds{5}));
  EXPECT_EQ(watch.lag(at(milliseconds{5})), milliseconds{4});
  watch.on_published(Version{12}, at(milliseconds{6}));
  EXPECT_TRUE(watch.expects_told());
  watch.on_told(at(milliseconds{8}));
  EXPECT_FALSE(watch.expects_told());
  watch.on_durable(Version{15}, at(milliseconds{11}));
  watch.on_published(Version{15}, at(milliseconds{11}));
  watch.on_told(at(milliseconds{11}));
  EXPECT_EQ(watch.lag(at(milliseconds{20})), nanoseconds{0});

  EXPECT_EQ(watch.times().durable.count(), 5U);
  EXPECT_EQ(watch.times().durable.sum, 2 * milliseconds{5} + 3 * milliseconds{10});
  EXPECT_EQ(watch.times().published.sum, 2 * milliseconds{1});
  EXPECT_EQ(watch.times().told.count(), 5U);
  EXPECT_EQ(watch.times().told.sum, 2 * milliseconds{2});
}

TEST_F(Stages, ABatchPartlyDurableWaitsForItsLastVersion) {
  watch.on_accepted(Version{13}, at(milliseconds{0}));
  watch.on_durable(Version{12}, at(milliseconds{1}));
  EXPECT_EQ(watch.times().durable.count(), 0U);
  watch.on_durable(Version{13}, at(milliseconds{2}));
  EXPECT_EQ(watch.times().durable.count(), 3U);
}

TEST_F(Stages, WhatIsRolledBackIsNotCounted) {
  watch.on_accepted(Version{12}, at(milliseconds{0}));
  watch.on_accepted(Version{15}, at(milliseconds{1}));
  watch.on_rolled_back(Version{11});
  EXPECT_EQ(watch.accepted(), Version{11});
  watch.on_durable(Version{11}, at(milliseconds{2}));
  EXPECT_EQ(watch.times().durable.count(), 1U);
  EXPECT_EQ(watch.lag(at(milliseconds{9})), nanoseconds{0});

  watch.on_accepted(Version{12}, at(milliseconds{3}));
  watch.on_durable(Version{12}, at(milliseconds{4}));
  EXPECT_EQ(watch.times().durable.count(), 2U);
}

}  // namespace
}  // namespace odb::server
