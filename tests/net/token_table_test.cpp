#include "odb/net/token_table.h"

#include <gmock/gmock.h>

#include "certificate_support.h"
#include "odb/net/authentication.h"

namespace odb::net {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kSecret[] = "s3cret-token-of-alice";

ChannelBinding some_binding() {
  ChannelBinding binding;
  binding.fill(std::byte{7});
  return binding;
}

std::optional<TokenTable::Admission> log_in(const TokenTable& table, std::string_view token) {
  return table.authenticate(token_id(token), client_proof(token, some_binding()), some_binding());
}

Error parse_error(std::string_view text) {
  auto table = TokenTable::parse(text, "tokens.txt");
  EXPECT_FALSE(table) << text;
  return table ? Error() : table.error();
}

TEST(TokenTable, TellsTheActorOfEachToken) {
  const auto table = TokenTable::parse(
      "# who may connect\n"
      "\n"
      "alice \t s3cret-token-of-alice  \r\n"
      "   bob another-token#not-a-comment\n"
      "  # a comment",
      "tokens.txt");
  ASSERT_TRUE(table) << table.error().message;
  EXPECT_EQ(table->size(), 2u);
  EXPECT_EQ(log_in(*table, kSecret)->actor, "alice");
  EXPECT_EQ(log_in(*table, "another-token#not-a-comment")->actor, "bob");
}

TEST(TokenTable, GivesTheServersProofForTheSameToken) {
  const auto table = TokenTable::create({{"alice", kSecret}, {"bob", "another"}});
  const auto admission = log_in(*table, kSecret);
  EXPECT_TRUE(is_server_proof(admission->server_proof, kSecret, some_binding()));
}

TEST(TokenTable, RefusesAnUnknownTokenAndAWrongProofAlike) {
  const auto table = TokenTable::create({{"alice", kSecret}});
  EXPECT_FALSE(log_in(*table, "unknown"));
  EXPECT_FALSE(table->authenticate(token_id(kSecret), client_proof("unknown", some_binding()),
                                   some_binding()));
  EXPECT_FALSE(table->authenticate(token_id("unknown"), client_proof(kSecret, some_binding()),
                                   some_binding()));
  EXPECT_FALSE(table->authenticate(TokenId{}, Proof{}, some_binding()));
}

TEST(TokenTable, RefusesAProofForAnotherChannel) {
  const auto table = TokenTable::create({{"alice", kSecret}});
  EXPECT_FALSE(table->authenticate(token_id(kSecret), client_proof(kSecret, ChannelBinding{}),
                                   some_binding()));
}

TEST(TokenTable, NamesFileAndLineOfAMissingToken) {
  const Error error = parse_error("alice s3cret-token-of-alice\n\nbob\n");
  EXPECT_EQ(error.code, ErrorCode::kBadConfiguration);
  EXPECT_THAT(error.message, HasSubstr("tokens.txt, line 3"));
}

TEST(TokenTable, NeverShowsATokenInAnError) {
  for (const std::string& text : {std::string("alice s3cret-token-of-alice trailing"),
                                  std::string("a s3cret-token-of-alice\nb s3cret-token-of-alice"),
                                  std::string("a s3cret-token-of-alice\na s3cret-token-of-alice"),
                                  std::string("s3cret-token-of-alice")}) {
    const Error error = parse_error(text);
    EXPECT_EQ(error.code, ErrorCode::kBadConfiguration);
    EXPECT_THAT(error.message, AllOf(HasSubstr("tokens.txt, line "), Not(HasSubstr("s3cret"))));
  }
}

TEST(TokenTable, RefusesANameThatOccursTwice) {
  const Error error = parse_error("alice one\nbob two\nalice three\n");
  EXPECT_THAT(error.message, AllOf(HasSubstr("line 3"), HasSubstr("\"alice\" occurs twice")));
}

TEST(TokenTable, RefusesATokenThatOccursTwice) {
  const Error error = parse_error("alice one\nbob one\n");
  EXPECT_THAT(error.message,
              AllOf(HasSubstr("line 2"), HasSubstr("\"alice\" and \"bob\" have the same token")));
}

TEST(TokenTable, RefusesNamesThatAreTooLongOrNotText) {
  parse_error(std::string(TokenTable::kNameBytesMax + 1, 'n') + " token");
  parse_error("\xFF\xFE token");
  EXPECT_TRUE(TokenTable::parse(std::string(TokenTable::kNameBytesMax, 'n') + " token", "f"));
  EXPECT_FALSE(TokenTable::create({{"", "token"}}));
  EXPECT_FALSE(TokenTable::create({{"name", ""}}));
}

TEST(TokenTable, RefusesAFileWithoutTokens) {
  EXPECT_THAT(parse_error("").message, HasSubstr("tokens.txt contains no token"));
  EXPECT_THAT(parse_error("# nothing\n\n").message, HasSubstr("tokens.txt contains no token"));
  EXPECT_FALSE(TokenTable::create({}));
}

TEST(TokenTable, ReadsAFile) {
  const TemporaryFolder folder;
  auto table = TokenTable::from_file(folder.write("tokens", "alice one\nbob two"));
  ASSERT_TRUE(table) << table.error().message;
  EXPECT_EQ(log_in(*table, "two")->actor, "bob");
}

TEST(TokenTable, NamesAFileThatCannotBeRead) {
  const TemporaryFolder folder;
  for (const std::string& file : {folder.path("missing"), folder.path("")}) {
    const auto table = TokenTable::from_file(file);
    ASSERT_FALSE(table);
    EXPECT_EQ(table.error().code, ErrorCode::kBadConfiguration);
    EXPECT_THAT(table.error().message, HasSubstr(file));
  }
}

TEST(TokenTable, RefusesAFileAboveItsLimit) {
  const TemporaryFolder folder;
  const std::string file = folder.write("big", std::string(TokenTable::kFileBytesMax + 1, '#'));
  EXPECT_THAT(TokenTable::from_file(file).error().message, HasSubstr("larger than"));
  folder.write("big", "a token\n#" + std::string(TokenTable::kFileBytesMax - 9, '#'));
  EXPECT_TRUE(TokenTable::from_file(file));
}

TEST(TokenTable, NamesItsWeakTokens) {
  const auto table = TokenTable::create({{"alice", "short"}, {"bob", make_token()}});
  EXPECT_THAT(table->weak_names(), ElementsAre("alice"));
}

}  // namespace
}  // namespace odb::net
