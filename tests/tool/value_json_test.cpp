#include "odb/tool/value_json.h"

#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <utility>
#include <vector>

namespace odb::tool {
namespace {

Value bytes(std::string_view text) { return Value::data(std::as_bytes(std::span(text))); }

Type point() { return Type::structure("Point", {"x", "y"}, {Type::integer(), Type::real()}); }

Type to(const std::string& name, std::uint32_t id) {
  Type type = Type::reference({"todo", name});
  type.target_id = TypeId{id};
  return type;
}

std::string write(const Type& type, const Value& value) {
  std::string text;
  ValueJson(type).append(text, value);
  return text;
}

// Written and read again it is the same value of the same kinds; gives what was written.
std::string round_trip(const Type& type, const Value& value) {
  EXPECT_TRUE(check_fits(value, type));
  std::string text = write(type, value);
  JsonCursor in(text);
  Value found;
  EXPECT_TRUE(ValueJson(type).take(in, found) && in.take_end()) << text << ": " << in.message();
  EXPECT_EQ(found, value) << text;
  EXPECT_EQ(write(type, found), text);
  return text;
}

std::string refusal(const Type& type, const std::string& text) {
  JsonCursor in(text);
  Value found;
  EXPECT_FALSE(ValueJson(type).take(in, found) && in.take_end()) << text;
  return in.message();
}

TEST(ValueJson, WritesEachTypeAsDocumented) {
  EXPECT_EQ(round_trip(Type::none(), Value::none()), "null");
  EXPECT_EQ(round_trip(Type::boolean(), Value::boolean(true)), "true");
  EXPECT_EQ(round_trip(Type::integer(), Value::integer(9007199254740993)), "9007199254740993");
  EXPECT_EQ(round_trip(Type::real(), Value::real(3)), "3.0");
  EXPECT_EQ(round_trip(Type::text(), Value::text("a \"b\"")), R"("a \"b\"")");
  EXPECT_EQ(round_trip(Type::data(), bytes("any")), "\"YW55\"");
  EXPECT_EQ(round_trip(Type::timestamp(), Value::timestamp(-1)),
            "\"1969-12-31T23:59:59.999999999Z\"");
  EXPECT_EQ(round_trip(to("Task", 3), Value::reference({3}, {17})), "17");
  EXPECT_EQ(round_trip(Type::list(Type::integer()), Value::list({Value::integer(1)})), "[1]");
  EXPECT_EQ(round_trip(Type::list(Type::integer()), Value::list({})), "[]");
  EXPECT_EQ(round_trip(Type::tuple({Type::integer(), Type::text()}),
                       Value::tuple({Value::integer(1), Value::text("a")})),
            "[1,\"a\"]");
  EXPECT_EQ(round_trip(Type::dict(Type::text(), Type::integer()),
                       Value::dict({{Value::text("b"), Value::integer(2)},
                                    {Value::text("a"), Value::integer(1)}})),
            "{\"a\":1,\"b\":2}");
  EXPECT_EQ(round_trip(Type::dict(Type::integer(), Type::text()),
                       Value::dict({{Value::integer(1), Value::text("a")}})),
            "[[1,\"a\"]]");
  EXPECT_EQ(round_trip(point(), Value::structure({Value::integer(1), Value::real(0.5)})),
            "{\"x\":1,\"y\":0.5}");
  const Type shape =
      Type::variant("Shape", {"Dot", "Nothing"}, {point(), Type::structure("Nothing", {}, {})});
  EXPECT_EQ(round_trip(shape, Value::variant(0, {Value::integer(1), Value::real(2)})),
            "{\"Dot\":{\"x\":1,\"y\":2.0}}");
  EXPECT_EQ(round_trip(shape, Value::variant(1, {})), "{\"Nothing\":{}}");
}

TEST(ValueJson, WritesOptionsThatLookDifferentAsTheyAre) {
  const Type maybe = Type::one_of({Type::none(), to("Task", 3)});
  EXPECT_EQ(round_trip(maybe, Value::none()), "null");
  EXPECT_EQ(round_trip(maybe, Value::reference({3}, {5})), "5");
  const Type number = Type::one_of({Type::integer(), Type::real()});
  EXPECT_EQ(round_trip(number, Value::integer(3)), "3");
  EXPECT_EQ(round_trip(number, Value::real(3)), "3.0");
  const Type status =
      Type::one_of({Type::literal_of(Value::text("open")), Type::literal_of(Value::text("done"))});
  EXPECT_EQ(round_trip(status, Value::text("done")), "\"done\"");
  EXPECT_EQ(round_trip(Type::one_of({Type::literal_of(Value::text("any")), Type::text()}),
                       Value::text("other")),
            "\"other\"");
  EXPECT_EQ(round_trip(Type::one_of({Type::none(), Type::list(Type::integer())}),
                       Value::list({Value::integer(1)})),
            "[1]");
}

TEST(ValueJson, NamesTheOptionWhereTheyLookAlike) {
  const Type text_or_data = Type::one_of({Type::text(), Type::data()});
  EXPECT_EQ(round_trip(text_or_data, Value::text("YW55")), "{\"0\":\"YW55\"}");
  EXPECT_EQ(round_trip(text_or_data, bytes("any")), "{\"1\":\"YW55\"}");
  const Type float_or_text = Type::one_of({Type::real(), Type::text()});
  EXPECT_EQ(round_trip(float_or_text, Value::text("nan")), "{\"1\":\"nan\"}");
  const Type two = Type::one_of({to("Task", 3), to("User", 4)});
  EXPECT_EQ(round_trip(two, Value::reference({4}, {9})), "{\"1\":9}");
  const Type lists = Type::one_of({Type::list(Type::integer()), Type::list(Type::real())});
  EXPECT_EQ(round_trip(lists, Value::list({Value::real(1)})), "{\"1\":[1.0]}");
  EXPECT_EQ(round_trip(lists, Value::list({})), "{\"0\":[]}");
  const Type literals = Type::one_of({Type::literal_of(Value::text("YQ==")), Type::data()});
  EXPECT_EQ(round_trip(literals, bytes("a")), "{\"1\":\"YQ==\"}");
  const Type composite =
      Type::one_of({Type::literal_of(Value::list({Value::integer(1)})), Type::list(Type::text())});
  EXPECT_EQ(round_trip(composite, Value::list({Value::integer(1)})), "{\"0\":null}");
}

TEST(ValueJson, KeepsWhatNests) {
  Type type = Type::integer();
  Value value = Value::integer(7);
  for (int i = 0; i < 60; ++i) {
    type = i % 2 == 0 ? Type::list(std::move(type)) : Type::one_of({Type::none(), std::move(type)});
    if (i % 2 == 0) value = Value::list({value, value});
    if (value.elements().size() == 2 && i > 10) value = Value::list({value.elements()[0]});
  }
  round_trip(type, value);
}

TEST(ValueJson, RefusesWhatDoesNotFit) {
  EXPECT_EQ(refusal(Type::integer(), "\"3\""), "expected int, found a text at character 1");
  EXPECT_EQ(refusal(Type::text(), "3"), "expected text, found a number at character 1");
  EXPECT_EQ(refusal(point(), "{\"x\":1}"), "expected ',', found something else at character 7");
  EXPECT_NE(refusal(point(), "{\"z\":1,\"y\":2.0}").find("expected field x"), std::string::npos);
  EXPECT_NE(refusal(Type::text(), "\"\xFF\"").find("UTF-8"), std::string::npos);
  EXPECT_NE(refusal(to("Task", 3), "0"), "");
  EXPECT_NE(refusal(Type::one_of({Type::none(), Type::integer()}), "\"a\"")
                .find("expected one_of(none, int)"),
            std::string::npos);
  EXPECT_NE(refusal(Type::one_of({Type::text(), Type::data()}), "{\"2\":\"\"}"), "");
  EXPECT_NE(refusal(Type::one_of({Type::literal_of(Value::text("open")),
                                  Type::literal_of(Value::text("done"))}),
                    "\"other\""),
            "");
  EXPECT_NE(
      refusal(Type::dict(Type::text(), Type::integer()), "{\"a\":1,\"a\":2}").find("one key twice"),
      std::string::npos);
  EXPECT_NE(refusal(Type::tuple({Type::integer()}), "[1,2]"), "");
  EXPECT_NE(refusal(Type::tuple({Type::integer(), Type::integer()}), "[1]"), "");
  EXPECT_NE(refusal(Type::list(Type::integer()), "[1,]"), "");
  EXPECT_NE(refusal(Type::list(Type::integer()), "[1"), "");
}

}  // namespace
}  // namespace odb::tool
