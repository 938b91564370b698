#include "odb/core/index_table.h"

#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "support/live_allocations.h"
#include "support/random_value.h"

namespace odb {
namespace {

using Objects = std::vector<std::uint64_t>;

Objects objects_at(const IndexTable& table, std::string_view key, std::uint64_t version,
                   std::uint64_t from = 0) {
  Objects out;
  for (const auto* entry = table.find(key, ObjectId{from}, Version{version}); entry != nullptr;
       entry = IndexTable::next(entry, Version{version})) {
    EXPECT_EQ(entry->key(), key);
    out.push_back(entry->object().value);
  }
  return out;
}

TEST(IndexTable, IsEmptyAtFirst) {
  const IndexTable table;
  EXPECT_EQ(table.find("a", ObjectId{0}, Version{1}), nullptr);
  EXPECT_EQ(table.find("", ObjectId{0}, Version{1}), nullptr);
  EXPECT_EQ(table.modified("a"), std::nullopt);
}

TEST(IndexTable, GivesTheObjectsOfAKeyInOrder) {
  IndexTable table;
  for (const std::uint64_t object : {5u, 2u, 9u}) table.add("a", ObjectId{object}, Version{1});
  table.add("ab", ObjectId{3}, Version{1});
  table.add("", ObjectId{4}, Version{1});
  EXPECT_EQ(objects_at(table, "a", 1), (Objects{2, 5, 9}));
  EXPECT_EQ(objects_at(table, "a", 1, 5), (Objects{5, 9}));
  EXPECT_EQ(objects_at(table, "a", 1, 10), Objects());
  EXPECT_EQ(objects_at(table, "ab", 1), Objects{3});
  EXPECT_EQ(objects_at(table, "", 1), Objects{4});
  EXPECT_EQ(objects_at(table, "b", 1), Objects());
  EXPECT_EQ(objects_at(table, "a", 0), Objects()) << "before they were added";
}

TEST(IndexTable, KeepsZeroBytesInKeysApart) {
  IndexTable table;
  const std::string with_zero("a\0b", 3);
  table.add(with_zero, ObjectId{1}, Version{1});
  table.add("a", ObjectId{2}, Version{1});
  EXPECT_EQ(objects_at(table, with_zero, 1), Objects{1});
  EXPECT_EQ(objects_at(table, "a", 1), Objects{2});
}

TEST(IndexTable, RemovedEntriesLiveOnAtOlderVersions) {
  IndexTable table;
  table.add("a", ObjectId{1}, Version{2});
  IndexTable::Entry* removed = table.remove("a", ObjectId{1}, Version{4});
  EXPECT_EQ(objects_at(table, "a", 3), Objects{1});
  EXPECT_EQ(objects_at(table, "a", 4), Objects());
  table.add("a", ObjectId{1}, Version{6});
  EXPECT_EQ(objects_at(table, "a", 5), Objects());
  EXPECT_EQ(objects_at(table, "a", 6), Objects{1}) << "once, not once for each entry of the pair";
  EXPECT_EQ(objects_at(table, "a", 3), Objects{1});
  table.unlink(removed);
  IndexTable::free_entry(removed);
  EXPECT_EQ(objects_at(table, "a", 3), Objects());
  EXPECT_EQ(objects_at(table, "a", 6), Objects{1});
}

TEST(IndexTable, ReviveUndoesRemove) {
  IndexTable table;
  table.add("a", ObjectId{1}, Version{2});
  table.revive(table.remove("a", ObjectId{1}, Version{4}));
  EXPECT_EQ(objects_at(table, "a", 9), Objects{1});
}

TEST(IndexTable, RemembersTheLastModificationOfAKey) {
  IndexTable table;
  EXPECT_EQ(table.set_modified("a", Version{3}), Version{});
  EXPECT_EQ(table.set_modified("a", Version{5}), Version{3});
  EXPECT_EQ(table.modified("a"), Version{5});
  EXPECT_EQ(table.modified("b"), std::nullopt);
  table.forget_modified("a", Version{4});
  EXPECT_EQ(table.modified("a"), Version{5}) << "modified after what may be forgotten";
  table.restore_modified("a", Version{3});
  EXPECT_EQ(table.modified("a"), Version{3});
  table.forget_modified("a", Version{3});
  EXPECT_EQ(table.modified("a"), std::nullopt);
  table.set_modified("a", Version{7});
  table.restore_modified("a", Version{});
  EXPECT_EQ(table.modified("a"), std::nullopt);
}

// Against all lives of all pairs: add, remove, revive the last removed, unlink dead ones.
TEST(IndexTable, AgreesWithAModelOnRandomPrograms) {
  const std::uint64_t seed = test::random_seed();
  SCOPED_TRACE("ODB_TEST_SEED=" + std::to_string(seed));
  test::Random random(seed);
  struct Life {
    std::string key;
    std::uint64_t object = 0, added = 0, removed = ~std::uint64_t{0};
    IndexTable::Entry* entry = nullptr;
  };
  const std::vector<std::string> keys = {"", std::string(1, '\0'), "a", "aa", "ab", "b", "\xFF"};
  const std::int64_t before = test::live_allocations();
  for (int round = 0; round < 10; ++round) {
    IndexTable table;
    std::vector<Life> lives;
    for (std::uint64_t version = 1; version < 600; ++version) {
      const std::string& key = test::pick(random, keys);
      const std::uint64_t object = 1 + test::below(random, 12);
      Life* living = nullptr;
      for (Life& life : lives) {
        if (life.key == key && life.object == object && life.removed == ~std::uint64_t{0}) {
          living = &life;
        }
      }
      if (living == nullptr) {
        lives.push_back({key, object, version, ~std::uint64_t{0},
                         table.add(key, ObjectId{object}, Version{version})});
      } else {
        IndexTable::Entry* entry = table.remove(key, ObjectId{object}, Version{version});
        ASSERT_EQ(entry, living->entry);
        living->removed = version;
        if (test::below(random, 4) == 0) {
          table.revive(entry);
          living->removed = ~std::uint64_t{0};
        }
      }
      if (test::below(random, 3) == 0) {  // unlink one that ended
        for (auto at = lives.begin(); at != lives.end(); ++at) {
          if (at->removed == ~std::uint64_t{0} || test::below(random, 3) != 0) continue;
          table.unlink(at->entry);
          IndexTable::free_entry(at->entry);
          lives.erase(at);
          break;
        }
      }
      const std::uint64_t probed = 1 + test::below(random, version);
      const std::string& probed_key = test::pick(random, keys);
      const std::uint64_t from = test::below(random, 13);
      std::set<std::uint64_t> expected;
      for (const Life& life : lives) {
        if (life.key == probed_key && life.object >= from && life.added <= probed &&
            probed < life.removed) {
          expected.insert(life.object);
        }
      }
      ASSERT_EQ(objects_at(table, probed_key, probed, from),
                Objects(expected.begin(), expected.end()));
    }
  }
  EXPECT_EQ(test::live_allocations(), before);
}

// Entries that are there from the start must be seen by every walk while others come and go.
TEST(IndexTable, ReadersSeeAllLivingEntriesWhileTheWriterWorks) {
  IndexTable table;
  Objects kept;
  for (std::uint64_t object = 10; object < 2000; object += 10) kept.push_back(object);
  for (const std::uint64_t object : kept) table.add("k", ObjectId{object}, Version{1});

  std::atomic<bool> stop = false;
  std::atomic<int> wrong = 0;
  std::vector<std::thread> readers;
  for (int i = 0; i < 2; ++i) {
    readers.emplace_back([&] {
      while (!stop.load(std::memory_order_acquire)) {
        if (objects_at(table, "k", 1) != kept) wrong.fetch_add(1);
      }
    });
  }
  test::Random random(7);
  std::vector<IndexTable::Entry*> unlinked;  // freed once the readers have ended
  std::map<std::uint64_t, IndexTable::Entry*> living;
  for (std::uint64_t version = 2; version < 20'000; ++version) {
    const std::uint64_t object = test::below(random, 2000) * 10 + 5;
    if (living.contains(object)) {
      IndexTable::Entry* entry = table.remove("k", ObjectId{object}, Version{version});
      table.unlink(entry);
      unlinked.push_back(entry);
      living.erase(object);
    } else {
      living[object] = table.add("k", ObjectId{object}, Version{version});
    }
  }
  stop.store(true, std::memory_order_release);
  for (std::thread& reader : readers) reader.join();
  for (IndexTable::Entry* entry : unlinked) IndexTable::free_entry(entry);
  EXPECT_EQ(wrong.load(), 0);
}

}  // namespace
}  // namespace odb
