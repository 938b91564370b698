#include "odb/core/value.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <boost/unordered/unordered_flat_set.hpp>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <thread>

#include "support/random_value.h"

namespace odb {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

std::span<const std::byte> bytes(std::string_view text) { return std::as_bytes(std::span(text)); }
Value number(std::int64_t value) { return Value::integer(value); }

// One value of each kind, in the order of the kinds.
std::vector<Value> one_of_each_kind() {
  return {Value::none(),
          Value::boolean(true),
          number(-3),
          Value::real(2.5),
          Value::text("t"),
          Value::data(bytes("d")),
          Value::timestamp(1),
          Value::reference(TypeId{2}, ObjectId{9}),
          Value::list({number(1)}),
          Value::tuple({number(1)}),
          Value::dict({{number(1), number(2)}}),
          Value::structure({number(1)}),
          Value::variant(1, {number(1)})};
}

TEST(Value, IsNoneUnlessGivenSomething) {
  EXPECT_TRUE(Value().is_none());
  EXPECT_EQ(Value().kind(), ValueKind::kNone);
}

TEST(Value, GivesBackWhatItWasMadeFrom) {
  EXPECT_TRUE(Value::boolean(true).as_bool());
  EXPECT_FALSE(Value::boolean(false).as_bool());
  EXPECT_EQ(number(-7).as_int(), -7);
  EXPECT_EQ(Value::real(0.25).as_float(), 0.25);
  EXPECT_TRUE(std::signbit(Value::real(-0.0).as_float())) << "equal to 0.0, but kept as it was";
  EXPECT_EQ(Value::timestamp(-5).as_timestamp(), -5);
  const Value reference = Value::reference(TypeId{0xFFFFFFFF}, ObjectId{~0ull});
  EXPECT_EQ(reference.object(), ObjectId{~0ull});
  EXPECT_EQ(reference.object_type(), TypeId{0xFFFFFFFF});
  const Value variant = Value::variant(3, {number(1), Value::text("two")});
  EXPECT_EQ(variant.alternative(), 3u);
  ASSERT_EQ(variant.elements().size(), 2u);
  EXPECT_EQ(variant.elements()[1].as_text(), "two");
}

TEST(Value, KeepsTextAndDataOfEveryLength) {
  for (std::size_t size = 0; size < 40; ++size) {
    const std::string content(size, 'x');
    EXPECT_EQ(Value::text(content).as_text(), content);
    EXPECT_EQ(Value::data(bytes(content)).as_data().size(), size);
    EXPECT_EQ(Value::text(content).heap_bytes(), size <= 14 ? 0 : 8 + size);
  }
}

TEST(Value, CountsTheBytesOfNestedBlocks) {
  EXPECT_EQ(number(1).heap_bytes(), 0u);
  EXPECT_EQ(Value::list({}).heap_bytes(), 0u);
  EXPECT_EQ(Value::list({number(1), Value::text(std::string(20, 'x'))}).heap_bytes(),
            (8 + 2 * 16) + (8 + 20));
}

TEST(Value, CopiesShareAndOutliveTheOriginal) {
  Value copy;
  {
    const Value original = Value::list({Value::text(std::string(100, 'x'))});
    copy = original;
    EXPECT_EQ(copy.elements().data(), original.elements().data());
  }
  EXPECT_EQ(copy.elements()[0].as_text(), std::string(100, 'x'));
}

TEST(Value, MovesLeaveNoneBehind) {
  Value from = Value::text(std::string(100, 'x'));
  Value to = std::move(from);
  EXPECT_TRUE(from.is_none());  // NOLINT: what a move leaves is the point
  from = std::move(to);
  EXPECT_TRUE(to.is_none());  // NOLINT
  EXPECT_EQ(from.as_text().size(), 100u);
}

TEST(Value, SurvivesAssignmentToItself) {
  Value value = Value::text(std::string(100, 'x'));
  Value& same = value;
  value = same;
  EXPECT_EQ(value.as_text().size(), 100u);
  value = std::move(same);
  EXPECT_EQ(value.as_text().size(), 100u);
}

TEST(Value, IsReplacedByAPartOfItself) {
  Value value = Value::list({Value::list({Value::text(std::string(50, 'x'))})});
  value = Value(value.elements()[0]);
  EXPECT_EQ(value.elements()[0].as_text().size(), 50u);
}

TEST(Value, CopiesMayBeUsedAndDestroyedOnAnyThread) {
  const Value shared = Value::list({Value::text(std::string(50, 'x')), number(4)});
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([copy = shared] {
      for (int round = 0; round < 10000; ++round) {
        const Value mine = copy;
        const Value nested = mine.elements()[0];
        ASSERT_EQ(nested.as_text().size(), 50u);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(shared.elements()[1].as_int(), 4);
}

TEST(Value, DictIsSortedAndKeepsTheLastOfEqualKeys) {
  const Value dict = Value::dict({{number(2), Value::text("b")},
                                  {number(1), Value::text("first")},
                                  {number(1), Value::text("last")},
                                  {Value::real(-0.0), number(1)},
                                  {Value::real(0.0), number(2)}});
  ASSERT_EQ(dict.elements().size(), 6u);
  EXPECT_EQ(dict, Value::dict({{Value::real(0.0), number(2)},
                               {number(1), Value::text("last")},
                               {number(2), Value::text("b")}}));
  EXPECT_EQ(dict.elements()[0], number(1));
  EXPECT_EQ(dict.elements()[1].as_text(), "last");
}

TEST(Value, KnowsItsDepth) {
  EXPECT_EQ(number(1).depth(), 1u);
  EXPECT_EQ(Value::text(std::string(100, 'x')).depth(), 1u);
  EXPECT_EQ(Value::text("14 characters.").depth(), 1u);
  EXPECT_EQ(Value::list({}).depth(), 1u);
  EXPECT_EQ(Value::list({number(1), Value::tuple({number(1)})}).depth(), 3u);
}

TEST(Value, RefusesToNestDeeperThanItsLimit) {
  Value value = Value::list({});
  for (std::size_t depth = 2; depth <= Value::kNestingMax; ++depth) {
    value = Value::list({std::move(value)});
    ASSERT_EQ(value.depth(), depth);
  }
  EXPECT_THROW(Value::list({value}), std::length_error);
  EXPECT_THROW(Value::structure({value}), std::length_error);
  EXPECT_EQ(value.depth(), Value::kNestingMax);
}

TEST(ValueOrder, GoesByKindFirst) {
  const std::vector<Value> values = one_of_each_kind();
  for (std::size_t i = 0; i < values.size(); ++i) {
    EXPECT_EQ(values[i].kind(), static_cast<ValueKind>(i));
    for (std::size_t j = 0; j < values.size(); ++j) {
      EXPECT_EQ(values[i] <=> values[j], i <=> j);
      EXPECT_EQ(values[i] == values[j], i == j);
    }
  }
}

TEST(ValueOrder, OfFloatsHasOneZeroAndPutsNaNLast) {
  const std::vector<double> ascending = {-kInfinity, -1e300, -1,    -1e-300,   0,
                                         1e-300,     1,      1e300, kInfinity, kNaN};
  for (std::size_t i = 0; i < ascending.size(); ++i) {
    for (std::size_t j = 0; j < ascending.size(); ++j) {
      EXPECT_EQ(Value::real(ascending[i]) <=> Value::real(ascending[j]), i <=> j);
    }
  }
  EXPECT_EQ(Value::real(0.0), Value::real(-0.0));
  EXPECT_EQ(Value::real(kNaN), Value::real(-kNaN));
  EXPECT_EQ(hash_value(Value::real(0.0)), hash_value(Value::real(-0.0)));
  EXPECT_EQ(hash_value(Value::real(kNaN)), hash_value(Value::real(-kNaN)));
}

TEST(ValueOrder, OfTextIsThatOfItsBytes) {
  EXPECT_LT(Value::text(""), Value::text(std::string(1, '\0')));
  EXPECT_LT(Value::text("a"), Value::text("aa"));
  EXPECT_LT(Value::text("aa"), Value::text("b"));
  EXPECT_LT(Value::text("z"), Value::text("\u00E9"));
  EXPECT_LT(Value::text(std::string(20, 'a')), Value::text("b"));
}

TEST(ValueOrder, OfSequencesIsElementwiseThenShorterFirst) {
  EXPECT_LT(Value::list({}), Value::list({Value::none()}));
  EXPECT_LT(Value::list({number(1)}), Value::list({number(1), number(0)}));
  EXPECT_LT(Value::list({number(1), number(5)}), Value::list({number(2)}));
  EXPECT_LT(Value::dict({{number(1), number(9)}}), Value::dict({{number(2), number(0)}}));
  EXPECT_LT(Value::dict({{number(1), number(0)}}), Value::dict({{number(1), number(1)}}));
}

TEST(ValueOrder, OfReferencesIsTypeThenObject) {
  EXPECT_LT(Value::reference(TypeId{1}, ObjectId{900}), Value::reference(TypeId{2}, ObjectId{1}));
  EXPECT_LT(Value::reference(TypeId{1}, ObjectId{255}), Value::reference(TypeId{1}, ObjectId{256}));
}

TEST(ValueOrder, OfVariantsIsAlternativeThenFields) {
  EXPECT_LT(Value::variant(0, {number(9)}), Value::variant(1, {}));
  EXPECT_LT(Value::variant(1, {number(1)}), Value::variant(1, {number(2)}));
  EXPECT_NE(Value::variant(0, {}), Value::variant(1, {}));
}

TEST(ValueOrder, IsTotalAndAgreesWithEqualityAndHash) {
  const std::uint64_t seed = test::random_seed();
  SCOPED_TRACE("ODB_TEST_SEED=" + std::to_string(seed));
  test::Random random(seed);
  std::vector<Value> values;
  for (int i = 0; i < 300; ++i) values.push_back(test::random_value(random));
  for (const Value& a : values) {
    ASSERT_EQ(a, a);
    for (const Value& b : values) {
      const auto order = a <=> b;
      ASSERT_EQ(order == 0, a == b) << to_string(a) << " and " << to_string(b);
      ASSERT_EQ(order<0, (b <=> a)> 0);
      if (a == b) {
        ASSERT_EQ(hash_value(a), hash_value(b)) << to_string(a);
      }
    }
  }
  std::sort(values.begin(), values.end());
  for (std::size_t i = 0; i < values.size(); ++i) {
    for (std::size_t j = i; j < values.size(); ++j) ASSERT_FALSE(values[j] < values[i]);
  }
}

TEST(ValueHash, SpreadsSimilarValues) {
  boost::unordered_flat_set<std::size_t> hashes;
  for (std::int64_t i = 0; i < 10000; ++i) hashes.insert(hash_value(number(i)) >> 48);
  EXPECT_GT(hashes.size(), 8000u);
}

TEST(ValueText, ShowsEachKind) {
  const std::vector<std::string> expected = {"none",
                                             "true",
                                             "-3",
                                             "2.5",
                                             "\"t\"",
                                             "data \"\\x64\"",
                                             "timestamp 1",
                                             "object 9 of type 2",
                                             "[1]",
                                             "(1)",
                                             "{1: 2}",
                                             "struct(1)",
                                             "alternative 1(1)"};
  const std::vector<Value> values = one_of_each_kind();
  for (std::size_t i = 0; i < values.size(); ++i) EXPECT_EQ(to_string(values[i]), expected[i]);
}

TEST(ValueText, EscapesWhatDoesNotPrint) {
  EXPECT_EQ(to_string(Value::text("a\n\"b\\")), "\"a\\x0a\\\"b\\\\\"");
  EXPECT_EQ(to_string(Value::text("\u20AC")), "\"\u20AC\"");
  EXPECT_EQ(to_string(Value::text("\xFF")), "\"\\xff\"");
}

TEST(ValueText, IsCutToTheGivenLength) {
  const std::string cut = to_string(Value::text(std::string(1000, 'x')), 10);
  EXPECT_EQ(cut, "\"xxxxxx...");
  const std::string euros = to_string(Value::text("\u20AC\u20AC\u20AC\u20AC\u20AC"), 12);
  EXPECT_EQ(euros, "\"\u20AC\u20AC...");
  EXPECT_EQ(to_string(Value::list(std::vector<Value>(1000000)), 20).size(), 20u);
}

TEST(ValueText, NamesEachKind) {
  EXPECT_EQ(to_string(ValueKind::kNone), "none");
  EXPECT_EQ(to_string(ValueKind::kTimestamp), "timestamp");
  EXPECT_EQ(to_string(ValueKind::kVariant), "variant");
}

}  // namespace
}  // namespace odb
