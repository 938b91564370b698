// Commits are read without Cap'n Proto, to the same result.
#include "wire/plain_commit.h"

#include <gtest/gtest.h>

#include <cstring>
#include <optional>
#include <random>
#include <variant>

#include "schemas/message.capnp.h"
#include "wire/message_codec.h"
#include "wire/payload.h"
#include "wire/random_messages.h"
#include "wire/segment.h"

namespace odb::wire {
namespace {

// As Cap'n Proto reads it; nothing when that refuses it.
std::optional<ClientMessage> read_slowly(const Bytes& payload) {
  ClientMessage message;
  const auto read = read_segment<schema::ClientMessage>(
      payload, [&](schema::ClientMessage::Reader root, ReadContext& context) {
        read_message(root, context, message);
      });
  if (!read) return std::nullopt;
  return message;
}

void expect_same_or_left_to_capnp(const Bytes& payload) {
  Commit commit;
  if (!read_plain_commit(payload, commit)) return;
  const auto slowly = read_slowly(payload);
  ASSERT_TRUE(slowly.has_value());
  ASSERT_TRUE(std::holds_alternative<Commit>(*slowly));
  ASSERT_TRUE(std::get<Commit>(*slowly) == commit);
}

// A commit of all that is read plainly.
Commit plain_commit() {
  const TypeId type{3};
  Commit commit{.sequence = Sequence{900},
                .lowest_unresolved = Sequence{850},
                .keeps_created = true,
                .request = {Version{70}, {}, {}, true}};
  commit.request.reads.cells = {{type, FieldId{2}, ObjectId{11}}, {type, FieldId{}, ObjectId{12}}};
  Changeset& writes = commit.request.writes;
  writes.begin(ObjectChange::Kind::kCreate, type, ObjectId{21});
  const std::vector<Value> values = {Value::none(),
                                     Value::boolean(true),
                                     Value::integer(-5),
                                     Value::real(0.5),
                                     Value::timestamp(1'700'000'000'000'000'000),
                                     Value::reference(type, ObjectId{11}),
                                     Value::text("a text of more than fourteen bytes"),
                                     Value::text(""),
                                     Value::data(std::as_bytes(std::span("some data")))};
  std::uint32_t field = 0;
  for (const Value& value : values) writes.add_cell({.field = FieldId{field++}, .value = value});
  writes.begin(ObjectChange::Kind::kUpdate, type, ObjectId{11});
  writes.add_cell({CellOperation::Kind::kAdd, FieldId{2}, Value::integer(1), {}});
  writes.add_cell({CellOperation::Kind::kAppend, FieldId{4}, Value::integer(2), {}});
  writes.begin(ObjectChange::Kind::kDelete, type, ObjectId{12});
  return commit;
}

TEST(PlainCommit, IsReadWithoutCapnProto) {
  Commit sent = plain_commit();
  Commit read;
  ASSERT_TRUE(read_plain_commit(payload_of(sent), read));
  EXPECT_TRUE(read == sent);

  sent = Commit{.sequence = Sequence{1}, .part = 3, .last = false};
  read = {};
  ASSERT_TRUE(read_plain_commit(payload_of(sent), read));
  EXPECT_TRUE(read == sent);
}

TEST(PlainCommit, LeavesToCapnProtoWhatIsRare) {
  const auto is_plain = [](const Commit& commit) {
    Commit read;
    return read_plain_commit(payload_of(commit), read);
  };
  Commit commit = plain_commit();
  commit.request.reads.memberships = {{TypeId{3}}};
  EXPECT_FALSE(is_plain(commit));
  commit = plain_commit();
  commit.request.writes.cells[0].value = Value::list({Value::integer(1)});
  EXPECT_FALSE(is_plain(commit));
  commit = plain_commit();
  commit.request.writes.cells[0] = {CellOperation::Kind::kErase, FieldId{}, {}, Value::integer(1)};
  EXPECT_FALSE(is_plain(commit));
}

TEST(PlainCommit, IsReadAsCapnProtoReadsIt) {
  for (std::uint64_t seed = 0; seed < 3000; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    expect_same_or_left_to_capnp(payload_of(RandomMessages(seed).client_message()));
    if (testing::Test::HasFatalFailure()) return;
  }
}

TEST(PlainCommit, IsReadAsCapnProtoReadsItWithAnyBitFlipped) {
  const Bytes payload = payload_of(plain_commit());
  for (std::size_t bit = 0; bit < payload.size() * 8; ++bit) {
    SCOPED_TRACE("bit " + std::to_string(bit));
    Bytes flipped = payload;
    flipped[bit / 8] ^= std::byte{1} << (bit % 8);
    expect_same_or_left_to_capnp(flipped);
    if (testing::Test::HasFatalFailure()) return;
  }
}

TEST(PlainCommit, IsReadAsCapnProtoReadsItWithAnyWordChanged) {
  const Bytes payload = payload_of(plain_commit());
  for (std::uint64_t seed = 0; seed < 20'000; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937_64 random(seed);
    Bytes changed = payload;
    // Another word's value, half of the time with something added: pointers that lead elsewhere.
    const std::size_t words = payload.size() / 8;
    const std::size_t to = random() % words;
    const std::size_t from = random() % words;
    std::uint64_t value;
    std::memcpy(&value, payload.data() + from * 8, sizeof value);
    if (random() % 2 == 0) value += (random() % 33 - 16) << (random() % 4 * 16);
    std::memcpy(changed.data() + to * 8, &value, sizeof value);
    expect_same_or_left_to_capnp(changed);
    if (testing::Test::HasFatalFailure()) return;
  }
}

TEST(PlainCommit, IsReadAsCapnProtoReadsItWhereverItIsCut) {
  const Bytes payload = payload_of(plain_commit());
  for (std::size_t size = 0; size < payload.size(); ++size) {
    const Bytes cut(payload.begin(), payload.begin() + static_cast<std::ptrdiff_t>(size));
    expect_same_or_left_to_capnp(cut);
    if (testing::Test::HasFatalFailure()) return;
  }
}

TEST(PlainCommit, ReadsNoBytesTwice) {
  // Two texts that share their bytes: a message that is larger in memory than on the wire.
  Commit sent{.sequence = Sequence{1}};
  sent.request.writes.begin(ObjectChange::Kind::kUpdate, TypeId{3}, ObjectId{11});
  const Value text = Value::text(std::string(200, 'a'));
  sent.request.writes.add_cell({.field = FieldId{1}, .value = text});
  sent.request.writes.add_cell({.field = FieldId{2}, .value = text});
  Bytes payload = payload_of(sent);
  const std::size_t last_text = payload.size() - 200;
  // The operands end where the first text begins: 24 bytes each, a pointer last.
  const std::size_t second_pointer = last_text - 200 - 8;
  const std::size_t first_pointer = second_pointer - 24;
  std::uint64_t pointer;
  std::memcpy(&pointer, payload.data() + first_pointer, sizeof pointer);
  pointer -= std::uint64_t{3} << 2;  // the same target, from three words further on
  std::memcpy(payload.data() + second_pointer, &pointer, sizeof pointer);
  ASSERT_TRUE(std::get<Commit>(*read_slowly(payload)) == sent);
  payload.resize(last_text);
  ASSERT_TRUE(std::get<Commit>(*read_slowly(payload)) == sent);
  Commit read;
  EXPECT_FALSE(read_plain_commit(payload, read));
}

}  // namespace
}  // namespace odb::wire
