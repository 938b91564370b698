#include "odb/core/error.h"

#include <gtest/gtest.h>

#include <memory>
#include <set>

namespace odb {
namespace {

TEST(ErrorCode, HasWordsOfItsOwn) {
  EXPECT_EQ(to_string(ErrorCode::kUnknownField), "unknown field");
  EXPECT_EQ(to_string(ErrorCode::kInvalidUtf8), "invalid utf8");
  EXPECT_EQ(to_string(ErrorCode::kOutcomeUnknown), "outcome unknown");
  std::set<std::string_view> words;
  std::size_t known = 0;
  for (std::uint16_t number = 0; number < 1000; ++number) {
    const std::string_view text = to_string(static_cast<ErrorCode>(number));
    if (text == "unknown error") continue;
    ++known;
    words.insert(text);
  }
  EXPECT_EQ(words.size(), known);
}

TEST(ErrorCode, OfANewerPeerIsAnUnknownError) {
  EXPECT_EQ(to_string(static_cast<ErrorCode>(9999)), "unknown error");
}

TEST(Result, HoldsAValueOrAnError) {
  const Result<int> value = 7;
  ASSERT_TRUE(value);
  EXPECT_EQ(*value, 7);
  const Result<int> error = Error{ErrorCode::kTimeout, "too late"};
  ASSERT_FALSE(error.has_value());
  EXPECT_EQ(error.error(), (Error{ErrorCode::kTimeout, "too late"}));
}

TEST(Result, OfNothingHoldsSuccessOrAnError) {
  const Result<void> success;
  EXPECT_TRUE(success);
  const Result<void> error = Error{ErrorCode::kTimeout, "too late"};
  ASSERT_FALSE(error);
  EXPECT_EQ(error.error().code, ErrorCode::kTimeout);
}

TEST(Result, GivesAMoveOnlyValueAway) {
  Result<std::unique_ptr<int>> result = std::make_unique<int>(3);
  const std::unique_ptr<int> taken = *std::move(result);
  EXPECT_EQ(*taken, 3);
}

TEST(CheckDeathTest, NamesTheConditionAndAborts) {
  const int answer = 41;
  EXPECT_DEATH(ODB_CHECK(answer == 42), "error_test.cpp:[0-9]+: check failed: answer == 42");
}

TEST(Check, LetsATrueConditionPass) { ODB_CHECK(1 + 1 == 2); }

}  // namespace
}  // namespace odb
