#include "odb/core/cell_operation.h"

#include <gtest/gtest.h>

#include <limits>
#include <map>
#include <random>

namespace odb {
namespace {

using Kind = CellOperation::Kind;

constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();

CellOperation operation(Kind kind, Value value, Value key = {}) {
  return {kind, FieldId{0}, std::move(value), std::move(key)};
}
Value after(const Value& current, const CellOperation& operation) {
  auto result = apply_operation(current, operation);
  EXPECT_TRUE(result.has_value());
  return result ? *std::move(result) : Value();
}

TEST(CellOperation, FitsTheFieldsThatHaveIt) {
  const Type texts = Type::list(Type::text());
  const Type scores = Type::dict(Type::text(), Type::integer());
  const auto fits = [](const CellOperation& what, const Type& type) {
    const auto result = check_operation(what, type);
    return result ? ErrorCode::kNone : result.error().code;
  };
  EXPECT_EQ(fits(operation(Kind::kAdd, Value::integer(1)), Type::integer()), ErrorCode::kNone);
  EXPECT_EQ(fits(operation(Kind::kAdd, Value::real(1)), Type::real()), ErrorCode::kNone);
  EXPECT_EQ(fits(operation(Kind::kAdd, Value::real(1)), Type::integer()), ErrorCode::kWrongType);
  EXPECT_EQ(fits(operation(Kind::kAdd, Value::integer(1)), Type::text()), ErrorCode::kWrongType);
  EXPECT_EQ(fits(operation(Kind::kAppend, Value::text("a")), texts), ErrorCode::kNone);
  EXPECT_EQ(fits(operation(Kind::kAppend, Value::integer(1)), texts), ErrorCode::kWrongType);
  EXPECT_EQ(fits(operation(Kind::kAppend, Value::text("\xFF")), texts), ErrorCode::kInvalidUtf8);
  EXPECT_EQ(fits(operation(Kind::kAppend, Value::text("a")), scores), ErrorCode::kWrongType);
  const Value key = Value::text("k");
  EXPECT_EQ(fits(operation(Kind::kInsert, Value::integer(1), key), scores), ErrorCode::kNone);
  EXPECT_EQ(fits(operation(Kind::kInsert, key, key), scores), ErrorCode::kWrongType);
  EXPECT_EQ(fits(operation(Kind::kInsert, Value::integer(1), Value::integer(1)), scores),
            ErrorCode::kWrongType);
  EXPECT_EQ(fits(operation(Kind::kErase, {}, key), scores), ErrorCode::kNone);
  EXPECT_EQ(fits(operation(Kind::kErase, {}, Value::integer(1)), scores), ErrorCode::kWrongType);
  EXPECT_EQ(fits(operation(Kind::kErase, {}, key), texts), ErrorCode::kWrongType);
}

TEST(CellOperation, AddsNumbersUpToTheirLimit) {
  EXPECT_EQ(after(Value::integer(40), operation(Kind::kAdd, Value::integer(2))),
            Value::integer(42));
  EXPECT_EQ(after(Value::integer(1), operation(Kind::kAdd, Value::integer(-3))),
            Value::integer(-2));
  EXPECT_EQ(after(Value::real(0.5), operation(Kind::kAdd, Value::real(0.25))), Value::real(0.75));
  EXPECT_EQ(
      apply_operation(Value::integer(kMost), operation(Kind::kAdd, Value::integer(1))).error().code,
      ErrorCode::kNumberOverflow);
  EXPECT_EQ(apply_operation(Value::integer(-kMost), operation(Kind::kAdd, Value::integer(-2)))
                .error()
                .code,
            ErrorCode::kNumberOverflow);
}

TEST(CellOperation, AppendsBehindWhatIsThere) {
  const Value one = Value::list({Value::text("a")});
  EXPECT_EQ(after(one, operation(Kind::kAppend, Value::text("b"))),
            Value::list({Value::text("a"), Value::text("b")}));
  EXPECT_EQ(after(Value::list({}), operation(Kind::kAppend, Value::text("b"))),
            Value::list({Value::text("b")}));
}

TEST(CellOperation, InsertsAndErasesLikeAMap) {
  std::mt19937_64 random(7);
  std::map<std::int64_t, std::int64_t> model;
  Value dict = Value::dict({});
  for (int step = 0; step < 500; ++step) {
    const auto key = static_cast<std::int64_t>(random() % 20);
    if (random() % 3 == 0) {
      model.erase(key);
      dict = after(dict, operation(Kind::kErase, {}, Value::integer(key)));
    } else {
      model[key] = step;
      dict = after(dict, operation(Kind::kInsert, Value::integer(step), Value::integer(key)));
    }
    std::vector<std::pair<Value, Value>> expected;
    for (const auto& [k, v] : model) expected.emplace_back(Value::integer(k), Value::integer(v));
    ASSERT_EQ(dict, Value::dict(std::move(expected))) << "step " << step;
  }
}

TEST(CellOperation, SeveralOfOneFieldAreDoneInTurn) {
  Row::Owner row = Row::create(Row::Kind::kCreated, Version{1}, 2);
  row->mutable_fields()[0] = Value::integer(kMost);
  row->mutable_fields()[1] = Value::integer(1);
  CatalogType type;
  type.name = {"todo", "Counter"};
  type.fields = {{"count", Type::integer(), Value::integer(0)},
                 {"other", Type::integer(), Value::integer(0)}};
  const CellOperation minus = operation(Kind::kAdd, Value::integer(-5));
  const CellOperation plus = operation(Kind::kAdd, Value::integer(5));
  const std::vector<CellOperation> possible = {minus, plus};
  EXPECT_TRUE(check_operations(possible, type, *row));
  const std::vector<CellOperation> impossible = {plus, minus};
  const auto refused = check_operations(impossible, type, *row);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kNumberOverflow);
  EXPECT_EQ(refused.error().message.find("todo.Counter.count: "), 0u) << refused.error().message;
}

TEST(CellOperation, OnWhatIsNotLoadedIsLeftToTheServer) {
  Row::Owner row = Row::create(Row::Kind::kCreated, Version{1}, 1, Row::Extent::kPartial);
  row->mutable_fields()[0] = Value::not_loaded();
  CatalogType type;
  type.fields = {{"count", Type::integer(), Value::integer(0)}};
  const std::vector<CellOperation> adds = {operation(Kind::kAdd, Value::integer(kMost)),
                                           operation(Kind::kAdd, Value::integer(kMost))};
  EXPECT_TRUE(check_operations(adds, type, *row));
}

}  // namespace
}  // namespace odb
