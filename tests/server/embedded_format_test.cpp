// A data directory that this version wrote is read for ever. ODB_REGENERATE_GOLDEN=1 in the
// environment makes it anew: only before the format has been released.
#include <gtest/gtest.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>

#include "embedded/embedded_store.h"
#include "every_value.h"
#include "failing_files.h"
#include "store_run.h"
#include "support/changes.h"

namespace odb::server {
namespace {

namespace fs = std::filesystem;
using test::Changes;
using test::StoreRun;

constexpr HistoryId kHistory{0x0123456789ABCDEF, 0xFEDCBA9876543210};
constexpr TypeId kThing{1};

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
  auto run = open(folder, kHistory);
  ASSERT_TRUE(run->reserve(ObjectId{1'000'000}));
  run->define(test::every_kind_schema());
  run->commit(Changes().create(kThing, 1, test::every_cell()));
  run->commit(Changes().create(kThing, 2, test::every_cell()));
  run->commit(Changes().update(kThing, 2, {{2, test::number(77)}}));
  ASSERT_TRUE(run->settle());
  run.reset();
  const auto files = std::make_shared<test::FailingFiles>();
  run = open(folder, kHistory, files);
  run->sequence = 3;
  run->define({"all", {{"Thing", {{"late", Type::text()}}, {{"int", {"int"}}}}}});
  run->commit(Changes().create(kThing, 3, test::every_cell()));
  run->commit(Changes().erase(kThing, 3));
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
  ASSERT_FALSE(run->error) << run->error->message;
  EXPECT_EQ(run->database->history, kHistory);
  EXPECT_EQ(run->version(), Version{7});
  EXPECT_EQ(run->ids_below, ObjectId{1'000'000});
  std::vector<Value> first = test::every_value();
  first.push_back(Value::text(""));
  EXPECT_EQ(run->fields(kThing, 1), first);
  std::vector<Value> second = first;
  second[2] = test::number(77);
  EXPECT_EQ(run->fields(kThing, 2), second);
  EXPECT_TRUE(run->fields(kThing, 3).empty());
  const VersionedState& state = run->database->state;
  const CatalogIndex* index = state.catalog()->find(kThing)->find_index("int");
  ASSERT_NE(index, nullptr);
  EXPECT_NE(state.entries(index->id)->find(test::key({test::number(77)}), ObjectId{}, Version{7}),
            nullptr);
  EXPECT_EQ(run->database->outcomes.find(StoreRun::origin(1).client)->accepted.size(), 5u);
  run->sequence = 10;
  run->commit(Changes().update(kThing, 1, {{2, test::number(78)}}));
  EXPECT_TRUE(run->settle());
  run.reset();
  fs::remove_all(place);
}

}  // namespace
}  // namespace odb::server
