#include "odb/core/interest.h"

#include <gtest/gtest.h>

#include <optional>
#include <random>
#include <vector>

#include "odb/core/key_codec.h"
#include "support/changes.h"

namespace odb {
namespace {

using test::number;
using Edge = RangeBound::Edge;

constexpr IndexId kByBoth{1};

Catalog catalog() {
  return *test::merged({}, {"todo",
                            {{"Task",
                              {{"status", Type::text()}, {"priority", Type::integer()}},
                              {{"by_both", {"status", "priority"}}}}}});
}

KeySpan span_of(std::vector<Value> prefix, std::optional<RangeBound> lower = {},
                std::optional<RangeBound> upper = {}) {
  auto span = encode_index_range(catalog(), {kByBoth, std::move(prefix), lower, upper});
  EXPECT_TRUE(span.has_value());
  return span ? *span : KeySpan{};
}
std::string key_of(std::string_view status, std::int64_t priority) {
  const Value values[] = {Value::text(status), number(priority)};
  return encode_index_key(catalog(), kByBoth, values).value();
}

TEST(IndexRange, OfAPrefixHoldsEveryKeyThatBeginsWithIt) {
  const KeySpan open = span_of({Value::text("open")});
  EXPECT_TRUE(open.contains(key_of("open", -5)));
  EXPECT_TRUE(open.contains(key_of("open", std::numeric_limits<std::int64_t>::max())));
  EXPECT_FALSE(open.contains(key_of("ope", 1)));
  EXPECT_FALSE(open.contains(key_of("opena", 1)));
  EXPECT_TRUE(span_of({}).contains(key_of("", 0))) << "without prefix, all";
  EXPECT_TRUE(span_of({}).contains(key_of("\x7f", 9)));
}

TEST(IndexRange, HoldsExactlyWhatItsBoundsSay) {
  std::mt19937_64 random(3);
  const auto some = [&] { return static_cast<std::int64_t>(random() % 600) - 300; };
  for (int i = 0; i < 2000; ++i) {
    const std::int64_t low = some();
    const std::int64_t high = some();
    const Edge low_edge = random() % 2 == 0 ? Edge::kInclusive : Edge::kExclusive;
    const Edge high_edge = random() % 2 == 0 ? Edge::kInclusive : Edge::kExclusive;
    const bool has_low = random() % 3 != 0;
    const bool has_high = random() % 3 != 0;
    const KeySpan span =
        span_of({Value::text("open")},
                has_low ? std::optional(RangeBound{number(low), low_edge}) : std::nullopt,
                has_high ? std::optional(RangeBound{number(high), high_edge}) : std::nullopt);
    const std::int64_t priority = random() % 4 == 0 ? low : random() % 3 == 0 ? high : some();
    const bool above =
        !has_low || priority > low || (priority == low && low_edge == Edge::kInclusive);
    const bool below =
        !has_high || priority < high || (priority == high && high_edge == Edge::kInclusive);
    EXPECT_EQ(span.contains(key_of("open", priority)), above && below)
        << low << " " << high << " " << priority;
    EXPECT_FALSE(span.contains(key_of("done", priority)));
  }
}

TEST(IndexRange, ThatDoesNotFitItsIndexIsRefusedByName) {
  const auto refusal = [](const IndexRange& range) {
    const auto span = encode_index_range(catalog(), range);
    return span ? Error{} : span.error();
  };
  EXPECT_EQ(refusal({IndexId{9}, {}, {}, {}}).code, ErrorCode::kUnknownIndex);
  EXPECT_EQ(refusal({kByBoth, {Value::text("open"), number(1)}, RangeBound{number(2)}, {}}),
            (Error{ErrorCode::kWrongType,
                   "index todo.Task.by_both: expected at most 2 values in a range, found 3"}));
  EXPECT_EQ(refusal({kByBoth, {}, RangeBound{number(2)}, {}}),
            (Error{ErrorCode::kWrongType, "todo.Task.status: expected text, found int"}));
  EXPECT_EQ(refusal({kByBoth, {number(2)}, {}, {}}).code, ErrorCode::kWrongType);
  EXPECT_EQ(refusal({kByBoth, {Value::text("a")}, {}, RangeBound{Value::text("b")}}),
            (Error{ErrorCode::kWrongType, "todo.Task.priority: expected int, found text"}));
}

TEST(KeyAfter, IsAboveEveryStringWithThePrefixAndNoOther) {
  EXPECT_EQ(key_after("ab"), "ac");
  EXPECT_EQ(key_after("a\xFF"), "b");
  EXPECT_EQ(key_after(""), "\xFF");
  const std::string encoded = key_of("open", 255);
  EXPECT_GT(key_after(encoded), encoded + "\xFF\xFF");
  EXPECT_LT(key_after(encoded), key_of("open", 256));
}

}  // namespace
}  // namespace odb
