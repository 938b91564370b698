// Bytes on the wire.
#include <gtest/gtest.h>

#include "odb/wire/codec.h"
#include "wire/random_messages.h"
#include "wire/sample_messages.h"

namespace odb::wire {
namespace {

template <class Message>
std::size_t size_of(const Samples<Message>& samples, std::string_view wanted) {
  for (const auto& [name, message] : samples) {
    if (name == wanted) return encode(message)->size();
  }
  ADD_FAILURE() << "no sample " << wanted;
  return 0;
}

TEST(WireSize, HotMessagesStaySmall) {
  EXPECT_LE(size_of(client_samples(), "commit_smallest"), 216u);
  EXPECT_LE(size_of(server_samples(), "commit_accepted"), 64u);
  EXPECT_LE(size_of(client_samples(), "heartbeat"), 40u);
}

TEST(WireSize, ACellMoreCostsALittle) {
  Delta delta{{1}, "", {}};
  delta.changes.begin(ObjectChange::Kind::kUpdate, {1}, {1});
  delta.changes.add_cell({CellOperation::Kind::kSet, {0}, Value::integer(1), {}});
  const std::size_t one = encode(delta)->size();
  for (int i = 0; i < 100; ++i) {
    delta.changes.add_cell({CellOperation::Kind::kSet, {1}, Value::integer(1), {}});
  }
  EXPECT_EQ(encode(delta)->size(), one + 100 * 32);
}

TEST(WireSize, EncodedBytesTellsWhatAValueTakes) {
  const auto size = [](const Value& value) {
    return encode(ClientMessage(Subscribe{{1}, IndexInterest{{1}, {value}}}))->size();
  };
  const std::size_t none = size(Value::none()) - encoded_bytes(Value::none());
  for (std::uint64_t seed = 0; seed < 500; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    const Value value = RandomMessages(seed).value(5);
    EXPECT_EQ(size(value) - none, encoded_bytes(value));
  }
}

TEST(WireSize, EncodedBytesTellsWhatACommitTakes) {
  for (std::uint64_t seed = 0; seed < 500; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Commit commit;
    commit.sequence = {1};
    commit.request.writes = RandomMessages(seed).changes(ObjectChange::Kind::kDelete);
    const std::size_t size = encode(commit)->size();
    EXPECT_LE(size, encoded_bytes(commit.request) + 150);
    EXPECT_GE(size, encoded_bytes(commit.request));
  }
}

}  // namespace
}  // namespace odb::wire
