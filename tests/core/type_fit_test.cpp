#include <gtest/gtest.h>

#include "odb/core/type.h"

namespace odb {
namespace {

Value number(std::int64_t value) { return Value::integer(value); }
Value text(std::string_view value) { return Value::text(value); }
Type literal(std::string_view value) { return Type::literal_of(text(value)); }
Type task(TypeId id = {}) {
  Type type = Type::reference({"todo", "Task"});
  type.target_id = id;
  return type;
}
Type point() { return Type::structure("Point", {"x", "y"}, {Type::real(), Type::integer()}); }
Type shape() {
  return Type::variant(
      "Shape", {"Circle", "Empty"},
      {Type::structure("", {"radius"}, {Type::real()}), Type::structure("", {}, {})});
}
Type status() { return Type::one_of({literal("open"), literal("done")}); }

void expect_misfit(const Value& value, const Type& type, std::string_view message,
                   ErrorCode code = ErrorCode::kWrongType) {
  const Result<void> result = check_fits(value, type);
  ASSERT_FALSE(result) << to_string(value) << " fits " << to_string(type);
  EXPECT_EQ(result.error().message, message);
  EXPECT_EQ(result.error().code, code);
}

struct Example {
  Type type;
  Value value;
};

// One type and a value of it for every kind of value.
std::vector<Example> examples() {
  return {{Type::none(), Value::none()},
          {Type::boolean(), Value::boolean(true)},
          {Type::integer(), number(1)},
          {Type::real(), Value::real(1)},
          {Type::text(), text("x")},
          {Type::data(), Value::data({})},
          {Type::timestamp(), Value::timestamp(1)},
          {task(), Value::reference(TypeId{1}, ObjectId{1})},
          {Type::list(Type::integer()), Value::list({number(1), number(2)})},
          {Type::tuple({Type::integer(), Type::text()}), Value::tuple({number(1), text("x")})},
          {Type::dict(Type::text(), Type::integer()), Value::dict({{text("x"), number(1)}})},
          {point(), Value::structure({Value::real(1), number(2)})},
          {shape(), Value::variant(0, {Value::real(1)})}};
}

TEST(CheckFits, AcceptsTheOwnKindAndRefusesEveryOther) {
  for (const Example& expected : examples()) {
    for (const Example& given : examples()) {
      const bool same = expected.type == given.type;
      EXPECT_EQ(check_fits(given.value, expected.type).has_value(), same);
      if (same) continue;
      expect_misfit(given.value, expected.type,
                    "expected " + to_string(expected.type) + ", found " +
                        std::string(to_string(given.value.kind())));
    }
  }
}

TEST(CheckFits, TakesNoIntForAFloat) {
  expect_misfit(number(1), Type::real(), "expected float, found int");
}

TEST(CheckFits, NamesTheElement) {
  expect_misfit(Value::list({number(1), number(2), text("secret")}), Type::list(Type::integer()),
                "expected list(int), found text at element 2");
  expect_misfit(Value::tuple({text("secret")}), Type::tuple({Type::integer()}),
                "expected tuple(int), found text at element 0");
}

TEST(CheckFits, CountsTheElementsOfATuple) {
  expect_misfit(Value::tuple({number(1)}), Type::tuple({Type::integer(), Type::integer()}),
                "expected tuple(int, int), found tuple of 1 elements");
  EXPECT_TRUE(check_fits(Value::tuple({}), Type::tuple({})));
}

TEST(CheckFits, NamesTheKeyOrValueOfADict) {
  const Type type = Type::dict(Type::text(), Type::integer());
  expect_misfit(Value::dict({{text("a"), number(1)}, {text("b"), text("secret")}}), type,
                "expected dict(text, int), found text at value 1");
  expect_misfit(Value::dict({{number(1), number(1)}}), type,
                "expected dict(text, int), found int at key 0");
}

TEST(CheckFits, NamesTheFieldOfAStruct) {
  expect_misfit(Value::structure({Value::real(1), text("secret")}), point(),
                "expected Point(x: float, y: int), found text at field y");
  expect_misfit(Value::structure({Value::real(1)}), point(),
                "expected Point(x: float, y: int), found struct of 1 fields");
}

TEST(CheckFits, NamesTheAlternativeOfAVariant) {
  const std::string expected = "expected Shape{Circle(radius: float), Empty()}, found ";
  EXPECT_TRUE(check_fits(Value::variant(1, {}), shape()));
  expect_misfit(Value::variant(0, {text("secret")}), shape(),
                expected + "text at alternative Circle, field radius");
  expect_misfit(Value::variant(2, {}), shape(), expected + "alternative 2 of 2");
  expect_misfit(Value::variant(1, {number(1)}), shape(),
                expected + "variant of 1 fields at alternative Empty");
}

TEST(CheckFits, NamesTheWholePath) {
  const Type type = Type::list(Type::structure("S", {"points"}, {Type::list(point())}));
  const Value good = Value::structure({Value::list({})});
  const Value bad = Value::structure({Value::list(
      {Value::structure({Value::real(1), number(1)}), Value::structure({number(1), number(1)})})});
  expect_misfit(Value::list({good, bad}), type,
                "expected list(S(points: list(Point(x: float, y: int)))), found int at element 1, "
                "field points, element 1, field x");
}

TEST(CheckFits, AReferenceNamesAnObjectOfTheTarget) {
  EXPECT_TRUE(check_fits(Value::reference(TypeId{3}, ObjectId{1}), task(TypeId{3})));
  expect_misfit(Value::reference(TypeId{4}, ObjectId{1}), task(TypeId{3}),
                "expected todo.Task, found a reference to type 4");
  expect_misfit(Value::reference(TypeId{3}, ObjectId{0}), task(TypeId{3}),
                "expected todo.Task, found a reference to no object");
  EXPECT_TRUE(check_fits(Value::reference(TypeId{4}, ObjectId{1}), task())) << "not yet resolved";
  expect_misfit(Value::reference(TypeId{4}, ObjectId{0}), task(),
                "expected todo.Task, found a reference to no object");
}

TEST(CheckFits, ALiteralIsOneValue) {
  EXPECT_TRUE(check_fits(text("open"), literal("open")));
  expect_misfit(text("secret"), literal("open"), "expected \"open\", found another text");
  expect_misfit(number(1), literal("open"), "expected \"open\", found int");
}

TEST(CheckFits, AOneOfTakesAnyOption) {
  const Type type = Type::one_of({Type::none(), Type::integer(), Type::list(Type::integer())});
  EXPECT_TRUE(check_fits(Value::none(), type));
  EXPECT_TRUE(check_fits(number(1), type));
  EXPECT_TRUE(check_fits(Value::list({number(1)}), type));
  EXPECT_TRUE(check_fits(text("done"), status()));
  expect_misfit(text("secret"), type, "expected one_of(none, int, list(int)), found text");
  expect_misfit(text("secret"), status(),
                "expected one_of(\"open\", \"done\"), found another text");
}

TEST(CheckFits, AOneOfExplainsTheOnlyOptionOfThatKind) {
  const Type type = Type::one_of({Type::none(), Type::list(Type::integer())});
  expect_misfit(Value::list({text("secret")}), type,
                "expected one_of(none, list(int)), found text at element 0");
  const Type ambiguous = Type::one_of({Type::list(Type::integer()), Type::list(Type::real())});
  expect_misfit(Value::list({text("secret")}), ambiguous,
                "expected one_of(list(int), list(float)), found another list");
}

TEST(CheckFits, TextIsValidUtf8Everywhere) {
  const std::string bad = "secret \xFF";
  expect_misfit(text(bad), Type::text(), "expected text, found text that is not valid UTF-8",
                ErrorCode::kInvalidUtf8);
  expect_misfit(Value::list({text("ok"), text(bad)}), Type::list(Type::text()),
                "expected list(text), found text that is not valid UTF-8 at element 1",
                ErrorCode::kInvalidUtf8);
  expect_misfit(Value::dict({{text(bad), number(1)}}), Type::dict(Type::text(), Type::integer()),
                "expected dict(text, int), found text that is not valid UTF-8 at key 0",
                ErrorCode::kInvalidUtf8);
  expect_misfit(text(bad), Type::one_of({Type::none(), Type::text()}),
                "expected one_of(none, text), found text that is not valid UTF-8",
                ErrorCode::kInvalidUtf8);
}

TEST(CheckFits, AcceptsTheGreatestDepthAndNoMore) {
  Type type = Type::integer();
  Value value = number(1);
  for (int depth = 2; depth <= kDepthMax; ++depth) {
    type = Type::list(std::move(type));
    value = Value::list({std::move(value)});
  }
  EXPECT_TRUE(check_fits(value, type));
  expect_misfit(Value::list({value}), Type::list(Type::integer()),
                "expected list(int), found a value nested deeper than 64 levels",
                ErrorCode::kValueTooDeep);
}

TEST(CheckFits, CutsALongTypeInTheMessage) {
  const Type type = Type::tuple(std::vector<Type>(1000, Type::integer()));
  const Result<void> result = check_fits(number(1), type);
  ASSERT_FALSE(result);
  EXPECT_LT(result.error().message.size(), 250u);
  EXPECT_TRUE(result.error().message.ends_with("..., found int")) << result.error().message;
}

}  // namespace
}  // namespace odb
