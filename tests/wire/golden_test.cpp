// The bytes of every sample message, frames included, do not change: peers of other versions and
// logs on disk hold them. To add messages, or after a deliberate break of the protocol, run the
// tests with ODB_REGENERATE_GOLDEN=1 in the environment and look at the difference.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
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

TEST(GoldenBytes, OfClientMessagesStay) { expect_golden("client.txt", client_samples()); }
TEST(GoldenBytes, OfServerMessagesStay) { expect_golden("server.txt", server_samples()); }

}  // namespace
}  // namespace odb::wire
