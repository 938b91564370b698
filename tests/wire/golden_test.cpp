// The bytes of every sample message, frames included, do not change unasked: peers of other
// versions and logs on disk hold them. When messages or fields are added, run the tests with
// ODB_REGENERATE_GOLDEN=1 in the environment and look at the difference. golden/1.0/ holds the
// bytes that the first version wrote; what is read from them stays for ever.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <map>
#include <span>
#include <sstream>

#include "odb/wire/codec.h"
#include "wire/sample_messages.h"

namespace odb::wire {
namespace {

// Three words a line: a name, then its bytes.
std::string to_text(const std::string& name, const Bytes& bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string out = name + "\n";
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (i % 24 == 0) out += "  ";
    const auto byte = std::to_integer<unsigned>(bytes[i]);
    out += kDigits[byte >> 4];
    out += kDigits[byte & 15];
    if (i % 24 == 23 || i + 1 == bytes.size()) {
      out += '\n';
    } else if (i % 8 == 7) {
      out += ' ';
    }
  }
  return out;
}

ClientMessage without_news(ClientMessage message) { return message; }
ServerMessage without_news(ServerMessage message) {
  if (auto* opened = std::get_if<SessionOpened>(&message)) opened->connection = {};
  if (auto* resumed = std::get_if<Resumed>(&message)) resumed->connection = {};
  if (auto* done = std::get_if<CommitDone>(&message)) {
    if (auto* conflict = std::get_if<Conflict>(&done->outcome)) {
      conflict->client = {};
      conflict->sequence = {};
    }
  }
  return message;
}

template <class Message>
void expect_golden(const std::string& file, const Samples<Message>& samples) {
  const std::string path = std::string(ODB_GOLDEN_DIR) + "/" + file;
  std::string found;
  for (const auto& [name, message] : samples) found += to_text(name, *encode(message));
  if (std::getenv("ODB_REGENERATE_GOLDEN") != nullptr) {
    std::ofstream(path) << found;
    GTEST_SKIP() << "wrote " << path;
  }
  std::ifstream in(path);
  ASSERT_TRUE(in) << path;
  std::stringstream expected;
  expected << in.rdbuf();
  EXPECT_EQ(expected.str(), found);
}

// What an older peer wrote under a name, decoded, equals today's sample of that name. What it did
// not know of yet has its default, so such samples are the ones to compare with.
template <class Message, class Decode>
void expect_readable(const std::string& file, const Samples<Message>& samples,
                     const Decode& decode) {
  std::ifstream in(std::string(ODB_GOLDEN_DIR) + "/1.0/" + file);
  ASSERT_TRUE(in);
  std::map<std::string, Bytes> written;
  std::string name;
  for (std::string line; std::getline(in, line);) {
    if (!line.starts_with(' ')) {
      name = line;
      continue;
    }
    std::erase(line, ' ');
    for (std::size_t i = 0; i < line.size(); i += 2) {
      written[name].push_back(static_cast<std::byte>(std::stoi(line.substr(i, 2), nullptr, 16)));
    }
  }
  EXPECT_GT(written.size(), 15u);
  for (const auto& [sample_name, sample] : samples) {
    const auto found = written.find(sample_name);
    if (found == written.end()) continue;
    const auto decoded = decode(std::span(found->second).subspan(kFrameHeaderBytes));
    ASSERT_TRUE(decoded.has_value()) << sample_name;
    EXPECT_TRUE(*decoded == without_news(sample)) << sample_name;
    written.erase(found);
  }
  for (const auto& [lost, bytes] : written) ADD_FAILURE() << lost << " has no sample any more";
}

TEST(GoldenBytes, OfTheFirstVersionAreUnderstood) {
  expect_readable("client.txt", client_samples(), decode_client_message);
  expect_readable("server.txt", server_samples(), decode_server_message);
}

TEST(GoldenBytes, OfClientMessagesStay) { expect_golden("client.txt", client_samples()); }
TEST(GoldenBytes, OfServerMessagesStay) { expect_golden("server.txt", server_samples()); }

}  // namespace
}  // namespace odb::wire
