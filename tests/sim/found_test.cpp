// What the simulator found, told in short: each of these let a transaction commit that was not
// serialisable.
#include <gtest/gtest.h>

#include <utility>
#include <vector>

#include "cache.h"
#include "odb/client/detail/transaction_state.h"
#include "odb/client/errors.h"
#include "odb/core/core_schema.h"
#include "sim_schema.h"

namespace odb::sim {
namespace {

using detail::Cache;
using detail::TransactionState;

Value number(std::int64_t value) { return Value::integer(value); }

class Found : public testing::Test {
 protected:
  Found() {
    auto catalog = Catalog().merged(core_schema_definition())->merged(base_schema().definition());
    std::vector<CatalogType> types;
    for (const auto& type : catalog->types()) types.push_back(*type);
    EXPECT_TRUE(cache_.learn(types));
    const CatalogType& task = *catalog->find(TypeName{kSchemaName, "Task"});
    task_ = task.id;
    person_ = catalog->find(TypeName{kSchemaName, "Person"})->id;
    status_ = task.find_index("status")->id;
    board_ = task.find_index("board")->id;
  }

  // A task as a piece of a snapshot brings it, not loaded yet.
  void stage_task(ObjectId object, Value status, Value priority, Value note) {
    RowBlock rows{.type = task_, .field_count = 5, .objects = {object}};
    rows.values = {Value::text("a"), std::move(status), std::move(priority), std::move(note),
                   Value::none()};
    EXPECT_TRUE(cache_.stage(kLoading, std::move(rows)));
  }

  void finish_load(Interest interest) {
    cache_.finish_load(kSubscription, std::move(interest), Loading::kEager, Version{5});
  }

  TransactionState begin() { return TransactionState(cache_.snapshot()); }

  static constexpr SubscriptionId kSubscription{1};
  static constexpr SubscriptionId kLoading{2};
  Cache cache_;
  TypeId task_;
  TypeId person_;
  IndexId status_;
  IndexId board_;
  const FieldId status_field_{1};
  const FieldId priority_{2};
  const FieldId note_{3};
  const ObjectId seven_{7};
};

TEST_F(Found, SettingWhatIsAbsentReadsThatItIs) {
  finish_load(TypeInterest{task_});
  TransactionState transaction = begin();
  EXPECT_THROW(transaction.set({task_, seven_}, priority_, number(1)), NotFoundError);
  EXPECT_EQ(transaction.reads().existences, (std::vector<ExistenceRead>{{task_, seven_}}));
}

TEST_F(Found, ASubscribedObjectCoversNoObjectOfAnotherType) {
  finish_load(ObjectsInterest{task_, {seven_}});
  TransactionState transaction = begin();
  EXPECT_FALSE(transaction.exists({task_, seven_}));
  EXPECT_THROW(transaction.exists({person_, seven_}), NotSubscribedError);
}

TEST_F(Found, WhatIsStillLoadingShowsOnceALoadedInterestCoversIt) {
  finish_load(IndexInterest{status_, {number(1)}});
  stage_task(seven_, number(0), number(0), number(0));
  const std::vector<Value> wanted = {number(1)};
  EXPECT_TRUE(begin().lookup(status_, wanted).empty());

  Delta delta{.version = Version{6}, .actor = "alice"};
  delta.changes.begin(ObjectChange::Kind::kUpdate, task_, seven_);
  delta.changes.add_cell({.field = status_field_, .value = number(1)});
  ASSERT_TRUE(cache_.apply(delta.version, delta.actor, delta.changes));
  EXPECT_EQ(begin().lookup(status_, wanted), (std::vector<ObjectRef>{{task_, seven_}}));
}

TEST_F(Found, ALookUpReadsTheFieldsThatCompleteAWrittenKey) {
  stage_task(seven_, number(0), number(0), number(2));
  finish_load(TypeInterest{task_});
  TransactionState transaction = begin();
  transaction.set({task_, seven_}, priority_, number(1));
  const std::vector<Value> wanted = {number(1), number(2)};
  EXPECT_EQ(transaction.lookup(board_, wanted), (std::vector<ObjectRef>{{task_, seven_}}));
  EXPECT_EQ(transaction.reads().cells, (std::vector<CellRead>{{task_, note_, seven_}}));
}

TEST_F(Found, ALookUpDoesNotGuessTheRestOfABlindlyWrittenKey) {
  const std::vector<Value> wanted = {number(1), number(2)};
  finish_load(IndexInterest{board_, wanted});
  TransactionState transaction = begin();
  transaction.set({task_, seven_}, priority_, number(1));
  EXPECT_THROW(transaction.lookup(board_, wanted), NotSubscribedError);
  transaction.set({task_, seven_}, note_, number(2));
  EXPECT_EQ(transaction.lookup(board_, wanted), (std::vector<ObjectRef>{{task_, seven_}}));
}

// The end of another subscription took it out of the cache.
TEST_F(Found, AnIndexThatIsNotCompleteKeepsWhatStandsInIt) {
  RowBlock lazily{.type = task_, .field_count = 1, .objects = {ObjectId{8}}};
  lazily.values = {Value::not_loaded()};
  EXPECT_TRUE(cache_.stage(kSubscription, std::move(lazily)));
  cache_.finish_load(kSubscription, ObjectsInterest{task_, {ObjectId{8}}}, Loading::kLazy,
                     Version{5});
  const auto grown = Catalog()
                         .merged(core_schema_definition())
                         ->merged(base_schema().definition())
                         ->merged(grown_schema().definition());
  std::vector<CatalogType> types;
  for (const auto& type : grown->types()) types.push_back(*type);
  EXPECT_TRUE(cache_.learn(types, {kSubscription}));
  ASSERT_TRUE(cache_.has_incomplete_indexes());
  const IndexId extra = grown->find(task_)->find_index("extra")->id;

  stage_task(seven_, number(0), number(0), number(0));
  cache_.finish_load(kLoading, IndexInterest{extra, {number(0), number(0)}}, Loading::kEager,
                     Version{6});
  const ObjectsInterest seven{task_, {seven_}};
  const SubscriptionId other{3};
  cache_.finish_load(other, seven, Loading::kEager, Version{6});
  cache_.end_subscription(other, seven, Version{7});
  EXPECT_NE(cache_.snapshot()->find(task_, seven_), nullptr);
}

}  // namespace
}  // namespace odb::sim
