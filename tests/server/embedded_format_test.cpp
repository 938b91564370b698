// A data directory that this version wrote is read for ever. ODB_REGENERATE_GOLDEN=1 in the
// environment makes it anew: only before the format has been released.
#include <gtest/gtest.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>

#include "embedded/embedded_store.h"
#include "failing_files.h"
#include "golden_database.h"
#include "store_run.h"

namespace odb::server {
namespace {

namespace fs = std::filesystem;
using test::StoreRun;

fs::path golden() { return fs::path(ODB_GOLDEN_DIR) / "embedded-1"; }

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

TEST(EmbeddedFormat, OfTheFirstVersionIsUnderstood) {
  std::array<char, 32> name{"/tmp/odb_embedded_XXXXXX"};
  const std::string place = ::mkdtemp(name.data());
  const std::string folder = place + "/data";
  if (std::getenv("ODB_REGENERATE_GOLDEN") != nullptr) {
    regenerate(folder);
    fs::remove_all(place);
    GTEST_SKIP() << "wrote " << golden();
  }
  fs::copy(golden(), folder, fs::copy_options::recursive);

  auto run = open(folder, {1, 1});
  test::expect_golden(*run);
  run.reset();
  fs::remove_all(place);
}

}  // namespace
}  // namespace odb::server
