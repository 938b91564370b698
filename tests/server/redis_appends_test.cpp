// What Redis answers, and what the server is told: without a Redis.
#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "odb/core/versioned_state.h"
#include "redis/appends.h"

namespace odb::server::redis {
namespace {

using Story = std::vector<std::string>;

class RedisAppends : public ::testing::Test {
 protected:
  // One append of these versions.
  void append(std::uint64_t first, std::uint64_t last, std::uint64_t generation = 0) {
    std::vector<CommitRecord> records(last - first + 1);
    std::vector<const CommitRecord*> pointers;
    for (CommitRecord& record : records) {
      record.version = Version{first + pointers.size()};
      pointers.push_back(&record);
    }
    appends_.append(Batch({pointers, state_, outcomes_, {}}, keys_), generation);
  }
  // What goes out now: "5-7", "ids 100".
  Story send() {
    Story sent;
    for (;;) {
      const auto next = appends_.next_to_send(now_);
      if (next.batch != nullptr) {
        sent.push_back(std::to_string(next.batch->first().value) + "-" +
                       std::to_string(next.batch->last().value));
      } else if (next.ids) {
        sent.push_back("ids " + std::to_string(next.ids->value));
      } else {
        return sent;
      }
    }
  }
  void answer_ok(int count = 1) {
    for (int i = 0; i < count; ++i) {
      Reply reply;
      reply.kind = Reply::Kind::kInteger;
      reply.integer = 1;
      appends_.on_reply(reply);
    }
  }
  void answer(const std::string& error) {
    Reply reply;
    reply.kind = Reply::Kind::kError;
    reply.text = error;
    appends_.on_reply(reply);
  }
  void break_link() { appends_.on_gone({ErrorCode::kDisconnected, "gone"}); }
  Story told() {
    Story story;
    for (const News& item : appends_.take_news()) story.push_back(describe(item));
    return story;
  }
  static std::string describe(const News& item) {
    if (const auto* durable = std::get_if<Durable>(&item)) {
      return "durable " + std::to_string(durable->up_to.value);
    }
    if (const auto* failed = std::get_if<Failed>(&item)) {
      return "failed " + std::to_string(failed->from.value);
    }
    if (const auto* ids = std::get_if<IdsReserved>(&item)) {
      return "ids " + std::to_string(ids->below.value);
    }
    if (const auto* overdue = std::get_if<Overdue>(&item)) {
      return "overdue " + std::to_string(overdue->up_to.value);
    }
    if (std::holds_alternative<Away>(item)) return "away";
    return std::holds_alternative<Back>(item) ? "back" : "lost";
  }

  const Keys keys_{"odb:"};
  const Limits limits_;
  VersionedState state_;
  OutcomeTable outcomes_{limits_};
  Appends appends_{Version{4}};
  Appends::Time now_{std::chrono::hours(1)};
};

TEST_F(RedisAppends, AnswersConfirmInOrder) {
  append(5, 6);
  EXPECT_EQ(send(), Story{"5-6"});
  append(7, 7);
  EXPECT_EQ(send(), Story{"7-7"});
  EXPECT_EQ(told(), Story{});
  answer_ok(2);
  EXPECT_EQ(told(), (Story{"durable 6", "durable 7"}));
}

TEST_F(RedisAppends, WhatWaitsGoesOutTogether) {
  for (std::uint64_t v = 5; v < 5 + Appends::kInFlightMax; ++v) {
    append(v, v);
    EXPECT_EQ(send().size(), 1u);
  }
  append(7, 7);
  append(8, 12);
  EXPECT_EQ(send(), Story{}) << "enough is in flight";
  EXPECT_FALSE(appends_.has_room());
  answer_ok();
  EXPECT_EQ(send(), Story{"7-12"});
}

TEST_F(RedisAppends, ARefusalFailsWhatWasBuiltOnItAndNothingBefore) {
  append(5, 5);
  send();
  append(6, 6);
  send();
  append(7, 7);
  answer_ok();
  EXPECT_EQ(send(), Story{"7-7"});
  answer("OOM command not allowed");
  answer("ODBVERSION 5");
  EXPECT_EQ(told(), (Story{"durable 5", "failed 6"}));
  append(8, 8, 0);  // appended before the server knew
  EXPECT_EQ(send(), Story{});
  append(6, 6, 1);
  EXPECT_EQ(send(), Story{"6-6"});
  answer_ok();
  EXPECT_EQ(told(), Story{"durable 6"});
}

TEST_F(RedisAppends, AfterABreakItTakesWhatIsThereAndFailsTheRest) {
  append(5, 7);
  send();
  append(8, 8);
  send();
  appends_.reserve(ObjectId{100});
  break_link();
  EXPECT_EQ(told(), Story{"away"}) << "what was sent is pending";
  EXPECT_EQ(send(), Story{});
  appends_.on_resumed(Version{7});
  EXPECT_EQ(told(), (Story{"durable 7", "failed 8", "back"}));
  EXPECT_EQ(send(), Story{"ids 100"});
}

TEST_F(RedisAppends, WhatWasNotSentFailsAtOnce) {
  for (std::uint64_t v = 5; v < 5 + Appends::kInFlightMax; ++v) {
    append(v, v);
    send();
  }
  append(7, 7);
  break_link();
  EXPECT_EQ(told(), (Story{"away", "failed 7"}));
  append(7, 7, 1);
  EXPECT_EQ(told(), Story{"failed 7"}) << "still away";
  appends_.on_resumed(Version{6});
  EXPECT_EQ(told(), (Story{"durable 6", "back"}));
}

TEST_F(RedisAppends, ARedisBehindWhatWasAcknowledgedIsLost) {
  append(5, 5);
  send();
  answer_ok();
  told();
  break_link();
  appends_.on_resumed(Version{4});
  EXPECT_EQ(told(), (Story{"away", "lost"}));
  EXPECT_TRUE(appends_.is_lost());
  append(6, 6);
  EXPECT_EQ(send(), Story{});
}

TEST_F(RedisAppends, AVersionThatNobodyWroteIsLost) {
  append(5, 7);
  send();
  break_link();
  appends_.on_resumed(Version{6});
  EXPECT_EQ(told(), (Story{"away", "lost"}));
}

TEST_F(RedisAppends, AnotherOwnerEndsIt) {
  append(5, 5);
  send();
  answer("ODBOWNER other:1");
  EXPECT_EQ(told(), (Story{"failed 5", "lost"}));
}

TEST_F(RedisAppends, NonsenseEndsIt) {
  append(5, 5);
  send();
  answer("WRONGTYPE of a key");
  EXPECT_EQ(told(), (Story{"failed 5", "lost"}));
}

TEST_F(RedisAppends, ForgottenScriptsAreLoadedAndEverythingSentAgain) {
  append(5, 5);
  send();
  append(6, 6);
  send();
  answer("NOSCRIPT no matching script");
  append(7, 7);
  EXPECT_EQ(send(), Story{}) << "not before the answers to all that was sent";
  EXPECT_FALSE(appends_.needs_scripts());
  answer("ODBVERSION 4");
  EXPECT_TRUE(appends_.needs_scripts());
  appends_.scripts_loaded();
  EXPECT_EQ(send(), (Story{"5-5", "6-6"}));
  answer_ok(2);
  EXPECT_EQ(send(), Story{"7-7"});
  EXPECT_EQ(told(), (Story{"durable 5", "durable 6"}));
}

TEST_F(RedisAppends, OverdueIsToldOnceAndMayStillBecomeDurable) {
  append(5, 6);
  send();
  appends_.find_overdue(now_ - std::chrono::seconds(1));
  EXPECT_EQ(told(), Story{});
  appends_.find_overdue(now_);
  appends_.find_overdue(now_);
  EXPECT_EQ(told(), Story{"overdue 6"});
  answer_ok();
  EXPECT_EQ(told(), Story{"durable 6"});
}

TEST_F(RedisAppends, IdentitiesThatAreRefusedAreAskedForAgainLater) {
  appends_.reserve(ObjectId{100});
  EXPECT_EQ(send(), Story{"ids 100"});
  answer("READONLY You can't write");
  EXPECT_EQ(send(), Story{});
  now_ += Appends::kRetryInterval;
  EXPECT_EQ(send(), Story{"ids 100"});
  answer_ok();
  EXPECT_EQ(told(), Story{"ids 100"});
}

}  // namespace
}  // namespace odb::server::redis
