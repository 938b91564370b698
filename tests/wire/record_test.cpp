#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "odb/wire/records.h"
#include "support/random_value.h"
#include "support/todo_schema.h"

namespace odb::wire {
namespace {

std::vector<CommitRecord> sample_commits() {
  std::vector<CommitRecord> commits(2);
  commits[0].version = Version{7};
  commits[0].actor = "ann";
  commits[0].client = {1, 2};
  commits[0].sequence = Sequence{3};
  commits[0].lowest_unresolved = Sequence{2};
  commits[0].changes = test::Changes().create(test::kTask, 5, test::task("t", 1)).erase({2}, 6);
  commits[1].version = Version{8};
  commits[1].actor = "bob";
  commits[1].schema = test::todo_schema();
  return commits;
}

std::string log_record(const std::vector<CommitRecord>& commits) {
  std::vector<const CommitRecord*> pointers;
  for (const CommitRecord& commit : commits) pointers.push_back(&commit);
  std::string bytes;
  append_log_record(bytes, pointers);
  return bytes;
}

TEST(Records, ObjectsComeBackAsTheyWere) {
  const std::uint64_t seed = test::random_seed();
  SCOPED_TRACE("ODB_TEST_SEED=" + std::to_string(seed));
  test::Random random(seed);
  for (int i = 0; i < 200; ++i) {
    std::vector<Value> fields;
    for (std::size_t n = test::below(random, 6); n > 0; --n) {
      fields.push_back(test::random_value(random));
    }
    std::string bytes = "before";
    append_object_record(bytes, Version{9}, fields);
    const auto decoded = decode_object_record(std::string_view(bytes).substr(6));
    ASSERT_TRUE(decoded) << decoded.error().message;
    EXPECT_EQ(*decoded, (ObjectRecord{Version{9}, fields}));
  }
}

TEST(Records, LogsComeBackAsTheyWere) {
  const auto decoded = decode_log_record(log_record(sample_commits()));
  ASSERT_TRUE(decoded) << decoded.error().message;
  EXPECT_EQ(*decoded, sample_commits());
}

TEST(Records, OutcomesComeBackAsTheyWere) {
  const ClientOutcomes outcomes{
      {}, "ann", Sequence{5}, {{Sequence{5}, Version{50}}, {Sequence{9}, Version{70}}}};
  std::string bytes;
  append_outcomes_record(bytes, outcomes);
  const auto decoded = decode_outcomes_record(bytes);
  ASSERT_TRUE(decoded) << decoded.error().message;
  EXPECT_EQ(*decoded, outcomes);
}

TEST(Records, OutcomesOutOfOrderAreRefused) {
  std::string bytes;
  append_outcomes_record(bytes, {{}, "ann", {}, {{Sequence{9}, {}}, {Sequence{5}, {}}}});
  EXPECT_FALSE(decode_outcomes_record(bytes));
}

TEST(Records, TypesComeBackAsTheyWere) {
  const auto catalog = test::merged(Catalog(), test::todo_schema());
  for (const auto& type : catalog->types()) {
    std::string bytes;
    append_type_record(bytes, *type);
    const auto decoded = decode_type_record(bytes);
    ASSERT_TRUE(decoded) << decoded.error().message;
    EXPECT_EQ(*decoded, *type);
  }
}

// Cut anywhere, or with any byte changed: an error or another record, never more.
TEST(Records, DamagedOnesAreRefusedOrAnotherRecord) {
  const std::string whole = log_record(sample_commits());
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_FALSE(decode_log_record(std::string_view(whole).substr(0, size)) &&
                 size % sizeof(std::uint64_t) != 0)
        << size;
  }
  for (std::size_t i = 0; i < whole.size(); ++i) {
    for (const int change : {1, 0x80, 0xFF}) {
      std::string damaged = whole;
      damaged[i] = static_cast<char>(damaged[i] ^ change);
      (void)decode_log_record(damaged);
      (void)decode_object_record(damaged);
      (void)decode_outcomes_record(damaged);
      (void)decode_type_record(damaged);
    }
  }
}

}  // namespace
}  // namespace odb::wire
