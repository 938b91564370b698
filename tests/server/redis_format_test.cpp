// A dump that this version wrote is read for ever. ODB_REGENERATE_GOLDEN=1 in the environment makes
// it anew: only before the format has been released.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>

#include "golden_database.h"
#include "odb/server/redis_store.h"
#include "redis_process.h"
#include "store_run.h"

namespace odb::server {
namespace {

using test::StoreRun;

std::filesystem::path golden() { return std::filesystem::path(ODB_GOLDEN_DIR) / "redis-1.rdb"; }

std::unique_ptr<StoreRun> open(const test::RedisProcess& redis, HistoryId fresh) {
  RedisOptions options;
  options.address = redis.address();
  return std::make_unique<StoreRun>(make_redis_store(std::move(options)), fresh);
}

void regenerate(const test::RedisProcess& redis) {
  auto run = open(redis, test::kGoldenHistory);
  test::write_golden_objects(*run);
  test::write_golden_growth(*run);
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
  test::expect_golden(*run);
}

}  // namespace
}  // namespace odb::server
