// Ranges, lazy subscriptions, the ends of subscriptions, uncovered reads and atomic updates over
// real TLS sockets.
#include <atomic>
#include <limits>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "todo_server.h"

namespace odb::test {
namespace {

struct Item {
  std::string status = "open";
  std::int64_t priority = 0;
  std::string text{};
  std::vector<std::string> tags{};
  std::map<std::string, std::int64_t> scores{};
  double weight = 0;
  std::int32_t small = 0;
};
BOOST_DESCRIBE_STRUCT(Item, (), (status, priority, text, tags, scores, weight, small))

Schema item_schema() {
  Schema schema("shop");
  schema.define<Item>(index<&Item::status, &Item::priority>("by_status_and_priority"),
                      index<&Item::priority>());
  return schema;
}

class ObjectModel : public TodoServer {
 protected:
  Database knowing(const std::string& token) {  // the schema, subscribed to nothing
    Database db = odb::connect("localhost", server_->port(), token);
    db.define(item_schema());
    return db;
  }
  Database client(const std::string& token = kAda) {
    Database db = odb::connect("localhost", server_->port(), token);
    db.subscribe(item_schema());
    return db;
  }
  static Ref<Item> create(Database& db, Item item) {
    Transaction tx = db.transaction();
    const Ref<Item> ref = tx.create(item);
    tx.commit();
    return ref;
  }
  static std::vector<std::int64_t> priorities(const View& view,
                                              const std::vector<Ref<Item>>& refs) {
    std::vector<std::int64_t> out;
    for (const Ref<Item>& ref : refs) out.push_back(view.get<&Item::priority>(ref));
    return out;
  }
  using Numbers = std::vector<std::int64_t>;
};

// ---- ranges ----

TEST_F(ObjectModel, RangesComeInTheOrderOfTheIndex) {
  start();
  Database db = client();
  for (const std::int64_t priority : {5, 1, 4, 2, 3}) {
    create(db, {.status = "open", .priority = priority});
    create(db, {.status = "done", .priority = priority * 10});
  }
  const View view = db.view();
  const auto of = [&](const std::vector<Ref<Item>>& refs) { return priorities(view, refs); };
  EXPECT_EQ(of(view.range<&Item::status, &Item::priority>(prefix("open"))),
            (Numbers{1, 2, 3, 4, 5}));
  EXPECT_EQ(of(view.range<&Item::status, &Item::priority>(prefix("open"), at_least(2), below(5))),
            (Numbers{2, 3, 4}));
  EXPECT_EQ(of(view.range<&Item::status, &Item::priority>(prefix("open"), above(2), at_most(5),
                                                          descending, limit(2))),
            (Numbers{5, 4}));
  EXPECT_EQ(of(view.range<&Item::priority>(at_least(4), at_most(20), descending)),
            (Numbers{20, 10, 5, 4}));
  EXPECT_EQ(of(view.range<&Item::priority>(above(50))), Numbers());
  EXPECT_EQ(of(view.range<&Item::priority>(at_least(9), at_most(1))), Numbers());
  EXPECT_EQ(view.count(in_range<&Item::status, &Item::priority>(prefix("open"), at_least(3))), 3u);
  EXPECT_EQ(view.range<&Item::priority>(limit(0)).size(), 0u);
}

TEST_F(ObjectModel, RangesInATransactionSeeItsOwnWrites) {
  start();
  Database db = client();
  std::vector<Ref<Item>> items;
  for (std::int64_t i = 0; i < 6; ++i) items.push_back(create(db, {.priority = i * 10}));
  Transaction tx = db.transaction();
  tx.set<&Item::priority>(items[0], 25);  // moves in between
  tx.set<&Item::status>(items[2], "done");
  tx.remove(items[3]);
  const Ref<Item> made = tx.create(Item{.priority = 15});
  EXPECT_EQ(tx.range<&Item::priority>(),
            (std::vector{items[1], made, items[2], items[0], items[4], items[5]}));
  EXPECT_EQ((tx.range<&Item::status, &Item::priority>(prefix("open"))),
            (std::vector{items[1], made, items[0], items[4], items[5]}));
  EXPECT_EQ(tx.range<&Item::priority>(descending, limit(3)),
            (std::vector{items[5], items[4], items[0]}));
  EXPECT_EQ(tx.range<&Item::priority>(at_least(11), limit(2)), (std::vector{made, items[2]}));
  EXPECT_EQ(tx.count(in_range<&Item::priority>(below(26))), 4u);
}

TEST_F(ObjectModel, ARangeReadConflictsExactlyWithWhatTouchesIt) {
  start();
  Database ada = client(kAda);
  Database bob = client(kBob);
  const Ref<Item> item = create(ada, {.priority = 5});
  const Ref<Item> far = create(ada, {.priority = 500});
  const auto outcome_after = [&](auto change) {
    bob.flush();
    ada.flush();
    Transaction tx = ada.transaction();
    tx.range<&Item::priority>(at_least(0), at_most(100));
    tx.create(Item{.priority = 1000});
    bob.transact(change);
    return tx.try_commit();
  };
  EXPECT_TRUE(std::holds_alternative<Accepted>(
      outcome_after([&](Transaction& t) { t.set<&Item::priority>(far, 501); })));
  EXPECT_TRUE(std::holds_alternative<Accepted>(
      outcome_after([&](Transaction& t) { t.set<&Item::text>(item, "another field"); })));
  for (const std::int64_t to : {6, 600, 7}) {  // within, out, and in again
    const CommitOutcome outcome =
        outcome_after([&](Transaction& t) { t.set<&Item::priority>(item, to); });
    ASSERT_TRUE(std::holds_alternative<Conflict>(outcome)) << to;
    EXPECT_TRUE(std::holds_alternative<IndexRangeRead>(std::get<Conflict>(outcome).key));
  }
}

TEST_F(ObjectModel, ALimitedRangeReadsNoFurtherThanItGives) {
  start();
  Database ada = client(kAda);
  Database bob = client(kBob);
  std::vector<Ref<Item>> items;
  for (std::int64_t i = 0; i < 5; ++i) items.push_back(create(ada, {.priority = i}));
  bob.flush();
  Transaction tx = ada.transaction();
  EXPECT_EQ(tx.range<&Item::priority>(limit(2)), (std::vector{items[0], items[1]}));
  tx.create(Item{});
  bob.transact([&](Transaction& t) { t.set<&Item::priority>(items[3], 30); });
  EXPECT_TRUE(std::holds_alternative<Accepted>(tx.try_commit()));
}

TEST_F(ObjectModel, ARangeIsSubscribedTo) {
  start();
  Database ada = client(kAda);
  Database bob = knowing(kBob);
  const Ref<Item> low = create(ada, {.priority = 1});
  const Ref<Item> mid = create(ada, {.priority = 5});
  const Ref<Item> high = create(ada, {.priority = 9});
  bob.subscribe(in_range<&Item::priority>(at_least(4), at_most(6)));
  EXPECT_FALSE(bob.view().exists(low));
  EXPECT_TRUE(bob.view().exists(mid));
  ada.transact([&](Transaction& t) {
    t.set<&Item::priority>(mid, 7);
    t.set<&Item::priority>(high, 6);
    t.set<&Item::text>(high, "arrives complete");
  });
  bob.flush();
  const View view = bob.view();
  EXPECT_FALSE(view.exists(mid));
  EXPECT_EQ(view.get<&Item::text>(high), "arrives complete");
  // Inside the range everything is covered, beyond it a transaction fetches.
  Transaction tx = bob.transaction();
  EXPECT_EQ(tx.range<&Item::priority>(at_least(5), below(7)), std::vector{high});
  EXPECT_EQ(tx.range<&Item::priority>(at_least(7)), std::vector{mid});
}

// ---- subscriptions end ----

TEST_F(ObjectModel, UnsubscribingDropsWhatNothingElseCovers) {
  start();
  Database ada = client(kAda);
  Database bob = knowing(kBob);
  const Ref<Item> open = create(ada, {.status = "open", .priority = 1});
  const Ref<Item> done = create(ada, {.status = "done", .priority = 2});
  const Ref<Item> single = create(ada, {.status = "done", .priority = 3});
  Subscription all = bob.subscribe(type<Item>());
  EXPECT_EQ(all.objects_loaded(), 3u);
  bob.subscribe(where<&Item::status, &Item::priority>("open", 1));
  bob.subscribe(objects(single));
  const View before = bob.view();
  all.unsubscribe();
  const View after = bob.view();
  EXPECT_TRUE(after.exists(open));
  EXPECT_FALSE(after.exists(done));
  EXPECT_TRUE(after.exists(single));
  EXPECT_EQ(after.count(in_range<&Item::priority>()), 2u);
  EXPECT_EQ(before.get<&Item::status>(done), "done") << "an open view keeps what it shows";
  all.unsubscribe();  // twice is once
  // What stays is kept up to date, what went is not.
  ada.transact([&](Transaction& t) {
    for (const Ref<Item>& item : {open, done, single}) t.set<&Item::text>(item, "changed");
  });
  bob.flush();
  EXPECT_EQ(bob.view().get<&Item::text>(open), "changed");
  EXPECT_EQ(bob.view().get<&Item::text>(single), "changed");
  EXPECT_FALSE(bob.view().exists(done));
  bob.subscribe(type<Item>());
  EXPECT_EQ(bob.view().get<&Item::text>(done), "changed");
}

TEST_F(ObjectModel, UnsubscribingWhileItLoadsStopsIt) {
  start();
  Database ada = client(kAda);
  for (int commit = 0; commit < 20; ++commit) {
    Transaction tx = ada.transaction();
    for (int i = 0; i < 1000; ++i) tx.create(Item{.text = std::string(100, 'x')});
    tx.commit();
  }
  Database bob = knowing(kBob);
  Subscription all = bob.subscribe_async(type<Item>().interest(bob.view().snapshot().catalog()));
  all.unsubscribe();
  EXPECT_FALSE(all.is_loaded() && bob.view().count(in_range<&Item::priority>()) > 0);
  EXPECT_TRUE(bob.view().refs<Item>().empty());
  EXPECT_EQ(bob.subscribe(type<Item>()).objects_loaded(), 20'000u);
}

TEST_F(ObjectModel, WhatAClientCreatedIsItsOwnToSeeUntilItLetsGo) {
  start();
  Database ada = client(kAda);
  Database bob = knowing(kBob);
  const Ref<Item> own = create(bob, {.text = "own"});
  EXPECT_EQ(bob.view().get<&Item::text>(own), "own");
  ada.flush();
  ada.transact([&](Transaction& t) { t.set<&Item::text>(own, "changed by ada"); });
  bob.flush();
  EXPECT_EQ(bob.view().get<&Item::text>(own), "changed by ada");
  const std::vector<ObjectRef> refs = {own};
  bob.release(refs);
  EXPECT_FALSE(bob.view().exists(own));
  EXPECT_EQ(bob.transaction().get<&Item::text>(own), "changed by ada") << "fetched";
}

// ---- lazily ----

TEST_F(ObjectModel, LazyFieldsAreReadAsOfTheViewThatReadsThem) {
  start();
  Database ada = client(kAda);
  Database bob = knowing(kBob);
  const Ref<Item> item = create(ada, {.priority = 7, .text = "first"});
  const Ref<Item> gone = create(ada, {.priority = 8, .text = "to be deleted"});
  bob.subscribe(type<Item>(), Loading::kLazy);
  const View then = bob.view();
  for (int i = 0; i < 200; ++i) {
    ada.transact([&](Transaction& t) {
      t.set<&Item::text>(item, "later " + std::to_string(i));
      t.set<&Item::priority>(item, i);
    });
  }
  ada.transact([&](Transaction& t) { t.remove(gone); });
  bob.flush();
  const View now = bob.view();
  EXPECT_EQ(then.get<&Item::priority>(item), 7) << "indexed fields are there";
  EXPECT_EQ(then.get<&Item::text>(item), "first");
  EXPECT_EQ(then.get<&Item::text>(gone), "to be deleted");
  EXPECT_EQ(now.get<&Item::text>(item), "later 199");
  EXPECT_FALSE(now.exists(gone));
  EXPECT_EQ(then.get<&Item::text>(item), "first") << "and again, now from memory";
  EXPECT_EQ(then.get(item).weight, 0.0) << "the whole struct";
}

TEST_F(ObjectModel, LazyObjectsAreWrittenDeletedAndTestedWithoutLoading) {
  start();
  Database ada = client(kAda);
  Database bob = knowing(kBob);
  const Ref<Item> item = create(ada, {.priority = 1, .text = "text", .tags = {"a"}});
  const Ref<Item> other = create(ada, {.priority = 2});
  bob.subscribe(type<Item>(), Loading::kLazy);
  Transaction tx = bob.transaction();
  EXPECT_TRUE(tx.exists(item));
  tx.set<&Item::weight>(item, 2.5);
  tx.append<&Item::tags>(item, "b");
  tx.remove(other);
  tx.commit();
  const View view = bob.view();
  EXPECT_EQ(view.get<&Item::weight>(item), 2.5);
  EXPECT_EQ(view.get<&Item::tags>(item), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(view.get<&Item::text>(item), "text");
  EXPECT_FALSE(view.exists(other));
  ada.flush();
  EXPECT_EQ(ada.view().get<&Item::tags>(item), (std::vector<std::string>{"a", "b"}));
}

TEST_F(ObjectModel, ManyLazyObjectsAreFetchedAtOnce) {
  start();
  Database ada = client(kAda);
  Database bob = knowing(kBob);
  Transaction tx = ada.transaction();
  for (int i = 0; i < 3000; ++i) tx.create(Item{.priority = i, .text = std::to_string(i)});
  tx.commit();
  bob.subscribe(type<Item>(), Loading::kLazy);
  const View view = bob.view();
  const std::vector<Ref<Item>> refs = view.refs<Item>();
  ASSERT_EQ(refs.size(), 3000u);
  view.load(refs);
  bob.disconnect();  // from here on only what is in memory can be read
  for (const Ref<Item>& ref : refs) {
    EXPECT_EQ(view.get<&Item::text>(ref), std::to_string(view.get<&Item::priority>(ref)));
  }
}

TEST_F(ObjectModel, WhatIsNotLoadedWhenTheLinkEndsSaysSo) {
  start();
  Database ada = client(kAda);
  Database bob = knowing(kBob);
  const Ref<Item> item = create(ada, {.priority = 1, .text = "text"});
  bob.subscribe(type<Item>(), Loading::kLazy);
  const View view = bob.view();
  bob.disconnect();
  EXPECT_EQ(view.get<&Item::priority>(item), 1);
  EXPECT_THROW(view.get<&Item::text>(item), DisconnectedError);
}

TEST_F(ObjectModel, ALazyReadBehindTheHorizonIsTooOld) {
  server::Limits limits;
  limits.retained_versions_max = 2;
  limits.held_bytes_max = 1;
  start(limits);
  Database ada = client(kAda);
  Database bob = knowing(kBob);
  const Ref<Item> item = create(ada, {.text = "first"});
  bob.subscribe(type<Item>(), Loading::kLazy);
  const View view = bob.view();
  for (int i = 0; i < 10; ++i) {
    ada.transact([&](Transaction& t) { t.set<&Item::text>(item, std::to_string(i)); });
  }
  EXPECT_THROW(view.get<&Item::text>(item), TooOldError);
  bob.flush();
  EXPECT_EQ(bob.view().get<&Item::text>(item), "9");
}

TEST_F(ObjectModel, AnIndexThatIsDefinedLaterIsFetchedByLazySubscribers) {
  start();
  Database ada = client(kAda);
  const Ref<Item> item = create(ada, {.priority = 1, .text = "needle"});
  Database bob = knowing(kBob);
  bob.subscribe(type<Item>(), Loading::kLazy);
  Schema grown("shop");
  grown.define<Item>(index<&Item::status, &Item::priority>("by_status_and_priority"),
                     index<&Item::priority>(), index<&Item::text>());
  bob.define(grown);
  Transaction tx = bob.transaction();
  EXPECT_EQ(tx.lookup<&Item::text>("needle"), std::vector{item});
  EXPECT_TRUE(tx.lookup<&Item::text>("hay").empty());
  ada.transact([&](Transaction& t) { t.set<&Item::text>(item, "hay"); });
  bob.flush();
  Transaction later = bob.transaction();
  EXPECT_EQ(later.lookup<&Item::text>("hay"), std::vector{item});
  EXPECT_TRUE(later.lookup<&Item::text>("needle").empty());
}

// ---- older versions ----

TEST_F(ObjectModel, AViewCanBeHadOfAnOlderVersion) {
  start();
  Database ada = client(kAda);
  const Ref<Item> item = create(ada, {.priority = 1, .text = "first"});
  const Ref<Item> gone = create(ada, {.priority = 2});
  const Version then = ada.version();
  ada.transact([&](Transaction& t) {
    t.set<&Item::priority>(item, 10);
    t.set<&Item::text>(item, "second");
    t.remove(gone);
    t.create(Item{.priority = 3});
  });
  const View view = ada.view(then);
  EXPECT_EQ(view.version(), then);
  EXPECT_EQ(view.get<&Item::text>(item), "first");
  EXPECT_EQ(view.range<&Item::priority>(), (std::vector{item, gone}));
  EXPECT_EQ(view.lookup<&Item::priority>(1), std::vector{item});
  EXPECT_TRUE(view.exists(gone));
  EXPECT_EQ(ada.view().get<&Item::text>(item), "second");
  EXPECT_EQ(ada.view(ada.version()).version(), ada.version());
  EXPECT_THROW(ada.view(Version{ada.version().value + 1}), UsageError);
}

TEST_F(ObjectModel, ATransactionAtAnOlderVersionConflictsWithWhatCameSince) {
  start();
  Database ada = client(kAda);
  const Ref<Item> item = create(ada, {.priority = 1});
  const Ref<Item> other = create(ada, {.priority = 2});
  const Version then = ada.version();
  ada.transact([&](Transaction& t) { t.set<&Item::priority>(item, 10); });
  Transaction stale = ada.transaction(then);
  EXPECT_EQ(stale.get<&Item::priority>(item), 1);
  stale.set<&Item::text>(other, "x");
  EXPECT_TRUE(std::holds_alternative<Conflict>(stale.try_commit()));
  Transaction fine = ada.transaction(then);
  EXPECT_EQ(fine.get<&Item::priority>(other), 2);
  fine.set<&Item::text>(other, "x");
  EXPECT_TRUE(std::holds_alternative<Accepted>(fine.try_commit()));
}

TEST_F(ObjectModel, AViewOlderThanAnIndexDoesNotTakeItForEmpty) {
  start();
  Database ada = client(kAda);
  const Ref<Item> item = create(ada, {.text = "needle"});
  const Version then = ada.version();
  Schema grown("shop");
  grown.define<Item>(index<&Item::status, &Item::priority>("by_status_and_priority"),
                     index<&Item::priority>(), index<&Item::text>());
  Database bob = knowing(kBob);
  bob.define(grown);
  bob.subscribe(where<&Item::text>("needle"));
  EXPECT_THROW(bob.transaction(then).lookup<&Item::text>("needle"), SchemaError);
  EXPECT_EQ(bob.view().lookup<&Item::text>("needle"), std::vector{item});
}

TEST_F(ObjectModel, AViewBehindTheHorizonIsTooOld) {
  server::Limits limits;
  limits.retained_versions_max = 2;
  limits.held_bytes_max = 1;
  start(limits);
  Database ada = client(kAda);
  const Ref<Item> item = create(ada, {});
  const Version then = ada.version();
  for (int i = 0; i < 10; ++i) {
    ada.transact([&](Transaction& t) { t.set<&Item::priority>(item, i); });
  }
  EXPECT_THROW(ada.view(then), TooOldError);
}

// ---- atomic updates ----

TEST_F(ObjectModel, TenClientsAndOneCounterLoseNothingAndNeverRetry) {
  start();
  Database ada = client(kAda);
  const Ref<Item> counter = create(ada, {});
  std::vector<std::thread> threads;
  std::atomic<int> refused = 0;
  for (int client_number = 0; client_number < 10; ++client_number) {
    threads.emplace_back([&] {
      Database db = client(kBob);
      for (int i = 0; i < 50; ++i) {
        Transaction tx = db.transaction();
        tx.add<&Item::priority>(counter, 1);
        tx.append<&Item::tags>(counter, "t");
        if (!std::holds_alternative<Accepted>(tx.try_commit())) ++refused;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(refused, 0);
  ada.flush();
  EXPECT_EQ(ada.view().get<&Item::priority>(counter), 500);
  EXPECT_EQ(ada.view().get<&Item::tags>(counter).size(), 500u);
  EXPECT_EQ(ada.view().lookup<&Item::priority>(500), std::vector{counter}) << "indexes follow";
}

TEST_F(ObjectModel, UpdatesOfOneFieldFoldInOrder) {
  start();
  Database db = client();
  const Ref<Item> item = create(db, {.priority = 5, .tags = {"a"}, .scores = {{"x", 1}}});
  Transaction tx = db.transaction();
  tx.add<&Item::priority>(item, 2);
  tx.add<&Item::priority>(item, 3);
  EXPECT_TRUE(tx.reads().empty()) << "nothing was read so far";
  EXPECT_EQ(tx.get<&Item::priority>(item), 10) << "a real read, with what is pending";
  EXPECT_EQ(tx.reads().cells.size(), 1u);
  tx.set<&Item::priority>(item, 100);
  tx.add<&Item::priority>(item, 1);
  tx.append<&Item::tags>(item, "b");
  tx.append<&Item::tags>(item, "c");
  tx.insert<&Item::scores>(item, "y", 2);
  tx.erase<&Item::scores>(item, "x");
  tx.add<&Item::weight>(item, 0.5);
  const Ref<Item> made = tx.create(Item{.priority = 1});
  tx.add<&Item::priority>(made, 41);
  tx.commit();
  const View view = db.view();
  EXPECT_EQ(view.get<&Item::priority>(item), 101);
  EXPECT_EQ(view.get<&Item::tags>(item), (std::vector<std::string>{"a", "b", "c"}));
  EXPECT_EQ(view.get<&Item::scores>(item), (std::map<std::string, std::int64_t>{{"y", 2}}));
  EXPECT_EQ(view.get<&Item::weight>(item), 0.5);
  EXPECT_EQ(view.get<&Item::priority>(made), 42);
}

TEST_F(ObjectModel, ASumThatOverflowsIsATypedRefusal) {
  start();
  Database db = client();
  const Ref<Item> item = create(db, {.priority = std::numeric_limits<std::int64_t>::max()});
  Transaction tx = db.transaction();
  tx.add<&Item::priority>(item, 1);
  try {
    tx.commit();
    FAIL() << "committed";
  } catch (const ValueError& error) {
    EXPECT_EQ(error.code(), ErrorCode::kNumberOverflow);
    EXPECT_NE(std::string(error.what()).find("shop.Item.priority"), std::string::npos);
  }
  Transaction local = db.transaction();
  local.set<&Item::priority>(item, std::numeric_limits<std::int64_t>::max());
  EXPECT_THROW(local.add<&Item::priority>(item, 1), ValueError);
  local.commit();
}

// ---- big things ----

TEST_F(ObjectModel, ACommitOfManyFramesGoesInParts) {
  start();
  Database ada = client(kAda);
  Database bob = client(kBob);
  Transaction tx = ada.transaction();
  for (int i = 0; i < 20'000; ++i) tx.create(Item{.priority = i, .text = std::string(40, 'x')});
  tx.commit();
  bob.flush();
  EXPECT_EQ(bob.view().count(in_range<&Item::priority>()), 20'000u);
}

TEST_F(ObjectModel, AConflictNamesTheRequestThatWon) {
  start();
  Database ada = client(kAda);
  Database bob = client(kBob);
  const Ref<Item> item = create(ada, {});
  bob.flush();
  Transaction tx = bob.transaction();
  tx.set<&Item::priority>(item, tx.get<&Item::priority>(item) + 1);
  ada.transact([&](Transaction& t) { t.set<&Item::priority>(item, 7); });
  const CommitOutcome outcome = tx.try_commit();
  const auto* conflict = std::get_if<Conflict>(&outcome);
  ASSERT_NE(conflict, nullptr);
  EXPECT_EQ(conflict->actor, "ada");
  EXPECT_NE(conflict->client, ClientId{});
  EXPECT_EQ(conflict->sequence, Sequence{2}) << "ada's second commit";
}

}  // namespace
}  // namespace odb::test
