#include "retention.h"

#include <gtest/gtest.h>

namespace odb::server {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;

Retention::Time at(milliseconds time) { return Retention::Time{} + time; }

TEST(RetentionOfALog, KeepsTheNewestVersions) {
  Retention retention({.versions = 100});
  EXPECT_FALSE(retention.needs_time());
  EXPECT_EQ(retention.cut(Version{1}, at(seconds{0})), Version{0});
  EXPECT_EQ(retention.cut(Version{100}, at(seconds{1})), Version{0});
  EXPECT_EQ(retention.cut(Version{101}, at(seconds{2})), Version{1});
  EXPECT_EQ(retention.cut(Version{500}, at(seconds{2})), Version{400});
}

TEST(RetentionOfALog, KeepsYoungVersionsBeyondTheirNumber) {
  Retention retention({.versions = 10, .time = seconds{60}});
  retention.cut(Version{100}, at(seconds{0}));
  EXPECT_EQ(retention.cut(Version{200}, at(seconds{30})), Version{0});
  EXPECT_EQ(retention.cut(Version{201}, at(seconds{59})), Version{0});
  EXPECT_EQ(retention.cut(Version{202}, at(seconds{61})), Version{100});
  EXPECT_EQ(retention.cut(Version{203}, at(seconds{95})), Version{193}) << "the newest 10 stay";
}

TEST(RetentionOfALog, KeepsManyOldVersionsWhenTheNumberSaysSo) {
  Retention retention({.versions = 1000, .time = seconds{1}});
  retention.cut(Version{500}, at(seconds{0}));
  EXPECT_EQ(retention.cut(Version{900}, at(hours{1})), Version{0});
  EXPECT_EQ(retention.cut(Version{1200}, at(hours{2})), Version{200});
}

TEST(RetentionOfALog, NeverKeepsMoreThanItsLimit) {
  Retention retention({.versions = 10, .time = hours{1}, .versions_max = 50});
  EXPECT_EQ(retention.cut(Version{50}, at(seconds{0})), Version{0});
  EXPECT_EQ(retention.cut(Version{80}, at(seconds{1})), Version{30});
  Retention more({.versions = 1000, .versions_max = 50});
  EXPECT_EQ(more.cut(Version{80}, at(seconds{0})), Version{30}) << "whatever the number says";
}

TEST(RetentionOfALog, WhatWasThereAtTheStartCountsAsWrittenThen) {
  Retention retention({.versions = 1, .time = seconds{60}});
  EXPECT_EQ(retention.cut(Version{1001}, at(seconds{0})), Version{0});
  EXPECT_EQ(retention.cut(Version{1002}, at(seconds{59})), Version{0});
  EXPECT_EQ(retention.cut(Version{1003}, at(seconds{61})), Version{1001});
}

TEST(RetentionOfALog, AVersionNeverLeavesBeforeItsTime) {
  Retention retention({.versions = 1, .time = seconds{10}});
  for (int tick = 1; tick <= 100'000; ++tick) {
    const auto now = milliseconds{tick};
    const Version cut = retention.cut(Version{static_cast<std::uint64_t>(tick)}, at(now));
    // Version v was written at v ms.
    if (cut != Version{}) {
      ASSERT_LE(cut.value + 10'000, static_cast<std::uint64_t>(tick));
    }
    if (tick > 11'000) {
      ASSERT_GE(cut.value + 10'200, static_cast<std::uint64_t>(tick));
    }
  }
}

}  // namespace
}  // namespace odb::server
