// Blocks of rows: every shape of column there and back, and what is refused.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "schemas/message.capnp.h"
#include "wire/payload.h"
#include "wire/sample_messages.h"

namespace odb::wire {
namespace {

using testing::HasSubstr;
using Column = schema::Column;

RowBlock one_column(std::vector<Value> values) {
  RowBlock rows{{1}, 1, {}, std::move(values)};
  for (std::uint64_t i = 0; i < rows.values.size(); ++i) rows.objects.push_back({i + 1});
  return rows;
}

void expect_returned(const RowBlock& rows) {
  const ServerMessage message = ObjectsLoaded{{1}, rows};
  const auto decoded = decode_server(payload_of(message));
  ASSERT_TRUE(decoded.has_value()) << decoded.error().message;
  EXPECT_TRUE(*decoded == message);
}

// The member of the union in which a column of these values travels.
Column::Which shape_of(std::vector<Value> values) {
  const Bytes payload = payload_of(ServerMessage(ObjectsLoaded{{1}, one_column(values)}));
  const kj::ArrayPtr<const capnp::word> segment(
      reinterpret_cast<const capnp::word*>(payload.data()), payload.size() / 8);
  capnp::SegmentArrayMessageReader reader(kj::arrayPtr(&segment, 1));
  const auto message = reader.getRoot<schema::ServerMessage>();
  return message.getObjectsLoaded().getRows().getColumns()[0].which();
}

// Blocks as the encoder does not write them: `rows` objects and one column.
template <class Fill>
Result<ServerMessage> decode_column(unsigned rows, Fill fill) {
  return decode_server(hand_made<schema::ServerMessage>([&](auto root) {
    auto block = root.initObjectsLoaded().initRows();
    block.initObjects(rows);
    fill(block.initColumns(1)[0]);
  }));
}

TEST(RowCodec, ReturnsColumnsOfOneKind) {
  for (const Value& value : sample_values()) {
    SCOPED_TRACE(to_string(value));
    expect_returned(one_column({value}));
    expect_returned(one_column({value, value, value}));
  }
}

TEST(RowCodec, ReturnsColumnsWithNones) {
  for (const Value& value : sample_values()) {
    SCOPED_TRACE(to_string(value));
    expect_returned(one_column({Value::none(), value, Value::none(), value}));
  }
}

TEST(RowCodec, ReturnsColumnsOfMixedKinds) {
  expect_returned(one_column(sample_values()));
  expect_returned(one_column({Value::reference({1}, {1}), Value::reference({2}, {1})}));
}

TEST(RowCodec, ReturnsBlocksWithoutRowsOrFields) {
  expect_returned({{1}, 3, {}, {}});
  expect_returned({{1}, 0, {{1}, {2}}, {}});
}

TEST(RowCodec, SendsOneKindAsOneTypedList) {
  EXPECT_EQ(shape_of({Value::none(), Value::none()}), Column::NONE);
  EXPECT_EQ(shape_of({Value::boolean(true), Value::boolean(false)}), Column::BOOLEANS);
  EXPECT_EQ(shape_of({Value::integer(1), Value::none()}), Column::INTEGERS);
  EXPECT_EQ(shape_of({Value::none(), Value::real(1)}), Column::REALS);
  EXPECT_EQ(shape_of({Value::timestamp(1)}), Column::TIMESTAMPS);
  EXPECT_EQ(shape_of({Value::text("a"), Value::text("")}), Column::TEXTS);
  EXPECT_EQ(shape_of({Value::data({})}), Column::DATA);
  EXPECT_EQ(shape_of({Value::reference({1}, {1}), Value::reference({1}, {2})}), Column::REFERENCES);
  EXPECT_EQ(shape_of({Value::reference({1}, {1}), Value::reference({2}, {2})}), Column::VALUES);
  EXPECT_EQ(shape_of({Value::integer(1), Value::real(1)}), Column::VALUES);
  EXPECT_EQ(shape_of({Value::list({})}), Column::VALUES);
}

TEST(RowCodec, TakesFewBytesAColumn) {
  RowBlock rows{{1}, 3, {}, {}};
  for (std::uint64_t i = 0; i < 1000; ++i) {
    rows.objects.push_back({i + 1});
    rows.values.push_back(Value::integer(1));
    rows.values.push_back(Value::text("0123456789abcdef"));
    rows.values.push_back(Value::boolean(true));
  }
  constexpr std::size_t kRowBytes = 8 + 8 + (4 + 16);
  EXPECT_LT(encode(ServerMessage(ObjectsLoaded{{1}, rows}))->size(),
            1000 * kRowBytes + 1000 / 8 + 300);
}

TEST(RowCodec, ReturnsMoreNonesAndBoolsThanBareColumnsMayHold) {
  constexpr std::uint64_t kRows = (1 << 18) + 1;
  RowBlock rows{{1}, 2, {}, {}};
  for (std::uint64_t i = 0; i < kRows; ++i) {
    rows.objects.push_back({i + 1});
    rows.values.push_back(Value::none());
    rows.values.push_back(Value::boolean(i % 2 == 0));
  }
  expect_returned(rows);
}

TEST(RowCodec, RefusesColumnsOfAnotherLength) {
  for (const unsigned length : {0u, 4u, 6u}) {
    const auto message = decode_column(5, [&](Column::Builder c) { c.initIntegers(length); });
    ASSERT_EQ(code_of(message), ErrorCode::kMalformedMessage);
    EXPECT_THAT(message.error().message, HasSubstr("expected 5"));
    const auto code = [&](auto fill) { return code_of(decode_column(5, fill)); };
    EXPECT_EQ(code([&](Column::Builder c) { c.initBooleans(length); }),
              ErrorCode::kMalformedMessage);
    EXPECT_EQ(code([&](Column::Builder c) { c.initReals(length); }), ErrorCode::kMalformedMessage);
    EXPECT_EQ(code([&](Column::Builder c) { c.initTimestamps(length); }),
              ErrorCode::kMalformedMessage);
    EXPECT_EQ(code([&](Column::Builder c) { c.initTexts().initLengths(length); }),
              ErrorCode::kMalformedMessage);
    EXPECT_EQ(code([&](Column::Builder c) { c.initData().initLengths(length); }),
              ErrorCode::kMalformedMessage);
    EXPECT_EQ(code([&](Column::Builder c) { c.initReferences().initObjects(length); }),
              ErrorCode::kMalformedMessage);
    EXPECT_EQ(code([&](Column::Builder c) { c.initValues(length); }), ErrorCode::kMalformedMessage);
    if (length != 0) {
      EXPECT_EQ(code([&](Column::Builder c) {
                  c.initIntegers(5);
                  c.initAbsent(length);
                }),
                ErrorCode::kMalformedMessage);
    }
  }
}

TEST(RowCodec, RefusesTextLengthsThatAreNotTheirBytes) {
  const auto code = [](std::initializer_list<std::uint32_t> lengths, unsigned bytes) {
    return code_of(decode_column(static_cast<unsigned>(lengths.size()), [&](Column::Builder c) {
      auto texts = c.initTexts();
      auto list = texts.initLengths(static_cast<unsigned>(lengths.size()));
      unsigned i = 0;
      for (const std::uint32_t length : lengths) list.set(i++, length);
      texts.initBytes(bytes);
    }));
  };
  EXPECT_EQ(code({2, 3}, 5), ErrorCode::kNone);
  EXPECT_EQ(code({2, 3}, 4), ErrorCode::kMalformedMessage);
  EXPECT_EQ(code({2, 3}, 6), ErrorCode::kMalformedMessage);
  EXPECT_EQ(code({0xFFFFFFFF, 6}, 5), ErrorCode::kMalformedMessage);
  EXPECT_EQ(code({}, 1), ErrorCode::kMalformedMessage);
}

TEST(RowCodec, RefusesUnknownKindsOfColumns) {
  const auto message = decode_column(0, [](Column::Builder column) {
    capnp::AnyStruct::Builder(kj::mv(column)).getDataSection()[0] = 200;
  });
  ASSERT_EQ(code_of(message), ErrorCode::kMalformedMessage);
  EXPECT_THAT(message.error().message, HasSubstr("unknown kind of column 200"));
}

// 20,000 columns of nones for 20,000 objects: 560 KB that ask for 6.4 GB.
TEST(RowCodec, RefusesMoreValuesThanItsBytesAllow) {
  for (const unsigned columns : {20'000u, 200'000u}) {
    const auto message = decode_server(hand_made<schema::ServerMessage>([&](auto root) {
      auto block = root.initObjectsLoaded().initRows();
      block.initObjects(columns / 10);
      block.initColumns(columns);
    }));
    ASSERT_EQ(code_of(message), ErrorCode::kMalformedMessage);
    EXPECT_THAT(message.error().message, HasSubstr("524288 values"));
  }
}

}  // namespace
}  // namespace odb::wire
