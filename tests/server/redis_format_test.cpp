// A dump that this version wrote is read for ever. ODB_REGENERATE_GOLDEN=1 in the environment makes
// it anew: only before the format has been released.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>

#include "every_value.h"
#include "odb/server/redis_store.h"
#include "redis_process.h"
#include "store_run.h"
#include "support/changes.h"

namespace odb::server {
namespace {

using test::Changes;
using test::StoreRun;

constexpr HistoryId kHistory{0x0123456789ABCDEF, 0xFEDCBA9876543210};
constexpr TypeId kThing{1};

std::filesystem::path golden() { return std::filesystem::path(ODB_GOLDEN_DIR) / "redis-1.rdb"; }

std::unique_ptr<StoreRun> open(const test::RedisProcess& redis, HistoryId fresh) {
  RedisOptions options;
  options.address = redis.address();
  return std::make_unique<StoreRun>(make_redis_store(std::move(options)), fresh);
}

void regenerate(const test::RedisProcess& redis) {
  auto run = open(redis, kHistory);
  ASSERT_TRUE(run->reserve(ObjectId{1'000'000}));
  run->define(test::every_kind_schema());
  run->commit(Changes().create(kThing, 1, test::every_cell()));
  run->commit(Changes().create(kThing, 2, test::every_cell()));
  run->commit(Changes().update(kThing, 2, {{2, test::number(77)}}));
  run->define({"all", {{"Thing", {{"late", Type::text()}}, {{"int", {"int"}}}}}});
  run->commit(Changes().create(kThing, 3, test::every_cell()));
  run->commit(Changes().erase(kThing, 3));
  ASSERT_TRUE(run->settle());
  run.reset();
  ASSERT_FALSE(redis.ask({"SAVE"}).is_error());
  std::filesystem::copy_file(redis.folder() + "/dump.rdb", golden(),
                             std::filesystem::copy_options::overwrite_existing);
}

TEST(RedisFormat, OfTheFirstVersionIsUnderstood) {
  test::RedisProcess redis;
  if (std::getenv("ODB_REGENERATE_GOLDEN") != nullptr) {
    regenerate(redis);
    GTEST_SKIP() << "wrote " << golden();
  }
  redis.kill();
  std::filesystem::copy_file(golden(), redis.folder() + "/dump.rdb");
  redis.start({"--appendonly", "no"});

  auto run = open(redis, {1, 1});
  ASSERT_FALSE(run->error) << run->error->message;
  EXPECT_EQ(run->database->history, kHistory) << "it ended in an orderly way";
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
}

}  // namespace
}  // namespace odb::server
