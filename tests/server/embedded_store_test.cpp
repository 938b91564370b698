// The store in a directory, over a disk that fills up, does not sync, and forgets.
#include "embedded/embedded_store.h"

#include <gtest/gtest.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "embedded/keys.h"
#include "embedded/mark.h"
#include "embedded/tables.h"
#include "failing_files.h"
#include "store_run.h"
#include "support/changes.h"
#include "support/random_value.h"
#include "support/todo_schema.h"

namespace odb::server {
namespace {

namespace fs = std::filesystem;
using embedded::Mark;
using test::Changes;
using test::FailingFiles;
using test::kTask;
using test::StoreRun;
using test::task;

constexpr HistoryId kFirst{1, 1};
constexpr HistoryId kSecond{2, 2};

class EmbeddedStoreTest : public ::testing::Test {
 protected:
  EmbeddedStoreTest() {
    std::array<char, 32> name{"/tmp/odb_embedded_XXXXXX"};
    place_ = ::mkdtemp(name.data());
    options_.folder = place_ + "/data";
  }
  ~EmbeddedStoreTest() override {
    run_.reset();
    fs::remove_all(place_);
  }

  // Over files that are whole again.
  StoreRun& open(HistoryId fresh = kSecond) {
    run_.reset();
    files_ = std::make_shared<FailingFiles>();
    run_ = std::make_unique<StoreRun>(embedded::make_store(options_, {boot_, files_, lagging_}),
                                      fresh);
    return *run_;
  }
  StoreRun& open_first() {
    StoreRun& run = open(kFirst);
    EXPECT_FALSE(run.error) << run.error->message;
    EXPECT_TRUE(run.reserve(ObjectId{1'000'000}));
    run.define(test::todo_schema());
    EXPECT_TRUE(run.settle());
    return run;
  }
  void add(std::uint64_t object) {
    run_->commit(Changes().create(kTask, object, task("task " + std::to_string(object), 1)));
  }
  void add_durably(std::uint64_t object) {
    add(object);
    ASSERT_TRUE(run_->settle());
  }
  // None when it was refused.
  HistoryId history() const {
    EXPECT_FALSE(run_->error) << run_->error->message;
    return run_->error ? HistoryId() : run_->database->history;
  }
  bool has(std::uint64_t object) const { return !run_->fields(kTask, object).empty(); }
  void kill() { files_->kill(); }
  void lose_power(FailingFiles::Left left = FailingFiles::Left::kNone) {
    // The process ends first, for closing a file still gives it the size that it had.
    files_->kill();
    run_.reset();
    files_->lose_power(random_, left);
    boot_ += "'";
  }
  const Error* refusal(std::size_t commit) const {
    return commit < run_->outcomes.size() ? std::get_if<Error>(&run_->outcomes[commit]) : nullptr;
  }
  // The files of the directory that matter.
  std::vector<fs::path> files() const {
    std::vector<fs::path> found;
    for (const auto& entry : fs::recursive_directory_iterator(options_.folder)) {
      if (entry.is_regular_file() && entry.path().filename() != "lock") found.push_back(entry);
    }
    return found;
  }
  // How many keys begin so, of a directory that nobody has open.
  std::size_t count(std::string_view begin) { return keys(begin).size(); }
  std::vector<std::string> keys(std::string_view begin) {
    run_.reset();
    std::vector<std::string> found;
    auto tables = embedded::Tables::open_to_read({options_.folder + "/tables", nullptr}, {});
    EXPECT_TRUE(tables);
    EXPECT_TRUE((*tables)->for_each(begin, [&](std::string_view key, std::string_view) {
      found.emplace_back(key);
      return Result<void>();
    }));
    return found;
  }
  // The versions that end its records.
  std::vector<std::uint64_t> log() {
    std::vector<std::uint64_t> versions;
    for (const std::string& key : keys(embedded::kLog)) {
      std::string_view left = std::string_view(key).substr(embedded::kLog.size());
      versions.push_back(*embedded::take_number<std::uint64_t>(left));
    }
    return versions;
  }
  // Whatever was done to a file: it opens as it was, or not at all, and says why.
  void expect_never_served_wrong(Version version, const std::string& what) {
    const StoreRun& run = open();
    if (run.error) {
      // Without its format it may not be odb's at all, and a file may be gone for other reasons.
      EXPECT_TRUE(run.error->code == ErrorCode::kDataDamaged ||
                  run.error->code == ErrorCode::kBadConfiguration)
          << what << ": " << to_string(run.error->code);
      EXPECT_NE(run.error->message.find(options_.folder), std::string::npos) << run.error->message;
      return;
    }
    EXPECT_EQ(run.version(), version) << what;
    EXPECT_EQ(run.database->history, kFirst) << what;
    for (std::uint64_t i = 1; i + 1 <= version.value; ++i) EXPECT_TRUE(has(i)) << what << ": " << i;
  }

  std::string place_;
  EmbeddedOptions options_;
  std::string boot_ = "boot";
  embedded::LaggingRows::Limits lagging_;
  test::Random random_{3};
  std::shared_ptr<FailingFiles> files_;
  std::unique_ptr<StoreRun> run_;
};

// ---- group commit ----

TEST_F(EmbeddedStoreTest, WhatArrivesDuringASyncGoesOutWithTheNextOne) {
  open_first();
  const std::size_t syncs = files_->syncs();
  files_->hold_syncs();
  add(1);
  ASSERT_TRUE(files_->await_held());
  for (std::uint64_t i = 2; i <= 100; ++i) add(i);
  EXPECT_TRUE(run_->outcomes.empty()) << "nobody is told before it is on the disk";
  files_->release_syncs();
  ASSERT_TRUE(run_->settle());
  EXPECT_EQ(run_->outcomes.size(), 100u);
  EXPECT_EQ(files_->syncs() - syncs, 2u);
}

TEST_F(EmbeddedStoreTest, WithoutSyncsNothingWaitsForThem) {
  for (const Durability durability : {Durability::kInterval, Durability::kOs}) {
    options_.folder = place_ + "/" + std::to_string(static_cast<int>(durability));
    options_.durability = durability;
    open_first();
    files_->hold_syncs();
    for (std::uint64_t i = 1; i <= 100; ++i) add(i);
    EXPECT_TRUE(run_->settle());
    files_->release_syncs();
  }
}

TEST_F(EmbeddedStoreTest, AnIntervalLaterItIsOnTheDisk) {
  options_.durability = Durability::kInterval;
  open_first();
  const std::size_t syncs = files_->syncs();
  files_->hold_syncs();
  add_durably(1);
  ASSERT_TRUE(files_->await_held());  // it comes by itself
  files_->release_syncs();
  EXPECT_GT(files_->syncs(), syncs);
}

TEST_F(EmbeddedStoreTest, ASyncThatTakesTooLongLeavesOutcomesUnknownUntilItEnds) {
  options_.store_timeout = std::chrono::milliseconds(20);
  open_first();
  files_->hold_syncs();
  add(1);
  ASSERT_TRUE(run_->host.run_until([&] { return run_->outcomes.size() == 1; }));
  EXPECT_EQ(refusal(0)->code, ErrorCode::kOutcomeUnknown);
  files_->release_syncs();
  ASSERT_TRUE(run_->settle());
  open();
  EXPECT_TRUE(has(1)) << "it took effect after all";
}

// ---- power cuts ----

TEST_F(EmbeddedStoreTest, APowerCutAtAnyMomentLosesNothingThatWasAcknowledged) {
  open_first();
  std::uint64_t object = 0;
  Version acknowledged;
  for (int round = 0; round < 25; ++round) {
    const std::size_t told = run_->outcomes.size();
    for (int i = 0; i < 60; ++i) add(++object);
    const std::size_t goal = told + test::below(random_, 60);
    ASSERT_TRUE(run_->host.run_until([&] { return run_->outcomes.size() >= goal; }));
    if (test::below(random_, 2) == 0) {
      files_->hold_syncs();
      add(++object);
      ASSERT_TRUE(files_->await_held());  // something is written and not on the disk
    }
    acknowledged = run_->pipeline->published();
    const std::uint64_t sequence = run_->sequence;
    lose_power(FailingFiles::Left::kSome);
    StoreRun& run = open();
    ASSERT_FALSE(run.error) << round << ": " << run.error->message;
    run.sequence = sequence;
    EXPECT_GE(run.version(), acknowledged) << round;
    EXPECT_EQ(run.database->history, kFirst);
    object = run.version().value - 1;
    for (std::uint64_t i = 1; i <= object + 5; ++i) ASSERT_EQ(has(i), i <= object) << i;
  }
}

TEST_F(EmbeddedStoreTest, APowerCutWithoutSyncsBeginsANewHistory) {
  for (const Durability durability : {Durability::kInterval, Durability::kOs}) {
    options_.folder = place_ + "/" + std::to_string(static_cast<int>(durability));
    options_.durability = durability;
    options_.sync_interval = std::chrono::hours(1);
    open_first();
    for (std::uint64_t i = 1; i <= 200; ++i) add(i);
    ASSERT_TRUE(run_->settle());
    lose_power(FailingFiles::Left::kSome);
    StoreRun& run = open();
    ASSERT_FALSE(run.error) << run.error->message;
    EXPECT_TRUE(run.database->is_new_history);
    EXPECT_EQ(run.database->history, kSecond);
    // What is left has no gaps, and can be gone on from.
    for (std::uint64_t i = 1; i <= 200; ++i) EXPECT_EQ(has(i), i + 1 <= run.version().value) << i;
    EXPECT_GT(run.ids_below, ObjectId{1'000'000});
    lose_power();
    EXPECT_FALSE(open({3, 3}).error);
  }
}

TEST_F(EmbeddedStoreTest, AKilledProcessLosesNothingWhateverTheDurability) {
  for (const Durability durability :
       {Durability::kCommit, Durability::kInterval, Durability::kOs}) {
    options_.folder = place_ + "/" + std::to_string(static_cast<int>(durability));
    options_.durability = durability;
    open_first();
    for (std::uint64_t i = 1; i <= 200; ++i) add(i);
    ASSERT_TRUE(run_->settle());
    kill();
    StoreRun& run = open();
    ASSERT_FALSE(run.error) << run.error->message;
    EXPECT_EQ(run.database->history, kFirst);
    EXPECT_EQ(run.version(), Version{201});
  }
}

TEST_F(EmbeddedStoreTest, AnOrderlyEndSurvivesAPowerCutWhateverTheDurability) {
  for (const Durability durability :
       {Durability::kCommit, Durability::kInterval, Durability::kOs}) {
    options_.folder = place_ + "/" + std::to_string(static_cast<int>(durability));
    options_.durability = durability;
    open_first();
    for (std::uint64_t i = 1; i <= 200; ++i) add(i);
    ASSERT_TRUE(run_->settle());
    run_->stop();
    lose_power();
    StoreRun& run = open();
    ASSERT_FALSE(run.error) << run.error->message;
    EXPECT_EQ(run.database->history, kFirst);
    EXPECT_EQ(run.version(), Version{201});
  }
}

TEST_F(EmbeddedStoreTest, OneThatIsAtRestIsKnownToLoseNothingUntilTheNextCommit) {
  options_.durability = Durability::kInterval;
  open_first();
  add_durably(1);
  const auto is_at_rest = [&] {
    const auto mark = embedded::newest_mark(files_->synced_content(options_.folder + "/mark"));
    return mark && mark->state == Mark::State::kAtRest;
  };
  for (int i = 0; i < 20'000 && !is_at_rest(); ++i) {
    run_->host.run_until([] { return false; }, std::chrono::milliseconds(1));
  }
  ASSERT_TRUE(is_at_rest());
  lose_power();
  open();
  ASSERT_EQ(history(), kFirst);
  EXPECT_TRUE(has(1));

  run_->sequence = 1;
  add_durably(2);
  for (int i = 0; i < 20'000 && !is_at_rest(); ++i) {
    run_->host.run_until([] { return false; }, std::chrono::milliseconds(1));
  }
  ASSERT_TRUE(is_at_rest());
  add_durably(3);
  files_->hold_syncs();  // it does not come to rest any more
  lose_power();
  open();
  EXPECT_EQ(history(), kSecond);
  EXPECT_TRUE(has(2));
}

// ---- a disk that does not take it ----

TEST_F(EmbeddedStoreTest, AFullDiskRefusesAndGoesOnWhenThereIsRoom) {
  open_first();
  add_durably(1);
  files_->fill_up(20);
  add(2);
  ASSERT_TRUE(run_->host.run_until([&] { return run_->outcomes.size() == 2; }));
  EXPECT_EQ(refusal(1)->code, ErrorCode::kUnavailable) << refusal(1)->message;
  EXPECT_TRUE(run_->is_away);
  add(3);
  EXPECT_EQ(refusal(2)->code, ErrorCode::kUnavailable) << "at once";
  EXPECT_TRUE(has(1)) << "reads go on";
  files_->fill_up(std::nullopt);
  ASSERT_TRUE(run_->host.run_until([&] { return !run_->is_away; }));
  add_durably(4);
  EXPECT_EQ(run_->outcomes[3], CommitOutcome(Accepted{Version{3}}));
  kill();
  StoreRun& run = open();
  ASSERT_FALSE(run.error) << run.error->message;
  EXPECT_EQ(run.version(), Version{3});
  EXPECT_TRUE(has(1) && has(4));
  EXPECT_FALSE(has(2) || has(3));
}

TEST_F(EmbeddedStoreTest, KilledOnAFullDiskItHasWhatItAcknowledged) {
  for (std::size_t room = 0; room < 400; room += 13) {
    options_.folder = place_ + "/" + std::to_string(room);
    open_first();
    files_->fill_up(room);
    for (std::uint64_t i = 1; i <= 5; ++i) {
      add(i);
      ASSERT_TRUE(run_->host.run_until([&] { return run_->outcomes.size() == i; }));
    }
    const Version acknowledged = run_->pipeline->published();
    room % 2 == 0 ? kill() : lose_power(FailingFiles::Left::kSome);
    StoreRun& run = open();
    ASSERT_FALSE(run.error) << room << ": " << run.error->message;
    EXPECT_EQ(run.version(), acknowledged) << room << ": what was refused is not there";
  }
}

TEST_F(EmbeddedStoreTest, AFirstStartThatEndsAnywhereLeavesADirectoryThatIsTakenAgain) {
  constexpr std::size_t kStep = 97;
  std::size_t room = 0;
  for (bool is_begun = false; !is_begun; room += kStep) {
    options_.folder = place_ + "/" + std::to_string(room);
    run_.reset();
    files_ = std::make_shared<FailingFiles>();
    files_->fill_up(room);
    run_ = std::make_unique<StoreRun>(embedded::make_store(options_, {boot_, files_, lagging_}),
                                      kFirst);
    is_begun = !run_->error;
    room % 2 == 0 ? kill() : lose_power(FailingFiles::Left::kSome);
    EXPECT_FALSE(open().error) << room << ": " << run_->error->message;
  }
  EXPECT_GT(room, 20 * kStep) << "it wrote next to nothing: where else could it end?";
}

TEST_F(EmbeddedStoreTest, WhatCouldNotBeSyncedIsRefusedAndNeverComesBack) {
  open_first();
  add_durably(1);
  files_->fail_syncs(true);
  add(2);
  // It stands in the log: it has to be cut off, durably, before it is refused.
  run_->host.run_until([&] { return run_->is_away; });
  EXPECT_EQ(run_->outcomes.size(), 1u);
  files_->fail_syncs(false);
  ASSERT_TRUE(run_->host.run_until([&] { return run_->outcomes.size() == 2 && !run_->is_away; }));
  EXPECT_EQ(refusal(1)->code, ErrorCode::kUnavailable);
  add_durably(3);
  kill();
  open();
  EXPECT_TRUE(has(1) && has(3));
  EXPECT_FALSE(has(2));
}

TEST_F(EmbeddedStoreTest, ASyncThatFailsLaterLosesNothingThatIsStillThere) {
  options_.durability = Durability::kInterval;
  open_first();
  files_->fail_syncs(true);
  add(1);
  ASSERT_TRUE(run_->host.run_until([&] { return run_->is_away; }));
  files_->fail_syncs(false);
  ASSERT_TRUE(run_->host.run_until([&] { return !run_->is_away; }));
  EXPECT_FALSE(run_->lost);
  EXPECT_TRUE(has(1));
  run_->sequence = 100;
  add_durably(2);
}

TEST_F(EmbeddedStoreTest, IdentitiesAreGrantedWhenThereIsRoomAgain) {
  open_first();
  files_->fill_up(0);
  EXPECT_FALSE(run_->host.run_until([&] { return run_->is_away; }, std::chrono::milliseconds(0)));
  add(1);
  ASSERT_TRUE(run_->host.run_until([&] { return run_->is_away; }));
  EXPECT_EQ(run_->ids_below, ObjectId{1'000'000});
  files_->fill_up(std::nullopt);
  EXPECT_TRUE(run_->reserve(ObjectId{2'000'000}));
  run_->stop();
  EXPECT_EQ(open().ids_below, ObjectId{2'000'000});
}

// ---- damage ----

TEST_F(EmbeddedStoreTest, AFlippedBitInAnyFileIsFoundOrDoesNotMatter) {
  open_first();
  for (std::uint64_t i = 1; i <= 20; ++i) add_durably(i);
  run_->stop();
  open();
  run_->sequence = 100;
  for (std::uint64_t i = 21; i <= 30; ++i) add_durably(i);  // in the log
  kill();
  run_.reset();
  fs::copy(options_.folder, place_ + "/whole", fs::copy_options::recursive);
  int refused = 0;
  for (const fs::path& file : files()) {
    const std::string whole = test::read_file(file);
    const std::size_t step = whole.size() / 16 + 1;
    for (std::size_t at = test::below(random_, step); at < whole.size(); at += step) {
      std::string flipped = whole;
      flipped[at] ^= static_cast<char>(1 << test::below(random_, 8));
      test::write_file(file, flipped);
      expect_never_served_wrong(Version{31}, file.filename().string() + " " + std::to_string(at));
      refused += run_->error ? 1 : 0;
      run_.reset();
      fs::remove_all(options_.folder);
      fs::copy(place_ + "/whole", options_.folder, fs::copy_options::recursive);
    }
  }
  EXPECT_GT(refused, 30);
  expect_never_served_wrong(Version{31}, "whole");
  EXPECT_FALSE(run_->error);
}

TEST_F(EmbeddedStoreTest, AnyFileThatIsCutOffOrMissingIsFoundOrDoesNotMatter) {
  open_first();
  for (std::uint64_t i = 1; i <= 20; ++i) add_durably(i);
  run_->stop();
  open();
  run_->sequence = 100;
  for (std::uint64_t i = 21; i <= 30; ++i) add_durably(i);
  kill();
  run_.reset();
  fs::copy(options_.folder, place_ + "/whole", fs::copy_options::recursive);
  int refused = 0;
  for (const fs::path& file : files()) {
    const std::string whole = test::read_file(file);
    for (int i = 0; i < 6; ++i) {
      if (i == 0) {
        fs::remove(file);
      } else {
        fs::resize_file(file, whole.empty() ? 0 : test::below(random_, whole.size()));
      }
      expect_never_served_wrong(Version{31}, file.filename().string() + " " + std::to_string(i));
      refused += run_->error ? 1 : 0;
      run_.reset();
      fs::remove_all(options_.folder);
      fs::copy(place_ + "/whole", options_.folder, fs::copy_options::recursive);
    }
  }
  EXPECT_GT(refused, 15);
}

TEST_F(EmbeddedStoreTest, ARefusalChangesNothing) {
  open_first();
  for (std::uint64_t i = 1; i <= 20; ++i) add_durably(i);
  kill();
  run_.reset();
  for (const fs::path& file : files()) {
    if (file.extension() == ".log" && fs::file_size(file) > 0) fs::resize_file(file, 900);
  }
  const auto content = [&] {
    std::vector<std::pair<std::string, std::string>> all;
    for (const fs::path& file : files()) all.emplace_back(file.string(), test::read_file(file));
    return all;
  };
  const auto before = content();
  EXPECT_TRUE(open().error);
  EXPECT_EQ(content(), before);
}

// ---- the directory ----

TEST_F(EmbeddedStoreTest, ASecondOneIsRefusedByTheNameOfTheFirst) {
  open_first();
  const StoreRun second(embedded::make_store(options_, {boot_, nullptr}), kSecond);
  ASSERT_TRUE(second.error);
  EXPECT_EQ(second.error->code, ErrorCode::kServerAlreadyRunning);
  EXPECT_NE(second.error->message.find("process " + std::to_string(::getpid())), std::string::npos)
      << second.error->message;
  add_durably(1);
}

// ---- the log, and rows behind it ----

TEST_F(EmbeddedStoreTest, TheLogIsCutAtItsLimit) {
  options_.retention.versions = 100;
  lagging_.rows_max = 0;
  open_first();
  for (std::uint64_t i = 1; i <= 500; ++i) add_durably(i);
  const std::vector<std::uint64_t> kept = log();
  EXPECT_GE(kept.size(), 100u);
  EXPECT_LE(kept.size(), 110u);
  EXPECT_EQ(kept.back(), 501u);
  EXPECT_EQ(kept.front(), 502u - kept.size()) << "without gaps";
}

TEST_F(EmbeddedStoreTest, TheLogIsNotCutWhereARowIsBehindIt) {
  options_.retention.versions = 100;
  open_first();
  for (std::uint64_t i = 1; i <= 500; ++i) add_durably(i);
  EXPECT_GE(log().size(), 500u);
  open();
  run_->sequence = 1000;
  for (std::uint64_t i = 501; i <= 700; ++i) add_durably(i);
  EXPECT_LE(log().size(), 202u) << "a start brings all rows up to date";
  open();
  for (std::uint64_t i = 1; i <= 700; ++i) EXPECT_TRUE(has(i)) << i;
}

TEST_F(EmbeddedStoreTest, AnObjectThatChangesOftenIsSeldomWritten) {
  open_first();
  add_durably(1);
  for (int i = 0; i < 1'000; ++i) run_->commit(Changes().update(kTask, 1, {{1, test::number(i)}}));
  ASSERT_TRUE(run_->settle());
  kill();
  EXPECT_EQ(count(embedded::kRows), 0u) << "it has not been written at all";
  open();
  EXPECT_EQ(run_->fields(kTask, 1)[1], test::number(999));
  run_->stop();
  EXPECT_EQ(count(embedded::kRows), 1u);
}

// The model is what each version left; each round ends in its own way, with commits on their way.
TEST_F(EmbeddedStoreTest, IsWhatItWasHoweverFarItsRowsAreBehind) {
  using Objects = std::map<std::uint64_t, Value>;
  lagging_ = {.rows_max = 48, .log_bytes_max = 2'000};
  open_first();
  std::vector<Objects> versions(2);  // by version
  std::uint64_t object = 0;
  std::int64_t number = 0;
  const auto commit_something = [&](Objects& objects) {
    Changes changes;
    const std::uint64_t kind = test::below(random_, 10);
    const std::uint64_t count = kind == 0 ? 8 : 1 + test::below(random_, 2);
    if (kind < 4 || objects.empty()) {
      for (std::uint64_t i = 0; i < count; ++i) {
        ++object;
        ++number;
        changes.create(
            kTask, object,
            {{0, Value::text("task " + std::to_string(object))}, {1, test::number(number)}});
        objects[object] = test::number(number);
      }
    } else {
      auto found = objects.lower_bound(test::below(random_, object) + 1);
      if (found == objects.end()) found = objects.begin();
      if (kind == 4) {
        changes.erase(kTask, found->first);
        objects.erase(found);
      } else {
        changes.update(kTask, found->first, {{1, test::number(++number)}});
        found->second = test::number(number);
      }
    }
    run_->commit(changes);
  };
  for (int round = 0; round < 40; ++round) {
    for (int i = 0; i < 40; ++i) {
      if (i == 30 && round % 7 == 3) {
        run_->define({"todo", {{"Task", {{"late" + std::to_string(round), Type::text()}}, {}}}});
        versions.push_back(versions.back());
      }
      if (round % 3 == 0 && i == 25) {
        ASSERT_TRUE(run_->settle());
        files_->fill_up(test::below(random_, 60));
        Objects unused = versions.back();
        for (int refused = 0; refused < 3; ++refused) commit_something(unused);
        ASSERT_TRUE(run_->host.run_until([&] { return run_->is_away; }));
        files_->fill_up(std::nullopt);
        ASSERT_TRUE(run_->host.run_until([&] { return !run_->is_away; }));
        ASSERT_TRUE(run_->settle());
      }
      versions.push_back(versions.back());
      commit_something(versions.back());
      if (test::below(random_, 8) == 0) {
        ASSERT_TRUE(run_->settle());
      }
    }
    if (test::below(random_, 3) == 0) {
      ASSERT_TRUE(run_->settle());
    }
    const std::uint64_t sequence = run_->sequence;
    const Version acknowledged = run_->pipeline->published();
    round % 4 == 0 ? run_->stop() : round % 4 == 1 ? lose_power(FailingFiles::Left::kSome) : kill();
    StoreRun& run = open();
    ASSERT_FALSE(run.error) << round << ": " << run.error->message;
    run.sequence = sequence;
    ASSERT_GE(run.version(), acknowledged) << round;
    ASSERT_LT(run.version().value, versions.size()) << round;
    versions.resize(run.version().value + 1);
    for (std::uint64_t i = 1; i <= object; ++i) {
      const auto found = versions.back().find(i);
      ASSERT_EQ(has(i), found != versions.back().end()) << round << ": " << i;
      if (has(i)) {
        ASSERT_EQ(run.fields(kTask, i)[1], found->second) << round << ": " << i;
      }
    }
  }
}

}  // namespace
}  // namespace odb::server
