#include "telling_pace.h"

#include <gtest/gtest.h>

namespace odb::server {
namespace {

using std::chrono::microseconds;
using std::chrono::seconds;

TellingPace::Time at(microseconds time) { return TellingPace::Time{} + time; }

TEST(TellingPaceOf, TheFirstTellingIsAtOnce) {
  EXPECT_LE(TellingPace().due(), at(microseconds{0}));
}

TEST(TellingPaceOf, TheNextOneWaitsForAsLongAsTheLastOneDeserves) {
  TellingPace pace;
  pace.told(at(microseconds{100}), at(microseconds{130}));
  EXPECT_EQ(pace.due(), at(microseconds{130 + 30 * TellingPace::kWaitTimes}));
}

TEST(TellingPaceOf, HoweverManySubscribersThereAreNobodyWaitsLong) {
  TellingPace pace;
  pace.told(at(seconds{1}), at(seconds{3}));
  EXPECT_EQ(pace.due(), at(seconds{3} + TellingPace::kWaitMax));
}

}  // namespace
}  // namespace odb::server
