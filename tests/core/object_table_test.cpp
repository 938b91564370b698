#include "odb/core/object_table.h"

#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "support/live_allocations.h"
#include "support/random_value.h"

namespace odb {
namespace {

constexpr std::uint64_t kLast = ~std::uint64_t{0};

Row* make_row(std::uint64_t version, Row::Kind kind = Row::Kind::kCreated) {
  return Row::create(kind, Version{version}, kind == Row::Kind::kDeleted ? 0 : 1).release();
}

// Puts a row in front of the one there.
Row* put(ObjectTable& table, std::uint64_t id, std::uint64_t version,
         Row::Kind kind = Row::Kind::kCreated) {
  Row* row = make_row(version, kind);
  row->set_previous(table.newest_for_writer(ObjectId{id}));
  table.put(ObjectId{id}, row);
  return row;
}

std::size_t erase(ObjectTable& table, std::uint64_t id) {
  std::size_t nodes = 0;
  Row* row = table.newest_for_writer(ObjectId{id});
  table.erase(ObjectId{id}, [&](ObjectTable::Node* node) {
    ++nodes;
    ObjectTable::free_node(node);
  });
  while (row != nullptr) {
    Row* older = row->mutable_previous();
    Row::destroy(row);
    row = older;
  }
  return nodes;
}

TEST(ObjectTable, IsEmptyAtFirst) {
  const ObjectTable table;
  EXPECT_EQ(table.newest(ObjectId{1}), nullptr);
  EXPECT_EQ(table.at(ObjectId{kLast}, Version{5}), nullptr);
  EXPECT_EQ(table.find_from(ObjectId{0}).newest, nullptr);
}

TEST(ObjectTable, FindsWhatWasPutAndNothingElse) {
  ObjectTable table;
  const std::vector<std::uint64_t> ids = {
      1, 63, 64, 65, 4095, 4096, 1 << 18, 1 << 20, std::uint64_t{1} << 40, kLast - 1, kLast};
  std::map<std::uint64_t, Row*> rows;
  for (const std::uint64_t id : ids) rows[id] = put(table, id, 1);
  for (const std::uint64_t id : ids) {
    EXPECT_EQ(table.newest(ObjectId{id}), rows[id]) << id;
    for (const std::uint64_t near : {id - 1, id + 1, id ^ 64u, id ^ (std::uint64_t{1} << 63)}) {
      EXPECT_EQ(table.newest(ObjectId{near}), rows.contains(near) ? rows[near] : nullptr) << near;
    }
  }
  std::vector<std::uint64_t> walked;
  for (auto found = table.find_from(ObjectId{0}); found.newest != nullptr;
       found = table.find_from(ObjectId{found.id.value + 1})) {
    EXPECT_EQ(found.newest, rows[found.id.value]);
    walked.push_back(found.id.value);
    if (found.id.value == kLast) break;
  }
  EXPECT_EQ(walked, ids);
}

TEST(ObjectTable, ShowsTheRowOfEachVersion) {
  ObjectTable table;
  put(table, 5, 2);
  put(table, 5, 4, Row::Kind::kUpdated);
  put(table, 5, 6, Row::Kind::kDeleted);
  const auto version_seen_at = [&](std::uint64_t version) -> std::uint64_t {
    const Row* row = table.at(ObjectId{5}, Version{version});
    return row == nullptr ? 0 : row->version().value;
  };
  EXPECT_EQ(version_seen_at(1), 0u);
  EXPECT_EQ(version_seen_at(2), 2u);
  EXPECT_EQ(version_seen_at(3), 2u);
  EXPECT_EQ(version_seen_at(4), 4u);
  EXPECT_EQ(version_seen_at(5), 4u);
  EXPECT_EQ(version_seen_at(6), 0u);
  EXPECT_EQ(version_seen_at(99), 0u);
  EXPECT_TRUE(table.newest(ObjectId{5})->deleted());
}

TEST(ObjectTable, EraseRetiresEmptiedNodesUpToTheRoot) {
  ObjectTable table;
  put(table, 1, 1);
  put(table, 2, 1);
  put(table, std::uint64_t{1} << 30, 1);  // level 5: five nodes below the root
  EXPECT_EQ(erase(table, 1), 0u) << "its node still holds 2";
  EXPECT_EQ(erase(table, 2), 5u);
  EXPECT_EQ(erase(table, std::uint64_t{1} << 30), 5u);
  EXPECT_EQ(table.find_from(ObjectId{0}).newest, nullptr);
}

TEST(ObjectTable, HoldsNoMemoryButTheRootOnceEmptied) {
  const std::int64_t before = test::live_allocations();
  {
    ObjectTable table;
    for (std::uint64_t id = 1; id < 100'000; id += 7) put(table, id, 1);
    for (std::uint64_t id = 1; id < 100'000; id += 7) erase(table, id);
    EXPECT_EQ(test::live_allocations(), before + 1);
    put(table, 12, 1);
    put(table, 12, 2, Row::Kind::kUpdated);
    EXPECT_NE(table.newest(ObjectId{12}), nullptr);
  }
  EXPECT_EQ(test::live_allocations(), before)
      << "the destructor frees nodes, rows and before-images";
}

TEST(ObjectTable, CoversNoMoreThanTheIdsThatThereAre) {
  const std::uint64_t far = std::uint64_t{1} << 45;
  const std::int64_t before = test::live_allocations();
  ObjectTable table;
  for (std::uint64_t id = far; id < far + 64; ++id) put(table, id, 1);
  EXPECT_EQ(test::live_allocations(), before + 64 + 1)
      << "one node for as many rows as it has room";
  EXPECT_EQ(table.find_from(ObjectId{1}).id, ObjectId{far});
  EXPECT_EQ(table.find_from(ObjectId{far + 63}).id, ObjectId{far + 63});
  EXPECT_EQ(table.find_from(ObjectId{far + 64}).newest, nullptr);
  EXPECT_EQ(table.newest(ObjectId{0}), nullptr);
  put(table, 5, 1);  // grows down as it grows up
  put(table, far + 64, 1);
  put(table, ~std::uint64_t{0}, 1);
  std::vector<std::uint64_t> found;
  for (auto at = table.find_from(ObjectId{0}); at.newest != nullptr && found.size() < 99;
       at = table.find_from(ObjectId{at.id.value + 1})) {
    found.push_back(at.id.value);
    if (at.id.value == ~std::uint64_t{0}) break;
  }
  ASSERT_EQ(found.size(), 67u);
  EXPECT_EQ(found.front(), 5u);
  EXPECT_EQ(found[1], far);
  EXPECT_EQ(found[65], far + 64);
  EXPECT_EQ(found.back(), ~std::uint64_t{0});
}

TEST(ObjectTable, AgreesWithAMapOnRandomPrograms) {
  const std::uint64_t seed = test::random_seed();
  SCOPED_TRACE("ODB_TEST_SEED=" + std::to_string(seed));
  test::Random random(seed);
  for (int round = 0; round < 20; ++round) {
    ObjectTable table;
    std::map<std::uint64_t, Row*> model;
    const std::vector<std::uint64_t> masks = {0x3F, 0xFFF, 0xFFFFF, 0xFC0000003F, kLast};
    const std::uint64_t mask = test::pick(random, masks);
    for (int step = 0; step < 2000; ++step) {
      const std::uint64_t id = random() & mask;
      if (test::below(random, 5) < 3) {
        model[id] = put(table, id, static_cast<std::uint64_t>(step) + 1);
      } else if (auto at = model.lower_bound(id); at != model.end()) {
        erase(table, at->first);
        model.erase(at);
      }
      const std::uint64_t probe = random() & mask;
      const auto expected = model.find(probe);
      ASSERT_EQ(table.newest(ObjectId{probe}),
                expected == model.end() ? nullptr : expected->second);
      const auto next = model.lower_bound(probe);
      const auto found = table.find_from(ObjectId{probe});
      ASSERT_EQ(found.newest, next == model.end() ? nullptr : next->second);
      if (next != model.end()) {
        ASSERT_EQ(found.id.value, next->first);
      }
    }
  }
}

// Rows that are there from the start must never be missed while the tree grows, fills and empties
// around them.
TEST(ObjectTable, ReadersFindTheirRowsWhileTheWriterGrowsAndErases) {
  ObjectTable table;
  std::vector<std::uint64_t> kept;
  for (std::uint64_t id = 3; id < 4000; id += 97) kept.push_back(id);
  for (const std::uint64_t id : kept) put(table, id, 1);

  std::atomic<bool> stop = false;
  std::atomic<int> missed = 0;
  std::vector<std::thread> readers;
  readers.reserve(2);
  for (int i = 0; i < 2; ++i) {
    readers.emplace_back([&] {
      while (!stop.load(std::memory_order_acquire)) {
        std::size_t seen = 0;
        for (auto found = table.find_from(ObjectId{1}); found.newest != nullptr;
             found = table.find_from(ObjectId{found.id.value + 1})) {
          if (found.newest->version() == Version{1}) ++seen;
        }
        if (seen != kept.size()) missed.fetch_add(1);
        for (const std::uint64_t id : kept) {
          if (table.at(ObjectId{id}, Version{1}) == nullptr) missed.fetch_add(1);
        }
      }
    });
  }
  // What is erased is freed only once the readers have ended.
  std::vector<ObjectTable::Node*> nodes;
  std::vector<Row*> rows;
  for (int round = 0; round < 60; ++round) {
    const std::uint64_t stride = std::uint64_t{1} << (round % 40);
    for (std::uint64_t i = 1; i < 60; ++i) {
      if (table.newest(ObjectId{5000 + i * stride}) == nullptr) put(table, 5000 + i * stride, 2);
    }
    for (std::uint64_t i = 1; i < 60; ++i) {
      const ObjectId id{5000 + i * stride};
      rows.push_back(table.newest_for_writer(id));
      table.erase(id, [&](ObjectTable::Node* node) { nodes.push_back(node); });
    }
  }
  stop.store(true, std::memory_order_release);
  for (std::thread& reader : readers) reader.join();
  for (ObjectTable::Node* node : nodes) ObjectTable::free_node(node);
  for (Row* row : rows) Row::destroy(row);
  EXPECT_EQ(missed.load(), 0);
}

}  // namespace
}  // namespace odb
