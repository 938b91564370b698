// Numbers, text, data, timestamps and references: what is stored, what comes back, what is refused.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <variant>

#include "client/typed_support.h"
#include "odb/client/mapping.h"

namespace odb {
namespace {

using std::chrono::sys_time;
using test::message_of;

struct Person {};

template <class T>
void expect_round_trip(const T& value, const Value& stored) {
  EXPECT_EQ(Mapping<T>::to_value(value), stored);
  EXPECT_TRUE(check_fits(stored, type_of<T>()));
  EXPECT_EQ(Mapping<T>::from_value(stored), value);
}

template <class T>
std::string refusal_of(const Value& stored) {
  return message_of<ValueError>([&] { Mapping<T>::from_value(stored); });
}

TEST(MappingScalar, NamesTheWireTypes) {
  EXPECT_EQ(type_of<std::monostate>(), Type::none());
  EXPECT_EQ(type_of<bool>(), Type::boolean());
  EXPECT_EQ(type_of<std::uint8_t>(), Type::integer());
  EXPECT_EQ(type_of<std::int64_t>(), Type::integer());
  EXPECT_EQ(type_of<float>(), Type::real());
  EXPECT_EQ(type_of<double>(), Type::real());
  EXPECT_EQ(type_of<std::string>(), Type::text());
  EXPECT_EQ(type_of<Bytes>(), Type::data());
  EXPECT_EQ(type_of<std::chrono::sys_days>(), Type::timestamp());
  EXPECT_EQ(type_of<Ref<Person>>(), Type::reference({"", "Person"}));
}

TEST(MappingScalar, KeepsValues) {
  expect_round_trip(std::monostate(), Value::none());
  expect_round_trip(true, Value::boolean(true));
  expect_round_trip(-1.5, Value::real(-1.5));
  expect_round_trip(0.25f, Value::real(0.25));
  expect_round_trip(std::string("größer als vierzehn"), Value::text("größer als vierzehn"));
  expect_round_trip(std::string("with\0nul", 8), Value::text(std::string_view("with\0nul", 8)));
  const Bytes bytes{std::byte{0}, std::byte{255}};
  expect_round_trip(bytes, Value::data(bytes));
  expect_round_trip(Ref<Person>(ObjectRef{TypeId{7}, ObjectId{9}}),
                    Value::reference(TypeId{7}, ObjectId{9}));
}

template <class T>
class MappingInteger : public ::testing::Test {};
using Integers = ::testing::Types<signed char, unsigned char, short, unsigned short, int, unsigned,
                                  long, unsigned long, long long, unsigned long long>;
TYPED_TEST_SUITE(MappingInteger, Integers);

TYPED_TEST(MappingInteger, KeepsEveryNumberThatBothSidesHold) {
  using Limits = std::numeric_limits<TypeParam>;
  constexpr std::uint64_t kStoredMax = std::numeric_limits<std::int64_t>::max();
  const auto max = static_cast<TypeParam>(
      std::min<std::uint64_t>(static_cast<std::uint64_t>(Limits::max()), kStoredMax));
  for (const TypeParam value : {Limits::min(), TypeParam{0}, TypeParam{1}, max}) {
    expect_round_trip(value, Value::integer(static_cast<std::int64_t>(value)));
  }
}

TYPED_TEST(MappingInteger, RefusesNumbersThatTheMemberCannotHold) {
  using Limits = std::numeric_limits<TypeParam>;
  if constexpr (Limits::is_signed && sizeof(TypeParam) == 8) {
    SUCCEED() << "it holds every number";
  } else {
    const auto min = static_cast<std::int64_t>(Limits::min());
    EXPECT_THROW(Mapping<TypeParam>::from_value(Value::integer(min - 1)), ValueError);
    if constexpr (sizeof(TypeParam) < 8) {
      const auto max = static_cast<std::int64_t>(Limits::max());
      EXPECT_THROW(Mapping<TypeParam>::from_value(Value::integer(max + 1)), ValueError);
    }
  }
}

TEST(MappingScalar, SaysTheRangeOfAnInteger) {
  EXPECT_EQ(refusal_of<std::int8_t>(Value::integer(128)),
            "expected an integer between -128 and 127");
  EXPECT_EQ(refusal_of<std::uint64_t>(Value::integer(-1)),
            "expected an integer between 0 and 18446744073709551615");
  EXPECT_EQ(message_of<ValueError>([] {
              Mapping<std::uint64_t>::to_value(std::numeric_limits<std::uint64_t>::max());
            }),
            "expected an integer between -9223372036854775808 and 9223372036854775807");
}

TEST(MappingScalar, ReadsOnlyFiniteNumbersThatAFloatHolds) {
  EXPECT_EQ(refusal_of<float>(Value::real(1e300)), "expected a float of 32 bits");
  EXPECT_EQ(refusal_of<float>(Value::real(-1e300)), "expected a float of 32 bits");
  EXPECT_EQ(Mapping<float>::from_value(Value::real(0.1)), 0.1f);
  EXPECT_TRUE(std::isinf(Mapping<float>::from_value(Value::real(INFINITY))));
  EXPECT_TRUE(std::isnan(Mapping<float>::from_value(Value::real(NAN))));
}

TEST(MappingScalar, RefusesAnotherKindOfValue) {
  EXPECT_EQ(refusal_of<int>(Value::text("7")), "expected int, found text");
  EXPECT_EQ(refusal_of<bool>(Value::integer(1)), "expected bool, found int");
  EXPECT_EQ(refusal_of<double>(Value::integer(1)), "expected float, found int");
  EXPECT_EQ(refusal_of<std::string>(Value::none()), "expected text, found none");
}

TEST(MappingTimestamp, CountsNanosecondsOnTheWire) {
  using namespace std::chrono_literals;
  expect_round_trip(sys_time<std::chrono::nanoseconds>(17ns), Value::timestamp(17));
  expect_round_trip(sys_time<std::chrono::seconds>(-2s), Value::timestamp(-2'000'000'000));
  expect_round_trip(std::chrono::sys_days(std::chrono::days(1)),
                    Value::timestamp(86'400'000'000'000));
  using Half = std::chrono::duration<double, std::ratio<1, 2>>;
  expect_round_trip(sys_time<Half>(Half(3.0)), Value::timestamp(1'500'000'000));
}

TEST(MappingTimestamp, RoundsDownToACoarserClock) {
  using Seconds = sys_time<std::chrono::seconds>;
  EXPECT_EQ(Mapping<Seconds>::from_value(Value::timestamp(1'999'999'999)),
            Seconds(std::chrono::seconds(1)));
  EXPECT_EQ(Mapping<Seconds>::from_value(Value::timestamp(-1)), Seconds(std::chrono::seconds(-1)));
  using Picoseconds = std::chrono::duration<std::int64_t, std::pico>;
  EXPECT_EQ(Mapping<sys_time<Picoseconds>>::to_value(sys_time<Picoseconds>(Picoseconds(-1))),
            Value::timestamp(-1));
}

TEST(MappingTimestamp, RefusesTimesOutOfRange) {
  using std::chrono::duration;
  using Seconds = sys_time<std::chrono::seconds>;
  const Seconds far_future(std::chrono::seconds(std::int64_t{1} << 40));
  EXPECT_THROW(Mapping<Seconds>::to_value(far_future), ValueError);
  const sys_time<duration<double>> never(duration<double>(NAN));
  EXPECT_THROW(Mapping<sys_time<duration<double>>>::to_value(never), ValueError);
  using Narrow = sys_time<duration<std::int16_t>>;
  EXPECT_THROW(Mapping<Narrow>::from_value(Value::timestamp(40'000'000'000'000)), ValueError);
  using Picoseconds = sys_time<duration<std::int64_t, std::pico>>;
  EXPECT_THROW(Mapping<Picoseconds>::from_value(Value::timestamp(std::int64_t{1} << 62)),
               ValueError);
}

}  // namespace
}  // namespace odb
