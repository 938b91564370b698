// What is encoded comes back as it was.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <set>
#include <string>

#include "odb/wire/codec.h"
#include "wire/payload.h"
#include "wire/random_messages.h"
#include "wire/sample_messages.h"

namespace odb::wire {
namespace {

constexpr int kRandomMessages = 3000;

TEST(Codec, ReturnsEveryClientSample) {
  std::set<std::size_t> kinds;
  for (const auto& [name, message] : client_samples()) {
    SCOPED_TRACE(name);
    kinds.insert(message.index());
    const auto decoded = decode_client(payload_of(message));
    ASSERT_TRUE(decoded.has_value()) << decoded.error().message;
    EXPECT_TRUE(*decoded == message);
  }
  EXPECT_EQ(kinds.size(), std::variant_size_v<ClientMessage> - 1) << "a kind has no sample";
}

TEST(Codec, ReturnsEveryServerSample) {
  std::set<std::size_t> kinds;
  for (const auto& [name, message] : server_samples()) {
    SCOPED_TRACE(name);
    kinds.insert(message.index());
    const auto decoded = decode_server(payload_of(message));
    ASSERT_TRUE(decoded.has_value()) << decoded.error().message;
    EXPECT_TRUE(*decoded == message);
  }
  EXPECT_EQ(kinds.size(), std::variant_size_v<ServerMessage> - 1) << "a kind has no sample";
}

TEST(Codec, ReturnsRandomClientMessages) {
  for (std::uint64_t seed = 0; seed < kRandomMessages; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    const ClientMessage message = RandomMessages(seed).client_message();
    const auto decoded = decode_client(payload_of(message));
    ASSERT_TRUE(decoded.has_value()) << decoded.error().message;
    ASSERT_TRUE(*decoded == message);
  }
}

TEST(Codec, ReturnsRandomServerMessages) {
  for (std::uint64_t seed = 0; seed < kRandomMessages; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    const ServerMessage message = RandomMessages(seed).server_message();
    const auto decoded = decode_server(payload_of(message));
    ASSERT_TRUE(decoded.has_value()) << decoded.error().message;
    ASSERT_TRUE(*decoded == message);
  }
}

TEST(Codec, ReturnsEmptyMessages) {
  Commit commit;
  commit.sequence = {1};
  EXPECT_TRUE(*decode_client(payload_of(ClientMessage(commit))) == ClientMessage(commit));
  EXPECT_TRUE(*decode_client(payload_of(ClientMessage(Subscribe()))) == ClientMessage(Subscribe()));
  EXPECT_TRUE(*decode_server(payload_of(ServerMessage(Delta()))) == ServerMessage(Delta()));
  EXPECT_TRUE(*decode_server(payload_of(ServerMessage(SnapshotChunk()))) ==
              ServerMessage(SnapshotChunk()));
}

TEST(Codec, KeepsEveryBitOfAFloat) {
  for (const double number : {-0.0, 5e-324, std::numeric_limits<double>::quiet_NaN()}) {
    const ClientMessage message = Subscribe{{1}, IndexInterest{{1}, {Value::real(number)}}};
    const auto decoded = decode_client(payload_of(message));
    ASSERT_TRUE(decoded.has_value());
    const auto& interest = std::get<IndexInterest>(std::get<Subscribe>(*decoded).interest);
    const double found = interest.key[0].as_float();
    EXPECT_EQ(std::signbit(found), std::signbit(number));
    EXPECT_TRUE(found == number || (std::isnan(found) && std::isnan(number)));
  }
}

// Two types are equal whatever their names and target ids, so equality does not show these.
TEST(Codec, KeepsWhatTypeEqualityOverlooks) {
  Type target = Type::reference({"todo", "Task"});
  target.target_id = {17};
  const Type point = Type::structure("Point", {"x"}, {Type::real()});
  const Type shape = Type::variant("Shape", {"Dot"}, {point});
  const ServerMessage message = SchemaDefined{
      {1}, {2}, {CatalogType{{1}, {"s", "t"}, {{"a", target, {}}, {"b", shape, {}}}, {}}}};
  const auto decoded = decode_server(payload_of(message));
  ASSERT_TRUE(decoded.has_value());
  const auto& fields = std::get<SchemaDefined>(*decoded).types[0].fields;
  EXPECT_EQ(fields[0].type.target_id, TypeId{17});
  EXPECT_EQ(fields[1].type.name, "Shape");
  EXPECT_EQ(fields[1].type.children[0].name, "Point");
}

TEST(Codec, KeepsTextThatIsNotUtf8) {  // whoever knows the schema refuses it, by name
  const ClientMessage message = Subscribe{{1}, IndexInterest{{1}, {Value::text("\xFF\xFE")}}};
  EXPECT_TRUE(*decode_client(payload_of(message)) == message);
}

TEST(Codec, KeepsErrorCodesOfNewerPeers) {
  const ServerMessage message = Goodbye{{static_cast<ErrorCode>(65000), "something new"}};
  EXPECT_TRUE(*decode_server(payload_of(message)) == message);
}

TEST(Codec, AppendsWhatEncodeGives) {
  for (const auto& [name, message] : client_samples()) {
    SCOPED_TRACE(name);
    Bytes out(3, std::byte{1});
    append_encoded(out, message);
    EXPECT_EQ(Bytes(out.begin() + 3, out.end()), *encode(message));
    if (const auto* commit = std::get_if<Commit>(&message)) {
      Bytes direct;
      append_encoded(direct, *commit);
      EXPECT_EQ(direct, *encode(message));
      EXPECT_EQ(*encode(*commit), *encode(message));
    }
  }
  for (const auto& [name, message] : server_samples()) {
    SCOPED_TRACE(name);
    Bytes out;
    append_encoded(out, message);
    EXPECT_EQ(out, *encode(message));
    if (const auto* done = std::get_if<CommitDone>(&message)) {
      Bytes direct;
      append_encoded(direct, *done);
      EXPECT_EQ(direct, out);
    }
    if (const auto* delta = std::get_if<Delta>(&message)) {
      EXPECT_EQ(*encode(*delta), out);
    }
  }
}

// encode(ClientMessage) goes through Cap'n Proto's builder.
TEST(Codec, EncodesACommitAsCapnProtoDoes) {
  int commits = 0;
  for (unsigned seed = 1; commits < 300; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    const ClientMessage message = RandomMessages(seed).client_message();
    const auto* commit = std::get_if<Commit>(&message);
    if (commit == nullptr) continue;
    ++commits;
    ASSERT_EQ(*encode(*commit), *encode(message));
    Commit of_cells = *commit;
    of_cells.request.reads = {.cells = commit->request.reads.cells};
    of_cells.part = seed;
    of_cells.last = seed % 2 == 0;
    of_cells.keeps_created = seed % 3 == 0;
    of_cells.request.tries_again = seed % 5 == 0;
    Bytes out(8, std::byte{1});
    append_encoded(out, of_cells);
    ASSERT_EQ(Bytes(out.begin() + 8, out.end()), *encode(ClientMessage(of_cells)));
  }
}

TEST(Codec, EncodesACommitThatTakesMoreThanAFrame) {
  for (const std::size_t size : {kFramePayloadBytesMax - 1000, 2 * kFramePayloadBytesMax}) {
    Commit commit{.sequence = {1}};
    commit.request.writes.begin(ObjectChange::Kind::kUpdate, {1}, {2});
    commit.request.writes.add_cell({.field = {3}, .value = Value::text(std::string(size, 'a'))});
    EXPECT_TRUE(*encode(commit) == *encode(ClientMessage(commit)));
  }
}

TEST(Codec, AppendsInPlaceWhenThereIsRoom) {
  Bytes out;
  out.reserve(1024);
  const std::byte* before = out.data();
  append_encoded(out, ClientMessage(Flush{{1}}));
  append_encoded(out, ClientMessage(Flush{{2}}));
  EXPECT_EQ(out.data(), before);
}

TEST(Codec, EncodesTheSameBytesWhateverCameBefore) {
  const Bytes first = *encode(ClientMessage(Flush{{1}}));
  const auto large = encode(ClientMessage(Hello{1, 0, {}, std::string(3 << 20, 'x')}));
  for (const auto& sample : client_samples()) encode(sample.second);
  EXPECT_EQ(*encode(ClientMessage(Flush{{1}})), first);
}

TEST(Codec, ReturnsLargeMessages) {
  for (const std::size_t size : {30'000u, 70'000u, 262'128u, 262'136u, 300'000u, 5'000'000u}) {
    SCOPED_TRACE(size);
    const std::string text(size, 'x');
    const ClientMessage hello = Hello{1, 0, {}, text};
    EXPECT_TRUE(*decode_client(payload_of(hello)) == hello);
    Delta delta{{1}, "alice", {}};
    delta.changes.begin(ObjectChange::Kind::kUpdate, {1}, {1});
    delta.changes.add_cell({CellOperation::Kind::kSet, {0}, Value::text(text), {}});
    EXPECT_TRUE(*decode_server(payload_of(ServerMessage(delta))) == ServerMessage(delta));
  }
}

}  // namespace
}  // namespace odb::wire
