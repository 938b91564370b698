// What the bench itself must get right: reading Redis' replies, and telling which goals are met.
#include <gtest/gtest.h>

#include <cstring>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "redis_tls.h"
#include "report.h"

namespace odb::bench {
namespace {

void feed(RedisReplies& replies, std::string_view bytes) {
  std::memcpy(replies.prepare().data(), bytes.data(), bytes.size());
  replies.commit(bytes.size());
}

TEST(RedisReplies, ComeWholeHoweverTheirBytesAreCut) {
  const std::string bytes =
      "+OK\r\n:-7\r\n$4\r\na\r\nb\r\n$-1\r\n*2\r\n*1\r\n:1\r\n$0\r\n\r\n*-1\r\n";
  RedisReplies replies;
  std::vector<RedisReply> found;
  std::vector<std::string> texts;
  for (const char byte : bytes) {
    feed(replies, std::string_view(&byte, 1));
    while (const std::optional<RedisReply> reply = replies.next()) {
      found.push_back(*reply);
      texts.emplace_back(reply->text);
    }
  }
  ASSERT_EQ(found.size(), 6);
  EXPECT_EQ(texts[0], "OK");
  EXPECT_EQ(found[1].integer, -7);
  EXPECT_EQ(texts[2], "a\r\nb");
  EXPECT_EQ(found[3].kind, RedisReply::Kind::kNone);
  ASSERT_EQ(found[4].elements.size(), 2);
  EXPECT_EQ(found[4].elements[0].elements.at(0).integer, 1);
  EXPECT_EQ(found[4].elements[1].kind, RedisReply::Kind::kText);
  EXPECT_EQ(found[5].kind, RedisReply::Kind::kNone);
}

TEST(RedisReplies, RefusalsAndNonsenseThrow) {
  for (const std::string_view bytes :
       {"-ERR no\r\n", "?\r\n", "\r\n", ":12x\r\n", "$9999999999\r\n", "*9999999999\r\n",
        "*1\r\n-ERR inside\r\n"}) {
    RedisReplies replies;
    feed(replies, bytes);
    EXPECT_THROW(static_cast<void>(replies.next()), std::runtime_error) << bytes;
  }
  RedisReplies deep;
  std::string bytes;
  for (int i = 0; i < 100; ++i) bytes += "*1\r\n";
  feed(deep, bytes);
  EXPECT_THROW(static_cast<void>(deep.next()), std::runtime_error);
}

TEST(RedisReplies, CommandsAreBulkStrings) {
  std::string out;
  append_command(out, {"SET", "key", ""});
  EXPECT_EQ(out, "*3\r\n$3\r\nSET\r\n$3\r\nkey\r\n$0\r\n\r\n");
}

// The last row's last cells: its goals, and whether they are met.
std::string last_row(const Report& report) {
  std::string table = report.markdown();
  table.pop_back();
  return table.substr(table.rfind('\n') + 1);
}

TEST(Report, TellsForEachGoalWhetherItIsMet) {
  Report report;
  Line& line = report.line("figure", "what", "us", {Goal::Kind::kFloorTimes, 1.5},
                           {Goal::Kind::kPeerTimes, 1});
  line.samples = {10, 14, 90};
  line.floor_samples = {10};
  line.peer_samples = {13};
  const std::string row = last_row(report);
  EXPECT_NE(row.find("| 14.0 us (10.0 .. 90.0)"), std::string::npos) << row;
  EXPECT_NE(row.find("| Redis: 13.0 us"), std::string::npos) << row;
  EXPECT_NE(row.find("| within 1.50 x floor; within 1.00 x Redis"), std::string::npos) << row;
  EXPECT_NE(row.find("| yes; NO"), std::string::npos) << row;
}

TEST(Report, AGoalWithoutWhatItIsHeldAgainstIsNotMet) {
  for (const Goal::Kind kind : {Goal::Kind::kFloorTimes, Goal::Kind::kFloorAtLeast,
                                Goal::Kind::kPeerTimes, Goal::Kind::kPeerAtLeast}) {
    Report report;
    report.line("figure", "what", "us", {kind, 1}).samples = {1};
    EXPECT_NE(last_row(report).find("| NO"), std::string::npos);
  }
}

TEST(Report, ShowsAPeerThatNothingOfOursStandsBeside) {
  Report report;
  report.line("figure", "what", "us").peer_samples = {3};
  EXPECT_NE(last_row(report).find("| Redis: 3.00 us"), std::string::npos);
  EXPECT_EQ(last_row(report).find("skipped"), std::string::npos);
}

}  // namespace
}  // namespace odb::bench
