// Optionals, enums, variants, containers and structs: what is stored, what comes back.
#include <gtest/gtest.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

#include "client/typed_support.h"
#include "odb/client/mapping.h"

namespace odb {
namespace shapes {

struct Point {
  double x = 1;
  double y = 2;
  bool operator==(const Point&) const = default;
};
BOOST_DESCRIBE_STRUCT(Point, (), (x, y))

struct Circle {
  Point centre;
  float radius = 0;
  bool operator==(const Circle&) const = default;
};
BOOST_DESCRIBE_STRUCT(Circle, (), (centre, radius))

struct Nothing {
  bool operator==(const Nothing&) const = default;
};
BOOST_DESCRIBE_STRUCT(Nothing, (), ())

struct Named {
  std::string name;
  std::int8_t rank = 0;
  bool operator==(const Named&) const = default;
};
BOOST_DESCRIBE_STRUCT(Named, (), (name, rank))

struct Tagged {
  std::vector<std::string> tags;
  bool operator==(const Tagged&) const = default;
};
BOOST_DESCRIBE_STRUCT(Tagged, (), (tags))

struct Derived : Named, Tagged {
  bool flag = false;
  bool operator==(const Derived&) const = default;
};
BOOST_DESCRIBE_STRUCT(Derived, (Named, Tagged), (flag))

class Secret {
 public:
  Secret() = default;
  explicit Secret(int value) : value_(value) {}
  bool operator==(const Secret&) const = default;

 private:
  int value_ = 0;
  BOOST_DESCRIBE_CLASS(Secret, (), (), (), (value_))
};

template <class T>
struct Box {
  T content{};
};
BOOST_DESCRIBE_STRUCT(Box<int>, (), (content))

enum class Status { open, in_work = 7, done };
BOOST_DESCRIBE_ENUM(Status, open, in_work, done)

// A type of the program with a mapping of its own.
struct Celsius {
  double degrees = 0;
  bool operator==(const Celsius&) const = default;
};

}  // namespace shapes

template <>
struct Mapping<shapes::Celsius> {
  static constexpr ValueKinds kKinds = ValueKind::kFloat;
  static Type type(const detail::ResolveReference&) { return Type::real(); }
  static Value to_value(shapes::Celsius value) { return Value::real(value.degrees); }
  static shapes::Celsius from_value(const Value& value) {
    return {Mapping<double>::from_value(value)};
  }
};

namespace {

using namespace shapes;
using test::message_of;

// Stored as `type`, `stored` and back.
template <class T>
void expect_round_trip(const T& value, const std::string& type, const std::string& stored) {
  EXPECT_EQ(to_string(type_of<T>()), type);
  EXPECT_TRUE(check_type(type_of<T>()));
  const Value out = Mapping<T>::to_value(value);
  EXPECT_EQ(to_string(out), stored);
  EXPECT_TRUE(check_fits(out, type_of<T>()));
  EXPECT_TRUE(Mapping<T>::from_value(out) == value);
}

TEST(MappingContainer, KeepsElements) {
  expect_round_trip(std::vector<int>{3, 1}, "list(int)",
                    to_string(Value::list({Value::integer(3), Value::integer(1)})));
  expect_round_trip(std::vector<bool>{true, false}, "list(bool)",
                    to_string(Value::list({Value::boolean(true), Value::boolean(false)})));
  expect_round_trip(std::tuple<int, std::string>(1, "a"), "tuple(int, text)",
                    to_string(Value::tuple({Value::integer(1), Value::text("a")})));
  expect_round_trip(std::tuple<std::tuple<int>>(1), "tuple(tuple(int))",
                    to_string(Value::tuple({Value::tuple({Value::integer(1)})})));
  expect_round_trip(std::pair<int, bool>(1, true), "tuple(int, bool)",
                    to_string(Value::tuple({Value::integer(1), Value::boolean(true)})));
  expect_round_trip(std::tuple<>(), "tuple()", to_string(Value::tuple({})));
  expect_round_trip(std::map<std::string, std::vector<int>>{{"b", {2}}, {"a", {}}},
                    "dict(text, list(int))",
                    to_string(Value::dict({{Value::text("a"), Value::list({})},
                                           {Value::text("b"), Value::list({Value::integer(2)})}})));
}

TEST(MappingContainer, ReadsIntoAMapOfAnotherOrder) {
  using Falling = std::map<int, int, std::greater<>>;
  const Falling map{{1, 10}, {2, 20}, {3, 30}};
  EXPECT_EQ(Mapping<Falling>::from_value(Mapping<Falling>::to_value(map)), map);
}

TEST(MappingContainer, RefusesElementsThatDoNotFit) {
  const auto refusal = [](auto mapping, const Value& value) {
    return message_of<ValueError>([&] { decltype(mapping)::from_value(value); });
  };
  EXPECT_EQ(refusal(Mapping<std::vector<int>>(), Value::tuple({})), "expected list, found tuple");
  EXPECT_EQ(refusal(Mapping<std::tuple<int, int>>(), Value::tuple({Value::integer(1)})),
            "expected 2 elements, found 1");
  EXPECT_EQ(refusal(Mapping<std::vector<std::uint8_t>>(), Value::list({Value::integer(-1)})),
            "expected an integer between 0 and 255");
}

TEST(MappingOneOf, KeepsOptionals) {
  expect_round_trip(std::optional<int>(), "one_of(none, int)", to_string(Value::none()));
  expect_round_trip(std::optional<int>(4), "one_of(none, int)", to_string(Value::integer(4)));
  using Either = std::variant<int, std::string>;
  expect_round_trip(std::optional<Either>("a"), "one_of(none, int, text)",
                    to_string(Value::text("a")));
}

TEST(MappingOneOf, KeepsVariantsOfDifferentKinds) {
  using Any = std::variant<std::monostate, std::int8_t, std::string, std::vector<int>, Point,
                           std::variant<Circle, Nothing>>;
  const std::string type = to_string(type_of<Any>());
  EXPECT_EQ(type,
            "one_of(none, int, text, list(int), Point(x: float, y: float), "
            "variant{Circle(centre: Point(x: float, y: float), radius: float), Nothing()})");
  for (const Any& value : {Any(), Any(std::int8_t{1}), Any("a"), Any(std::vector{1}), Any(Point{}),
                           Any(std::variant<Circle, Nothing>(Nothing()))}) {
    const Value stored = Mapping<Any>::to_value(value);
    EXPECT_TRUE(check_fits(stored, type_of<Any>()));
    EXPECT_EQ(Mapping<Any>::from_value(stored), value);
  }
  EXPECT_EQ(message_of<ValueError>([] { Mapping<Any>::from_value(Value::real(1)); }),
            "expected one of the variant's 6 alternatives");
}

TEST(MappingOneOf, KeepsVariantsOfStructsByName) {
  using Shape = std::variant<Circle, Point, Nothing>;
  expect_round_trip(Shape(Point{3, 4}),
                    "variant{Circle(centre: Point(x: float, y: float), radius: float), "
                    "Point(x: float, y: float), Nothing()}",
                    to_string(Value::variant(1, {Value::real(3), Value::real(4)})));
  EXPECT_EQ(Mapping<Shape>::from_value(Value::variant(2, {})), Shape(Nothing()));
  EXPECT_THROW(Mapping<Shape>::from_value(Value::variant(3, {})), ValueError);
  EXPECT_THROW(Mapping<Shape>::from_value(Value::variant(1, {})), ValueError);
}

TEST(MappingOneOf, KeepsEnumsByName) {
  expect_round_trip(Status::in_work, "one_of(\"open\", \"in_work\", \"done\")",
                    to_string(Value::text("in_work")));
  expect_round_trip(std::optional(Status::done), "one_of(none, \"open\", \"in_work\", \"done\")",
                    to_string(Value::text("done")));
  const std::string refusal = "expected one of the enumerators of Status";
  EXPECT_EQ(message_of<ValueError>([] { Mapping<Status>::to_value(static_cast<Status>(1)); }),
            refusal);
  EXPECT_EQ(message_of<ValueError>([] { Mapping<Status>::from_value(Value::text("lost")); }),
            refusal);
}

TEST(MappingStruct, KeepsMembersInOrder) {
  expect_round_trip(Circle{{3, 4}, 0.5f},
                    "Circle(centre: Point(x: float, y: float), radius: float)",
                    to_string(Value::structure(
                        {Value::structure({Value::real(3), Value::real(4)}), Value::real(0.5)})));
  expect_round_trip(Nothing(), "Nothing()", to_string(Value::structure({})));
}

TEST(MappingStruct, PutsMembersOfBasesFirst) {
  Derived value;
  value.name = "n";
  value.rank = 3;
  value.tags = {"a"};
  value.flag = true;
  expect_round_trip(
      value, "Derived(name: text, rank: int, tags: list(text), flag: bool)",
      to_string(Value::structure({Value::text("n"), Value::integer(3),
                                  Value::list({Value::text("a")}), Value::boolean(true)})));
  EXPECT_EQ((detail::MemberOf<Derived, &Derived::flag>::kPosition), 3u);
  EXPECT_EQ((detail::MemberOf<Derived, &Named::rank>::kPosition), 1u);
  EXPECT_EQ((detail::MemberOf<Named, &Derived::rank>::kPosition), 1u);
}

TEST(MappingStruct, StoresDescribedPrivateMembers) {
  expect_round_trip(Secret(5), "Secret(value_: int)",
                    to_string(Value::structure({Value::integer(5)})));
}

TEST(MappingStruct, NamesTheMemberThatDoesNotFit) {
  const Value stored = Value::structure({Value::text("n"), Value::integer(1000)});
  EXPECT_EQ(message_of<ValueError>([&] { Mapping<Named>::from_value(stored); }),
            "Named.rank: expected an integer between -128 and 127");
  EXPECT_EQ(message_of<ValueError>([&] { Mapping<Named>::from_value(Value::structure({})); }),
            "expected 2 elements, found 0");
}

TEST(MappingStruct, HasTheDefaultsOfTheTypeNotOfTheProgram) {
  EXPECT_EQ(Mapping<Point>::from_value(default_value(type_of<Point>()).value()), (Point{0, 0}));
}

TEST(MappingStruct, TakesTheNameWithoutScopesAndTemplateArguments) {
  EXPECT_EQ(detail::kNameOf<shapes::Point>, "Point");
  EXPECT_EQ((detail::kNameOf<shapes::Box<std::pair<int, shapes::Point>>>), "Box");
  EXPECT_EQ(type_of<shapes::Box<int>>().name, "Box");
}

TEST(Mapping, CanBeAddedByPrograms) {
  expect_round_trip(std::vector{Celsius{36.5}}, "list(float)",
                    to_string(Value::list({Value::real(36.5)})));
  using Either = std::variant<int, Celsius>;
  expect_round_trip(Either(Celsius{1.5}), "one_of(int, float)", to_string(Value::real(1.5)));
}

static_assert(!Mapped<char>);
static_assert(!Mapped<long double>);
static_assert(!Mapped<int*>);
static_assert(!Mapped<std::vector<char>>);
static_assert(!Mapped<std::optional<char16_t>>);

}  // namespace
}  // namespace odb
