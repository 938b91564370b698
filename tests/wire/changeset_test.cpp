// Changesets on the wire: what is normalised, and what is refused.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "schemas/message.capnp.h"
#include "wire/payload.h"

namespace odb::wire {
namespace {

using testing::HasSubstr;

// A commit of changes of objects with so many cells each, as its encoder would not write it.
template <class Fill>
Result<ClientMessage> decode_commit(Fill fill) {
  return decode_client(hand_made<schema::ClientMessage>([&](auto root) {
    auto commit = root.initCommit();
    commit.setSequence(1);
    fill(commit);
  }));
}

template <class Fill>
Result<ClientMessage> decode_writes(std::vector<unsigned> cells, unsigned operations,
                                    unsigned operands, Fill fill) {
  return decode_commit([&](schema::Commit::Builder commit) {
    auto writes = commit.initWrites();
    auto objects = writes.initObjects(static_cast<unsigned>(cells.size()));
    for (unsigned i = 0; i < cells.size(); ++i) {
      objects[i].setObject(i + 1);
      objects[i].setType(1);
      objects[i].setCells(cells[i]);
    }
    writes.initOperations(operations);
    writes.initOperands(operands);
    fill(writes);
  });
}

Result<ClientMessage> decode_writes(std::vector<unsigned> cells, unsigned operations,
                                    unsigned operands) {
  return decode_writes(std::move(cells), operations, operands, [](schema::Changeset::Builder) {});
}

TEST(ChangesetCodec, ReadsOperationsInTheOrderOfObjects) {
  const auto message = decode_writes({2, 0, 1}, 3, 3);
  ASSERT_TRUE(message.has_value()) << message.error().message;
  const auto& objects = std::get<Commit>(*message).request.writes.objects;
  EXPECT_EQ(objects[0].cells_begin, 0u);
  EXPECT_EQ(objects[1].cells_begin, 2u);
  EXPECT_EQ(objects[2].cells_begin, 2u);
  EXPECT_EQ(objects[2].cells_count, 1u);
}

TEST(ChangesetCodec, SendsOnlyCellsThatBelongToAnObject) {
  Commit commit;
  commit.sequence = {1};
  Changeset& writes = commit.request.writes;
  for (std::int64_t i = 0; i < 4; ++i) {
    writes.cells.push_back({CellOperation::Kind::kSet, {0}, Value::integer(i), {}});
  }
  writes.objects = {{ObjectChange::Kind::kUpdate, {1}, {1}, 2, 1},
                    {ObjectChange::Kind::kUpdate, {1}, {2}, 0, 1}};
  const auto message = decode_client(payload_of(ClientMessage(commit)));
  ASSERT_TRUE(message.has_value()) << message.error().message;
  const Changeset& read = std::get<Commit>(*message).request.writes;
  ASSERT_EQ(read.cells.size(), 2u);
  EXPECT_EQ(read.cells_of(read.objects[0])[0].value, Value::integer(2));
  EXPECT_EQ(read.cells_of(read.objects[1])[0].value, Value::integer(0));
}

TEST(ChangesetCodec, RefusesCellsThatDoNotAddUp) {
  for (const std::vector<unsigned>& cells :
       {std::vector<unsigned>{3}, {1}, {}, {0xFFFFFFFF}, {0xFFFFFFFF, 3}}) {
    const auto message = decode_writes(cells, 2, 2);
    EXPECT_EQ(code_of(message), ErrorCode::kMalformedMessage);
    EXPECT_THAT(message.error().message, HasSubstr("2 operations"));
  }
}

TEST(ChangesetCodec, RefusesTooFewAndTooManyOperands) {
  EXPECT_EQ(code_of(decode_writes({2}, 2, 2)), ErrorCode::kNone);
  EXPECT_EQ(code_of(decode_writes({2}, 2, 1)), ErrorCode::kMalformedMessage);
  EXPECT_EQ(code_of(decode_writes({2}, 2, 3)), ErrorCode::kMalformedMessage);
  const auto insert = [](schema::Changeset::Builder writes) {
    writes.getOperations()[0].setKind(schema::CellOperationKind::INSERT);
  };
  EXPECT_EQ(code_of(decode_writes({1}, 1, 1, insert)), ErrorCode::kMalformedMessage);
  EXPECT_EQ(code_of(decode_writes({1}, 1, 2, insert)), ErrorCode::kNone);
}

TEST(ChangesetCodec, RefusesUnknownKinds) {
  const auto operation = decode_writes({1}, 1, 1, [](schema::Changeset::Builder writes) {
    writes.getOperations()[0].setKind(static_cast<schema::CellOperationKind>(5));
  });
  ASSERT_EQ(code_of(operation), ErrorCode::kMalformedMessage);
  EXPECT_THAT(operation.error().message, HasSubstr("unknown kind of cell operation 5"));
  const auto change = decode_writes({0}, 0, 0, [](schema::Changeset::Builder writes) {
    writes.getObjects()[0].setKind(static_cast<schema::ObjectChangeKind>(6));
  });
  ASSERT_EQ(code_of(change), ErrorCode::kMalformedMessage);
  EXPECT_THAT(change.error().message, HasSubstr("unknown kind of change 6"));
}

TEST(ChangesetCodec, RefusesObjectAndTypeZero) {
  EXPECT_EQ(
      code_of(decode_writes({0}, 0, 0, [](auto writes) { writes.getObjects()[0].setObject(0); })),
      ErrorCode::kMalformedMessage);
  EXPECT_EQ(
      code_of(decode_writes({0}, 0, 0, [](auto writes) { writes.getObjects()[0].setType(0); })),
      ErrorCode::kMalformedMessage);
}

TEST(ChangesetCodec, RefusesChangesThatOnlyDeltasHave) {
  for (const auto kind : {schema::ObjectChangeKind::ENTER, schema::ObjectChangeKind::LEAVE}) {
    const auto message = decode_writes({0}, 0, 0, [&](schema::Changeset::Builder writes) {
      writes.getObjects()[0].setKind(kind);
    });
    EXPECT_EQ(code_of(message), ErrorCode::kMalformedMessage);
  }
}

TEST(ChangesetCodec, RefusesSequenceZero) {
  EXPECT_EQ(code_of(decode_commit([](schema::Commit::Builder commit) { commit.setSequence(0); })),
            ErrorCode::kMalformedMessage);
}

}  // namespace
}  // namespace odb::wire
