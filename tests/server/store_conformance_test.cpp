// What the server expects of every store. A store of your own passes when its maker is added here.
#include <gtest/gtest.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "../examples/file_store.h"
#include "embedded/embedded_store.h"
#include "every_value.h"
#include "failing_files.h"
#include "odb/server/redis_store.h"
#include "redis_process.h"
#include "sim/sim_store.h"
#include "store_run.h"
#include "support/changes.h"
#include "support/fake_store.h"
#include "support/random_value.h"
#include "support/todo_schema.h"

namespace odb::server {
namespace {

using test::Changes;
using test::kPerson;
using test::kTask;
using test::number;
using test::StoreRun;
using test::task;

// Makes stores over the same place, one after the other, or side by side.
class StoreMaker {
 public:
  virtual ~StoreMaker() = default;
  virtual std::unique_ptr<Store> make() = 0;
  virtual bool keeps() const { return true; }  // what it has from one store to the next
  virtual void crash() {}                      // what is behind the store dies and comes back
};

class MemoryMaker final : public StoreMaker {
 public:
  std::unique_ptr<Store> make() override { return std::make_unique<MemoryStore>(); }
  bool keeps() const override { return false; }
};

// Passes everything on to a store that outlives it.
class Borrowed final : public Store {
 public:
  explicit Borrowed(Store& store) : store_(store) {}
  Result<std::optional<StoredDatabase>> load(StoreLoader& loader) override {
    return store_.load(loader);
  }
  Result<void> begin(HistoryId history) override { return store_.begin(history); }
  void start(StoreListener& listener, StoreHost& host) override { store_.start(listener, host); }
  void append(const CommitBatch& batch) override { store_.append(batch); }
  void reserve_ids(ObjectId below) override { store_.reserve_ids(below); }
  std::string name() const override { return store_.name(); }

 private:
  Store& store_;
};

class FakeMaker final : public StoreMaker {
 public:
  std::unique_ptr<Store> make() override { return std::make_unique<Borrowed>(store_); }

 private:
  test::FakeStore store_{test::FakeStore::Completion::kAtOnce};
};

// The simulator's, which completes what a seed says, when the server's thread comes to it.
class SimMaker final : public StoreMaker {
 public:
  std::unique_ptr<Store> make() override { return std::make_unique<Drawn>(*this); }
  void crash() override {
    if (store_.waiting() > 0) store_.end_server(test::below(random_, store_.waiting() + 1));
  }

 private:
  class Drawn final : public Store {
   public:
    explicit Drawn(SimMaker& maker) : maker_(maker), store_(maker.store_) {}
    Result<std::optional<StoredDatabase>> load(StoreLoader& loader) override {
      return store_.load(loader);
    }
    Result<void> begin(HistoryId history) override { return store_.begin(history); }
    void start(StoreListener& listener, StoreHost& host) override {
      host_ = &host;
      store_.start(listener, host);
    }
    void append(const CommitBatch& batch) override {
      store_.append(batch);
      go_on();
    }
    void reserve_ids(ObjectId below) override {
      store_.reserve_ids(below);
      host_->post([this] { store_.complete_reservation(); });
    }
    void stop() override { store_.stop(); }
    std::string name() const override { return store_.name(); }

   private:
    void go_on() {
      host_->post([this] {
        if (store_.waiting() == 0) return;
        store_.complete(test::below(maker_.random_, store_.waiting() + 1));
        go_on();
      });
    }

    SimMaker& maker_;
    sim::SimStore& store_;
    StoreHost* host_ = nullptr;
  };

  test::Random random_{7};
  sim::StoreWatch nobody_;
  sim::SimStore store_{nobody_};
};

class FileMaker final : public StoreMaker {
 public:
  FileMaker() {
    std::array<char, 32> name{"/tmp/odb_file_XXXXXX"};
    folder_ = ::mkdtemp(name.data());
  }
  ~FileMaker() override { std::filesystem::remove_all(folder_); }
  std::unique_ptr<Store> make() override {
    return std::make_unique<example::FileStore>(folder_ + "/commits");
  }

 private:
  std::string folder_;
};

class RedisMaker final : public StoreMaker {
 public:
  std::unique_ptr<Store> make() override {
    RedisOptions options;
    options.address = redis_.address();
    return make_redis_store(std::move(options));
  }
  void crash() override { redis_.restart(); }

 private:
  test::RedisProcess redis_;
};

// crash() is a power cut.
template <Durability kDurability>
class EmbeddedMaker final : public StoreMaker {
 public:
  EmbeddedMaker() {
    std::array<char, 32> name{"/tmp/odb_embedded_XXXXXX"};
    folder_ = ::mkdtemp(name.data());
  }
  ~EmbeddedMaker() override { std::filesystem::remove_all(folder_); }
  std::unique_ptr<Store> make() override {
    // Only now, for closing its files the last store still gave them the sizes that they had.
    if (std::exchange(power_is_lost_, false)) {
      files_->lose_power(random_, test::FailingFiles::Left::kSome);
      ++boot_;
    }
    files_ = std::make_shared<test::FailingFiles>();
    EmbeddedOptions options;
    options.folder = folder_ + "/data";
    options.durability = kDurability;
    return embedded::make_store(std::move(options), {std::to_string(boot_), files_});
  }
  void crash() override {
    files_->kill();
    power_is_lost_ = kDurability == Durability::kCommit;
  }

 private:
  std::string folder_;
  std::shared_ptr<test::FailingFiles> files_;
  bool power_is_lost_ = false;
  int boot_ = 1;
  test::Random random_{11};
};

using MakeMaker = std::unique_ptr<StoreMaker> (*)();
template <class Maker>
std::unique_ptr<StoreMaker> make_maker() {
  return std::make_unique<Maker>();
}

struct NamedMaker {
  const char* name;
  MakeMaker make;
};

class StoreConformance : public ::testing::TestWithParam<NamedMaker> {
 protected:
  static constexpr HistoryId kFirst{1, 1};
  static constexpr HistoryId kSecond{2, 2};

  // Ends the run under way and begins another one over the same place.
  StoreRun& open(HistoryId fresh = kFirst) {
    run_.reset();
    run_ = std::make_unique<StoreRun>(maker_->make(), fresh);
    EXPECT_FALSE(run_->error) << run_->error->message;
    return *run_;
  }
  StoreRun& open_with_schema() {
    StoreRun& run = open();
    EXPECT_TRUE(run.reserve(ObjectId{1'000'000}));
    run.define(test::todo_schema());
    EXPECT_TRUE(run.settle());
    return run;
  }
  // What stays to be seen only of a store that keeps what it has.
  StoreRun* open_again() {
    StoreRun& run = open(kSecond);
    if (maker_->keeps()) return &run;
    EXPECT_EQ(run.version(), Version{});
    EXPECT_EQ(run.database->history, kSecond);
    return nullptr;
  }

  std::unique_ptr<StoreMaker> maker_ = GetParam().make();
  std::unique_ptr<StoreRun> run_;
};

INSTANTIATE_TEST_SUITE_P(
    Of, StoreConformance,
    ::testing::Values(
        NamedMaker{"Memory", make_maker<MemoryMaker>}, NamedMaker{"Fake", make_maker<FakeMaker>},
        NamedMaker{"Simulated", make_maker<SimMaker>}, NamedMaker{"File", make_maker<FileMaker>},
        NamedMaker{"Redis", make_maker<RedisMaker>},
        NamedMaker{"Embedded", make_maker<EmbeddedMaker<Durability::kCommit>>},
        NamedMaker{"EmbeddedInterval", make_maker<EmbeddedMaker<Durability::kInterval>>},
        NamedMaker{"EmbeddedOs", make_maker<EmbeddedMaker<Durability::kOs>>}),
    [](const auto& made) { return std::string(made.param.name); });

TEST_P(StoreConformance, AnEmptyOneBeginsTheHistoryThatItIsGiven) {
  EXPECT_EQ(open().database->history, kFirst);
  EXPECT_TRUE(run_->database->is_new_history);
  EXPECT_EQ(run_->version(), Version{});
  if (StoreRun* run = open_again()) {
    EXPECT_EQ(run->database->history, kFirst);
    EXPECT_FALSE(run->database->is_new_history);
  }
}

TEST_P(StoreConformance, MakesCommitsDurableInTheirOrder) {
  StoreRun& run = open_with_schema();
  for (std::uint64_t i = 1; i <= 500; ++i) {
    run.submit(Changes().create(kTask, i, task("task " + std::to_string(i), 1)));
    if (i % 7 == 0) run.pipeline->flush();
  }
  run.pipeline->flush();
  ASSERT_TRUE(run.settle());
  ASSERT_EQ(run.outcomes.size(), 500u);
  for (std::uint64_t i = 0; i < 500; ++i) {
    EXPECT_EQ(run.outcomes[i], CommitOutcome(Accepted{Version{i + 2}}));
  }
  StoreRun* again = open_again();
  if (again == nullptr) return;
  EXPECT_EQ(again->version(), Version{501});
  EXPECT_EQ(again->pipeline->published(), Version{501});
  EXPECT_EQ(again->fields(kTask, 77)[0], Value::text("task 77"));
  EXPECT_EQ(again->database->state.find(kTask, ObjectId{77}, Version{501})->version(), Version{78});
  again->sequence = 500;
  again->commit(Changes().update(kTask, 77, {{test::kStatus, number(9)}}));
  ASSERT_TRUE(again->settle());
  EXPECT_EQ(again->version(), Version{502});
}

TEST_P(StoreConformance, KeepsEveryKindOfValue) {
  const std::vector<Value> values = test::every_value();
  StoreRun& run = open();
  ASSERT_TRUE(run.reserve(ObjectId{100}));
  run.define(test::every_kind_schema());
  run.commit(Changes().create(TypeId{1}, 1, test::every_cell()));
  ASSERT_TRUE(run.settle());
  ASSERT_EQ(run.outcomes, std::vector<CommitOutcome>{Accepted{Version{2}}});
  const auto catalog = run.database->state.catalog();
  if (StoreRun* again = open_again()) {
    EXPECT_EQ(*again->database->state.catalog(), *catalog) << "types too";
    EXPECT_EQ(again->fields(TypeId{1}, 1), values);
  }
}

TEST_P(StoreConformance, KeepsObjectsAsSchemasGrow) {
  StoreRun& run = open_with_schema();
  run.commit(Changes().create(kTask, 1, task("old", 1)));
  run.define({"todo",
              {{"Task", {{"note", Type::text()}}, {{"note", {"note"}, Uniqueness::kMany}}},
               {"Place", {{"name", Type::text()}}, {}}}});
  run.commit(Changes().create(TypeId{3}, 2, {{0, Value::text("here")}}));
  ASSERT_TRUE(run.settle());
  StoreRun* again = open_again();
  if (again == nullptr) return;
  EXPECT_EQ(again->fields(kTask, 1).at(3), Value::text(""));
  EXPECT_EQ(again->fields(TypeId{3}, 2).at(0), Value::text("here"));
  // Indexes are there as well, with what was older than they.
  const VersionedState& state = again->database->state;
  const CatalogIndex* index = state.catalog()->find(kTask)->find_index("note");
  ASSERT_NE(index, nullptr);
  const auto* entry =
      state.entries(index->id)->find(test::key({Value::text("")}), ObjectId{}, state.version());
  ASSERT_NE(entry, nullptr);
  EXPECT_EQ(entry->object(), ObjectId{1});
}

TEST_P(StoreConformance, ForgetsWhatIsDeleted) {
  StoreRun& run = open_with_schema();
  run.commit(Changes().create(kTask, 1, task("one", 1)).create(kTask, 2, task("two", 1)));
  run.commit(Changes().erase(kTask, 1));
  run.submit(Changes().create(kTask, 3, task("three", 1)));
  run.submit(Changes().erase(kTask, 3));
  run.pipeline->flush();
  ASSERT_TRUE(run.settle());
  StoreRun* again = open_again();
  if (again == nullptr) return;
  EXPECT_TRUE(again->fields(kTask, 1).empty());
  EXPECT_FALSE(again->fields(kTask, 2).empty());
  EXPECT_TRUE(again->fields(kTask, 3).empty());
}

TEST_P(StoreConformance, KeepsWhichIdentitiesWereGranted) {
  StoreRun& run = open();
  ASSERT_TRUE(run.reserve(ObjectId{5000}));
  if (StoreRun* again = open_again()) {
    EXPECT_EQ(again->database->ids_below, ObjectId{5000});
  }
}

TEST_P(StoreConformance, KeepsOutcomesSoThatNothingIsDoneTwice) {
  StoreRun& run = open_with_schema();
  run.commit(Changes().create(kTask, 1, task("one", 1)));
  run.commit(Changes().create(kTask, 2, task("two", 1)));
  ASSERT_TRUE(run.settle());
  StoreRun* again = open_again();
  if (again == nullptr) return;
  auto origin = StoreRun::origin(2);
  origin.delivery = Delivery::kResent;
  again->submit(origin, Changes().create(kTask, 2, task("two", 1)));
  origin.sequence = Sequence{3};
  again->submit(origin, Changes().create(kTask, 3, task("three", 1)));
  origin.client = {7, 99};
  again->submit(origin, Changes().create(kTask, 4, task("four", 1)));
  again->pipeline->flush();
  ASSERT_TRUE(again->settle());
  EXPECT_EQ(again->outcomes, (std::vector<CommitOutcome>{Accepted{Version{3}}, Accepted{Version{4}},
                                                         Accepted{Version{5}}}));
}

TEST_P(StoreConformance, TakesLargeCommitsAndManyObjects) {
  StoreRun& run = open_with_schema();
  Changes many;
  for (std::uint64_t i = 1; i <= 20'000; ++i) {
    many.create(kPerson, i, {{test::kName, Value::text("p" + std::to_string(i))}});
  }
  run.commit(many);
  std::string large;
  large.resize(20'000'000, 'x');
  run.commit(Changes().create(kPerson, 30'000, {{test::kName, Value::text(large)}}));
  Changes gone;
  for (std::uint64_t i = 1; i <= 10'000; ++i) gone.erase(kPerson, i);
  run.commit(gone);
  ASSERT_TRUE(run.settle());
  StoreRun* again = open_again();
  if (again == nullptr) return;
  EXPECT_TRUE(again->fields(kPerson, 10'000).empty());
  EXPECT_EQ(again->fields(kPerson, 20'000).at(0), Value::text("p20000"));
  EXPECT_EQ(again->fields(kPerson, 30'000).at(0).as_text().size(), 20'000'000u);
}

TEST_P(StoreConformance, HasWhatItAcknowledgedAfterACrash) {
  StoreRun& run = open_with_schema();
  for (std::uint64_t i = 1; i <= 200; ++i) {
    run.commit(Changes().create(kTask, i, task("task " + std::to_string(i), 1)));
  }
  ASSERT_TRUE(run.host.run_until([&] { return run.outcomes.size() >= 100; }));
  const Version acknowledged = run.pipeline->published();
  maker_->crash();
  StoreRun* again = open_again();
  if (again == nullptr) return;
  EXPECT_GE(again->version(), acknowledged);
  EXPECT_EQ(again->database->history, kFirst);
  for (std::uint64_t i = 1; i <= 200; ++i) {
    EXPECT_EQ(again->fields(kTask, i).empty(), i + 1 > again->version().value) << i;
  }
}

}  // namespace
}  // namespace odb::server
