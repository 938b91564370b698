#include "odb/net/authentication.h"

#include <gmock/gmock.h>

#include <set>

#include "odb/net/random.h"
#include "odb/net/token_table.h"
#include "stream_support.h"

namespace odb::net {
namespace {

constexpr std::string_view kToken = "a token of the test";

ChannelBinding binding_of(char fill) {
  ChannelBinding binding;
  binding.fill(std::byte(fill));
  return binding;
}

std::string hex(std::span<const std::byte> bytes) {
  std::string text;
  char digits[3];
  for (const std::byte byte : bytes) {
    std::snprintf(digits, sizeof digits, "%02x", std::to_integer<unsigned>(byte));
    text += digits;
  }
  return text;
}

// Computed with another implementation of HMAC-SHA256: client and server of different releases must
// agree on these.
TEST(Authentication, KeepsItsFormulas) {
  EXPECT_EQ(hex(token_id(kToken)), "9894ed04fc406e63b2e8bb4965f1d1bf");
  EXPECT_EQ(hex(client_proof(kToken, binding_of('b'))),
            "a6c5621e75e7b04c4a2edf71baf178c3d1d033715af4a1aef53c51188b91b03c");
  EXPECT_EQ(hex(server_proof(kToken, binding_of('b'))),
            "743d8b8f47a7786e86658d73d6eb3870b3f0bbd6bdd33776d8339e05cf1d5922");
}

TEST(Authentication, AcceptsTheRightProofs) {
  const ChannelBinding binding = binding_of('b');
  EXPECT_TRUE(is_client_proof(client_proof(kToken, binding), kToken, binding));
  EXPECT_TRUE(is_server_proof(server_proof(kToken, binding), kToken, binding));
}

TEST(Authentication, RefusesAProofUnderAnotherToken) {
  const ChannelBinding binding = binding_of('b');
  EXPECT_FALSE(is_client_proof(client_proof("another token", binding), kToken, binding));
  EXPECT_FALSE(is_server_proof(server_proof("another token", binding), kToken, binding));
}

TEST(Authentication, RefusesAProofForAnotherChannel) {
  const Proof proof = client_proof(kToken, binding_of('a'));
  EXPECT_FALSE(is_client_proof(proof, kToken, binding_of('b')));
}

TEST(Authentication, RefusesEitherSidesProofSentBackAsTheOthers) {
  const ChannelBinding binding = binding_of('b');
  EXPECT_FALSE(is_server_proof(client_proof(kToken, binding), kToken, binding));
  EXPECT_FALSE(is_client_proof(server_proof(kToken, binding), kToken, binding));
}

TEST(Authentication, RefusesTruncatedAndExtendedProofs) {
  const ChannelBinding binding = binding_of('b');
  const Proof proof = client_proof(kToken, binding);
  for (std::size_t size = 0; size < proof.size(); ++size) {
    EXPECT_FALSE(is_client_proof(std::span(proof).first(size), kToken, binding)) << size;
  }
  Bytes extended(proof.begin(), proof.end());
  extended.push_back(std::byte{0});
  EXPECT_FALSE(is_client_proof(extended, kToken, binding));
}

TEST(Authentication, RefusesAProofWithAnyBitFlipped) {
  const ChannelBinding binding = binding_of('b');
  for (std::size_t bit = 0; bit < 256; ++bit) {
    Proof proof = client_proof(kToken, binding);
    proof[bit / 8] ^= std::byte{1} << (bit % 8);
    EXPECT_FALSE(is_client_proof(proof, kToken, binding)) << bit;
  }
}

TEST(Authentication, UsesADifferentLabelForEachPurpose) {
  const ChannelBinding binding = binding_of('b');
  const Proof client = client_proof(kToken, binding);
  const Proof server = server_proof(kToken, binding);
  const TokenId id = token_id(kToken);
  EXPECT_NE(client, server);
  EXPECT_NE(hex(client).substr(0, 32), hex(id));
  EXPECT_NE(hex(server).substr(0, 32), hex(id));
}

TEST(Token, MadeOnesAreLongAndAllDifferent) {
  std::set<std::string> tokens;
  for (int i = 0; i < 100; ++i) {
    const std::string token = make_token();
    EXPECT_THAT(token, ::testing::MatchesRegex("[A-Za-z0-9_-]{43}"));
    EXPECT_FALSE(is_weak(token));
    tokens.insert(token);
  }
  EXPECT_EQ(tokens.size(), 100u);
}

TEST(Token, IsWeakWhenShort) {
  EXPECT_TRUE(is_weak(""));
  EXPECT_TRUE(is_weak(std::string(kTokenCharactersMin - 1, 'x')));
  EXPECT_FALSE(is_weak(std::string(kTokenCharactersMin, 'x')));
}

TEST(RandomIds, AreDifferent) {
  EXPECT_NE(make_history_id(), make_history_id());
  EXPECT_NE(make_client_id(), make_client_id());
  EXPECT_NE(make_client_id(), ClientId());
}

TEST(Authentication, HoldsOverOneTlsChannel) {
  const TlsPair pair = make_tls_pair();
  const auto table = TokenTable::create({{"service", std::string(kToken)}});
  const auto admission =
      table->authenticate(token_id(kToken), client_proof(kToken, pair.client->channel_binding()),
                          pair.server->channel_binding());
  ASSERT_TRUE(admission);
  EXPECT_EQ(admission->actor, "service");
  EXPECT_TRUE(is_server_proof(admission->server_proof, kToken, pair.client->channel_binding()));
}

// The attacker is a server to the client and a client to the server, and hands on what they say.
TEST(Authentication, DetectsAManInTheMiddle) {
  const TlsPair client_leg = make_tls_pair();
  const TlsPair server_leg = make_tls_pair();
  const auto table = TokenTable::create({{"service", std::string(kToken)}});

  const Proof proof = client_proof(kToken, client_leg.client->channel_binding());
  EXPECT_FALSE(table->authenticate(token_id(kToken), proof, server_leg.server->channel_binding()));

  const Proof answer = server_proof(kToken, server_leg.server->channel_binding());
  EXPECT_FALSE(is_server_proof(answer, kToken, client_leg.client->channel_binding()));
}

}  // namespace
}  // namespace odb::net
