// Values that hold values of their own type: what is stored, what comes back, what is refused.
#include <gtest/gtest.h>

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "client/typed_support.h"
#include "odb/client/mapping.h"

namespace odb {
namespace trees {

struct Constant {
  std::int64_t value = 0;
  bool operator==(const Constant&) const = default;
};
struct Add;
struct Call;
using Expr = Recursive<Constant, Add, Call>;

struct Add {
  Expr left{};
  Expr right{};
  bool operator==(const Add&) const = default;
};
struct Call {
  std::string name{};
  std::vector<Expr> arguments{};
  std::optional<std::pair<Expr, std::int64_t>> otherwise{};
  bool operator==(const Call&) const = default;
};
BOOST_DESCRIBE_STRUCT(Constant, (), (value))
BOOST_DESCRIBE_STRUCT(Add, (), (left, right))
BOOST_DESCRIBE_STRUCT(Call, (), (name, arguments, otherwise))

// Whose default holds itself.
struct Link;
struct End {
  bool operator==(const End&) const = default;
};
using Chain = Recursive<Link, End>;
struct Link {
  Chain next{};
  bool operator==(const Link&) const = default;
};
BOOST_DESCRIBE_STRUCT(Link, (), (next))
BOOST_DESCRIBE_STRUCT(End, (), ())

}  // namespace trees

namespace {

using namespace trees;
using test::message_of;

std::int64_t evaluate(const Expr& expr) {
  struct Evaluate {
    std::int64_t operator()(const Constant& constant) const { return constant.value; }
    std::int64_t operator()(const Add& add) const {
      return evaluate(add.left) + evaluate(add.right);
    }
    std::int64_t operator()(const Call& call) const {
      std::int64_t sum = 0;
      for (const Expr& argument : call.arguments) sum += evaluate(argument);
      return call.otherwise ? sum + evaluate(call.otherwise->first) * call.otherwise->second : sum;
    }
  };
  return std::visit(Evaluate(), expr.value());
}

Value store(const Expr& expr) {
  const Value stored = Mapping<Expr>::to_value(expr);
  EXPECT_TRUE(check_fits(stored, type_of<Expr>()));
  return stored;
}

TEST(MappingRecursive, IsAListOfNodesOnTheWire) {
  EXPECT_EQ(to_string(type_of<Expr>()),
            "list(variant{Constant(value: int), "
            "Add(left: struct(node: int), right: struct(node: int)), "
            "Call(name: text, arguments: list(struct(node: int)), "
            "otherwise: one_of(none, tuple(struct(node: int), int)))})");
  EXPECT_TRUE(check_type(type_of<Expr>()));
}

TEST(MappingRecursive, PutsEachNodeBehindItsHolder) {
  const auto node = [](std::int64_t place) { return Value::structure({Value::integer(place)}); };
  const auto constant = [](std::int64_t value) {
    return Value::variant(0, {Value::integer(value)});
  };
  EXPECT_EQ(store(Add{Constant{1}, Add{Constant{2}, Constant{3}}}),
            Value::list({Value::variant(1, {node(1), node(2)}), constant(1),
                         Value::variant(1, {node(3), node(4)}), constant(2), constant(3)}));
}

TEST(MappingRecursive, ComesBackAsItWas) {
  const Expr shared = Add{Constant{4}, Constant{5}};
  const Expr tree =
      Call{"f", {Constant{1}, shared, Call{"g", {}, std::pair(shared, 10)}}, std::nullopt};
  const Expr back = Mapping<Expr>::from_value(store(tree));
  EXPECT_EQ(back, tree);
  EXPECT_EQ(evaluate(back), 1 + 9 + 90);
  ASSERT_NE(back.get_if<Call>(), nullptr);
  EXPECT_EQ(back.get_if<Call>()->name, "f");
  EXPECT_EQ(back.get_if<Add>(), nullptr);
}

TEST(MappingRecursive, IsEmptyByDefault) {
  EXPECT_EQ(store(Expr()), Value::list({}));
  EXPECT_EQ(store(Constant{0}), Value::list({}));
  EXPECT_EQ(store(Expr()), *default_value(type_of<Expr>()));
  EXPECT_EQ(Mapping<Expr>::from_value(Value::list({})), Expr(Constant{0}));
  EXPECT_EQ(Mapping<Expr>::from_value(store(Add{})), Expr(Add{Constant{0}, Constant{0}}));
}

TEST(MappingRecursive, StopsAtADefaultThatHoldsItself) {
  const Value stored = Mapping<Chain>::to_value(Link{});
  EXPECT_EQ(stored, Value::list({}));
  const Chain two = Link{Link{End{}}};
  EXPECT_EQ(Mapping<Chain>::from_value(Mapping<Chain>::to_value(two)), two);
}

TEST(MappingRecursive, StandsInsideOtherTypes) {
  using Rules = std::vector<std::pair<std::string, std::optional<Expr>>>;
  const Rules rules{{"sum", Expr(Add{Constant{1}, Constant{2}})}, {"none", std::nullopt}};
  const Value stored = Mapping<Rules>::to_value(rules);
  EXPECT_TRUE(check_fits(stored, type_of<Rules>()));
  EXPECT_EQ(Mapping<Rules>::from_value(stored), rules);
}

TEST(MappingRecursive, RefusesWhatIsTooLargeOrTooDeep) {
  const Call wide{"f", std::vector<Expr>(kRecursiveNodesMax - 1, Constant{1}), {}};
  EXPECT_EQ(store(wide).elements().size(), kRecursiveNodesMax);
  Call wider = wide;
  wider.arguments.push_back(Constant{1});
  EXPECT_EQ(message_of<ValueError>([&] { Mapping<Expr>::to_value(wider); }),
            "Call.arguments: expected a value of at most 65536 nodes; a part that it holds twice "
            "counts twice");

  Expr deep = Constant{1};
  for (std::size_t i = 1; i < kRecursiveDepthMax; ++i) deep = Add{deep, Expr()};
  const Value stored = store(deep);
  EXPECT_EQ(Mapping<Expr>::from_value(stored), deep);
  const Expr deeper = Add{deep, Expr()};
  EXPECT_EQ(message_of<ValueError>([&] { Mapping<Expr>::to_value(deeper); }),
            "Add.left: expected a value that is nested at most 1000 levels deep");

  // As another program may have stored it.
  std::vector<Value> chain;
  for (std::int64_t i = 1; i <= 1000; ++i) {
    chain.push_back(Value::variant(
        1, {Value::structure({Value::integer(i)}), Value::structure({Value::integer(0)})}));
  }
  chain.push_back(Value::variant(0, {Value::integer(1)}));
  EXPECT_EQ(message_of<ValueError>([&] { Mapping<Expr>::from_value(Value::list(chain)); }),
            "expected a value that is nested at most 1000 levels deep");
}

TEST(MappingRecursive, RefusesNodesOutOfPlace) {
  for (const std::int64_t place : {-1, 1, 2}) {
    const Value malformed =
        Value::list({Value::variant(0, {Value::integer(1)}),
                     Value::variant(1, {Value::structure({Value::integer(place)}),
                                        Value::structure({Value::integer(0)})})});
    EXPECT_EQ(message_of<ValueError>([&] { Mapping<Expr>::from_value(malformed); }),
              "Add.left: the stored value is malformed: a node refers to place " +
                  std::to_string(place) + ", which is not behind its own");
  }
  // Nothing of a conversion that failed is left behind.
  EXPECT_EQ(Mapping<Expr>::from_value(store(Constant{7})), Expr(Constant{7}));
}

}  // namespace
}  // namespace odb
