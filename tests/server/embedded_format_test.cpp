// A data directory of any format is read for ever. ODB_REGENERATE_GOLDEN=1 in the environment makes
// the one of today's anew: only before that has been released.
#include <gtest/gtest.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

#include "embedded/directory.h"
#include "embedded/embedded_store.h"
#include "failing_files.h"
#include "golden_database.h"
#include "store_run.h"

namespace odb::server {
namespace {

namespace fs = std::filesystem;
using test::StoreRun;

fs::path golden(int format = embedded::kFormat) {
  return fs::path(ODB_GOLDEN_DIR) / ("embedded-" + std::to_string(format));
}

std::unique_ptr<StoreRun> open(const std::string& folder, HistoryId fresh,
                               std::shared_ptr<test::FailingFiles> files = nullptr) {
  EmbeddedOptions options;
  options.folder = folder;
  return std::make_unique<StoreRun>(embedded::make_store(options, {"golden", std::move(files)}),
                                    fresh);
}

// One server ended in an orderly way, so its commits are in tables; the next one was killed, so
// its own are in a log.
void regenerate(const std::string& folder) {
  auto run = open(folder, test::kGoldenHistory);
  test::write_golden_objects(*run);
  ASSERT_TRUE(run->settle());
  run.reset();
  const auto files = std::make_shared<test::FailingFiles>();
  run = open(folder, test::kGoldenHistory, files);
  run->sequence = 3;
  test::write_golden_growth(*run);
  ASSERT_TRUE(run->settle());
  files->kill();
  run.reset();
  fs::remove_all(golden());
  fs::copy(folder, golden(), fs::copy_options::recursive);
  for (const auto& entry : fs::recursive_directory_iterator(golden())) {
    const std::string name = entry.path().filename().string();
    // What it can do without.
    if (name == "lock" || name == "LOCK" || name.starts_with("OPTIONS")) fs::remove(entry);
  }
}

std::string first_line(const fs::path& file) {
  std::ifstream in(file);
  std::string line;
  std::getline(in, line);
  return line;
}

class EmbeddedFormat : public ::testing::TestWithParam<int> {
 protected:
  EmbeddedFormat() {
    std::array<char, 32> name{"/tmp/odb_embedded_XXXXXX"};
    place_ = ::mkdtemp(name.data());
  }
  ~EmbeddedFormat() override { fs::remove_all(place_); }

  std::string place_;
};

TEST_P(EmbeddedFormat, IsUnderstoodAndBroughtUpToDate) {
  const std::string folder = place_ + "/data";
  if (std::getenv("ODB_REGENERATE_GOLDEN") != nullptr && GetParam() == embedded::kFormat) {
    regenerate(folder);
    GTEST_SKIP() << "wrote " << golden();
  }
  fs::copy(golden(GetParam()), folder, fs::copy_options::recursive);
  EXPECT_EQ(first_line(folder + "/format"), "odb data directory " + std::to_string(GetParam()));

  test::expect_golden(*open(folder, {1, 1}));
  EXPECT_EQ(first_line(folder + "/format"),
            "odb data directory " + std::to_string(embedded::kFormat));
  // What was written since is read back, too.
  const auto again = open(folder, {1, 1});
  ASSERT_FALSE(again->error) << again->error->message;
  EXPECT_EQ(again->version(), Version{8});
  EXPECT_EQ(again->fields(TypeId{1}, 1)[2], test::number(78));
}

INSTANTIATE_TEST_SUITE_P(, EmbeddedFormat, ::testing::Range(1, embedded::kFormat + 1));

}  // namespace
}  // namespace odb::server
