#include "odb/core/type.h"

#include <gtest/gtest.h>

namespace odb {
namespace {

Type point() { return Type::structure("Point", {"x", "y"}, {Type::real(), Type::integer()}); }
Type shape() {
  return Type::variant(
      "Shape", {"Circle", "Empty"},
      {Type::structure("", {"radius"}, {Type::real()}), Type::structure("", {}, {})});
}
Type task() { return Type::reference({"todo", "Task"}); }
Type literal(std::string_view text) { return Type::literal_of(Value::text(text)); }

// `levels` lists around an int: a type of depth levels + 1.
Type nested_lists(int levels) {
  Type type = Type::integer();
  for (int i = 0; i < levels; ++i) type = Type::list(std::move(type));
  return type;
}

void expect_invalid(const Type& type, std::string_view message) {
  const Result<void> result = check_type(type);
  ASSERT_FALSE(result) << to_string(type);
  EXPECT_EQ(result.error().code, ErrorCode::kInvalidSchema);
  EXPECT_EQ(result.error().message, message);
}

TEST(Type, OneOfIsFlatAndHasEachOptionOnce) {
  const Type type = Type::one_of({Type::none(), Type::one_of({Type::integer(), Type::none()}),
                                  Type::integer(), literal("a"), literal("a"), literal("b")});
  EXPECT_EQ(to_string(type), "one_of(none, int, \"a\", \"b\")");
}

TEST(Type, OneOfOneOptionIsThatOption) {
  EXPECT_EQ(Type::one_of({Type::text(), Type::text()}), Type::text());
}

TEST(Type, EqualityIgnoresTheNameAndTheResolvedTarget) {
  Type other = point();
  other.name = "Vector";
  EXPECT_EQ(point(), other);
  Type resolved = task();
  resolved.target_id = TypeId{4};
  EXPECT_EQ(task(), resolved);
}

TEST(Type, EqualityCountsEverythingElse) {
  EXPECT_NE(Type::integer(), Type::real());
  EXPECT_NE(task(), Type::reference({"todo", "Person"}));
  EXPECT_NE(task(), Type::reference({"other", "Task"}));
  EXPECT_NE(literal("a"), literal("b"));
  EXPECT_NE(point(), Type::structure("Point", {"x", "z"}, {Type::real(), Type::integer()}));
  EXPECT_NE(point(), Type::structure("Point", {"x", "y"}, {Type::real(), Type::real()}));
  EXPECT_NE(Type::one_of({Type::none(), Type::integer()}),
            Type::one_of({Type::integer(), Type::none()}));
}

TEST(Type, ReadsAsAPersonWritesIt) {
  EXPECT_EQ(to_string(Type::one_of({Type::none(), Type::integer()})), "one_of(none, int)");
  EXPECT_EQ(to_string(Type::list(Type::text())), "list(text)");
  EXPECT_EQ(to_string(Type::tuple({Type::boolean(), Type::data()})), "tuple(bool, data)");
  EXPECT_EQ(to_string(Type::dict(Type::text(), Type::timestamp())), "dict(text, timestamp)");
  EXPECT_EQ(to_string(task()), "todo.Task");
  EXPECT_EQ(to_string(literal("open")), "\"open\"");
  EXPECT_EQ(to_string(point()), "Point(x: float, y: int)");
  EXPECT_EQ(to_string(shape()), "Shape{Circle(radius: float), Empty()}");
  EXPECT_EQ(to_string(Type::structure("", {}, {})), "struct()");
}

TEST(TypeDefault, IsEmptyOrZeroOrTheFirst) {
  EXPECT_EQ(*default_value(Type::none()), Value::none());
  EXPECT_EQ(*default_value(Type::boolean()), Value::boolean(false));
  EXPECT_EQ(*default_value(Type::integer()), Value::integer(0));
  EXPECT_EQ(*default_value(Type::real()), Value::real(0));
  EXPECT_EQ(*default_value(Type::text()), Value::text(""));
  EXPECT_EQ(*default_value(Type::data()), Value::data({}));
  EXPECT_EQ(*default_value(Type::timestamp()), Value::timestamp(0));
  EXPECT_EQ(*default_value(literal("open")), Value::text("open"));
  EXPECT_EQ(*default_value(Type::one_of({Type::text(), Type::none()})), Value::text(""));
  EXPECT_EQ(*default_value(Type::list(task())), Value::list({}));
  EXPECT_EQ(*default_value(Type::dict(task(), task())), Value::dict({}));
  EXPECT_EQ(*default_value(Type::tuple({Type::integer(), Type::none()})),
            Value::tuple({Value::integer(0), Value::none()}));
  EXPECT_EQ(*default_value(point()), Value::structure({Value::real(0), Value::integer(0)}));
  EXPECT_EQ(*default_value(shape()), Value::variant(0, {Value::real(0)}));
}

TEST(TypeDefault, IsMissingWhereAReferenceIsNeeded) {
  for (const Type& type :
       {task(), Type::one_of({task(), Type::none()}), Type::tuple({Type::integer(), task()}),
        Type::structure("S", {"task"}, {task()})}) {
    const Result<Value> result = default_value(type);
    ASSERT_FALSE(result) << to_string(type);
    EXPECT_EQ(result.error(),
              (Error{ErrorCode::kMissingField, "a reference to todo.Task has no default"}));
  }
  EXPECT_EQ(*default_value(Type::one_of({Type::none(), task()})), Value::none());
}

TEST(TypeDefault, FitsItsType) {
  for (const Type& type : {Type::integer(), Type::list(Type::text()), point(), shape(),
                           Type::one_of({literal("a"), literal("b")}), nested_lists(10)}) {
    EXPECT_TRUE(check_fits(*default_value(type), type)) << to_string(type);
  }
}

TEST(CheckType, AcceptsEveryKind) {
  for (const Type& type :
       {Type::none(), Type::boolean(), Type::integer(), Type::real(), Type::text(), Type::data(),
        Type::timestamp(), task(), Type::one_of({Type::none(), task()}), literal("x"),
        Type::list(Type::integer()), Type::tuple({}), Type::dict(Type::text(), point()), point(),
        shape()}) {
    EXPECT_TRUE(check_type(type)) << to_string(type);
  }
}

TEST(CheckType, AcceptsTheGreatestDepthAndNoMore) {
  EXPECT_TRUE(check_type(nested_lists(kDepthMax - 1)));
  expect_invalid(nested_lists(kDepthMax), "a type nests deeper than 64 levels");
}

TEST(CheckType, AcceptsTheGreatestNumberOfMembersAndNoMore) {
  std::vector<Type> elements(kTypeChildrenMax, Type::integer());
  EXPECT_TRUE(check_type(Type::tuple(elements)));
  elements.push_back(Type::integer());
  expect_invalid(Type::tuple(elements), "a tuple cannot have 4097 members");
}

TEST(CheckType, RefusesWrongNumbersOfMembers) {
  expect_invalid(Type{Type::Kind::kList}, "a list cannot have 0 members");
  expect_invalid(Type::one_of({}), "a one_of cannot have 0 members");
  expect_invalid(Type::variant("V", {}, {}), "a variant cannot have 0 members");
  Type dict{Type::Kind::kDict};
  dict.children = {Type::text()};
  expect_invalid(dict, "a dict cannot have 1 members");
  Type integer = Type::integer();
  integer.children = {Type::text()};
  expect_invalid(integer, "a scalar cannot have 1 members");
}

TEST(CheckType, RefusesMembersOfAnotherKind) {
  Type named = Type::integer();
  named.name = "Number";
  expect_invalid(named, "a scalar cannot have names");
  Type with_literal = Type::list(Type::integer());
  with_literal.literal = Value::integer(1);
  expect_invalid(with_literal, "a list cannot have a literal");
  Type with_target = Type::text();
  with_target.target = {"todo", "Task"};
  expect_invalid(with_target, "a scalar cannot have a target");
}

TEST(CheckType, RefusesAnUnknownKind) {
  expect_invalid(Type{static_cast<Type::Kind>(99)}, "a type is of no known kind");
}

TEST(CheckType, RefusesWrongNesting) {
  Type one_of{Type::Kind::kOneOf};
  one_of.children = {Type::none(), Type::one_of({Type::text(), Type::integer()})};
  expect_invalid(one_of, "an option of a one_of cannot be a one_of");
  expect_invalid(Type::variant("V", {"A"}, {Type::integer()}),
                 "an alternative of a variant must be a struct");
}

TEST(CheckType, RefusesBadNames) {
  expect_invalid(Type::structure("S", {"x"}, {}), "a struct of 0 members has 1 names");
  expect_invalid(Type::structure("S", {"x", "x"}, {Type::text(), Type::text()}),
                 "a struct has two members named \"x\"");
  expect_invalid(Type::structure("S", {""}, {Type::text()}),
                 "the name of a struct member is empty");
  expect_invalid(Type::reference({"", "Task"}), "the name of a target schema is empty");
  expect_invalid(Type::reference({"todo", ""}), "the name of a target type is empty");
}

TEST(CheckType, RefusesLiteralsThatNoValueCouldBe) {
  expect_invalid(literal("\xFF"), "a literal contains text that is not valid UTF-8");
  Value deep = Value::list({});
  for (int i = 0; i < kDepthMax; ++i) deep = Value::list({deep});
  expect_invalid(Type::literal_of(deep), "a literal nests deeper than 64 levels");
}

TEST(CheckName, SaysWhatIsWrong) {
  EXPECT_TRUE(check_name("a", "a field"));
  EXPECT_TRUE(check_name("gr\u00F6\u00DFe", "a field"));
  EXPECT_TRUE(check_name(std::string(kNameBytesMax, 'x'), "a field"));
  EXPECT_EQ(check_name("", "a field").error().message, "the name of a field is empty");
  EXPECT_EQ(check_name(std::string(257, 'x'), "a type").error().message,
            "the name of a type takes 257 bytes, more than 256");
  EXPECT_EQ(check_name("\xFF", "a field").error().message,
            "the name of a field is not valid UTF-8");
  EXPECT_EQ(check_name("a\nb", "a field").error().message,
            "the name of a field contains a control character");
}

}  // namespace
}  // namespace odb
