// A program that says `using namespace odb` may call its own types what it likes: names of the
// protocol are not in the way.
#include <gtest/gtest.h>

#include <string>

#include "odb/odb.h"

struct Status {
  std::string text;
};
struct Figure {};
struct Commit {};
struct Delta {};
struct Deltas {};
struct Release {};
struct Flush {};
struct Hello {};
struct Subscribe {};
struct Goodbye {};
struct Heartbeat {};

namespace {

using namespace odb;

TEST(UserNames, MayBeThoseOfTheProtocol) {
  const Status status{"open"};
  EXPECT_EQ(status.text, "open");
  [[maybe_unused]] const Figure figure;
  [[maybe_unused]] const Commit commit;
  [[maybe_unused]] const Delta delta;
  [[maybe_unused]] const Deltas deltas;
  [[maybe_unused]] const Release release;
  [[maybe_unused]] const Flush flush;
  [[maybe_unused]] const Hello hello;
  [[maybe_unused]] const Subscribe subscribe;
  [[maybe_unused]] const Goodbye goodbye;
  [[maybe_unused]] const Heartbeat heartbeat;
}

}  // namespace
