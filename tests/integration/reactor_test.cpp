// Reactors against a real server: when they run, how often, and how they end.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <future>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "todo_server.h"

namespace odb::test {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kNoTime{0};
constexpr std::chrono::seconds kLong{30};  // a test that meets it has failed

// What runs have seen, and waiting for it.
template <class T>
class Seen {
 public:
  void add(T value) {
    const std::lock_guard lock(mutex_);
    values_.push_back(std::move(value));
    changed_.notify_all();
  }
  // The first `count` values, once there are so many; fewer when they did not come.
  std::vector<T> first(std::size_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, kLong, [&] { return values_.size() >= count; });
    return {values_.begin(),
            values_.begin() + static_cast<std::ptrdiff_t>(std::min(count, values_.size()))};
  }
  bool has(const T& value) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, kLong, [&] {
      return std::find(values_.begin(), values_.end(), value) != values_.end();
    });
  }
  std::size_t size() const {
    const std::lock_guard lock(mutex_);
    return values_.size();
  }

 private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<T> values_;
};

template <class Condition>
bool becomes_true(const Condition& condition) {
  const auto deadline = std::chrono::steady_clock::now() + kLong;
  while (!condition() && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::sleep_for(milliseconds(1));
  }
  return condition();
}

class ReactorOverTls : public TodoServer {
 protected:
  static ReactorOptions by_hand() { return {.start = ReactorStart::kByHand}; }

  template <auto Member, class T>
  static void set(Database& db, Ref<Task> task, const T& value) {
    db.transact([&](Transaction& tx) { tx.set<Member>(task, value); });
  }
};

TEST_F(ReactorOverTls, RunsAgainWhenWhatItReadChanges) {
  start();
  Database ada = client(kAda);
  Database bob = client(kBob);
  const Ref<Task> task = create(bob, {.title = "a", .priority = 1});
  ada.flush();
  Seen<std::int64_t> seen;
  const Reactor reactor(ada, [&](Transaction& tx) { seen.add(tx.get<&Task::priority>(task)); });
  EXPECT_EQ(seen.first(1), std::vector<std::int64_t>{1});
  set<&Task::priority>(bob, task, 2);
  EXPECT_EQ(seen.first(2), (std::vector<std::int64_t>{1, 2}));
  set<&Task::priority>(ada, task, 3);
  EXPECT_EQ(seen.first(3), (std::vector<std::int64_t>{1, 2, 3}));
  EXPECT_TRUE(reactor.is_running());
}

TEST_F(ReactorOverTls, RunsForExactlyWhatItRead) {
  start();
  Database ada = client(kAda);
  Database bob = client(kBob);
  const Ref<Task> mine = create(bob, {.title = "mine"});
  const Ref<Task> other = create(bob, {.title = "other"});
  ada.flush();
  const IndexId by_title = ada.catalog()->find(TypeName{"todo", "Task"})->find_index("title")->id;
  const auto titles_from_p_to_q = [&](Transaction& tx) {
    tx.range({.index = by_title,
              .prefix = {},
              .lower = RangeBound{Value::text("p")},
              .upper = RangeBound{Value::text("q")}});
  };
  enum Reads { kCell, kExistence, kValue, kRange, kMembership, kAll };
  const std::vector<Reactor::Function> functions{
      [&](Transaction& tx) {
        try {
          tx.get<&Task::priority>(mine);
        } catch (const NotFoundError&) {  // in the end
        }
      },
      [&](Transaction& tx) { tx.exists(mine); },
      [&](Transaction& tx) { tx.lookup<&Task::status>("open"); },
      titles_from_p_to_q,
      [&](Transaction& tx) { tx.refs<Task>(); },
  };
  std::vector<int> runs(kAll);
  std::vector<std::unique_ptr<Reactor>> reactors;
  for (int i = 0; i < kAll; ++i) {
    reactors.push_back(std::make_unique<Reactor>(
        ada,
        [&, i](Transaction& tx) {
          ++runs[i];
          functions[i](tx);
        },
        by_hand()));
    ASSERT_TRUE(reactors.back()->next());
  }
  // Runs whichever reactors a commit has woken.
  const auto woken_by = [&](const std::function<void(Transaction&)>& body) {
    bob.transact(body);
    ada.flush();  // with it every change before has been judged
    std::vector<int> woken;
    for (int i = 0; i < kAll; ++i) {
      const int before = runs[i];
      while (reactors[i]->next(kNoTime)) {
      }
      EXPECT_LE(runs[i] - before, 1) << i;
      if (runs[i] != before) woken.push_back(i);
    }
    return woken;
  };
  using Woken = std::vector<int>;
  EXPECT_EQ(woken_by([&](Transaction& tx) { tx.set<&Task::priority>(other, 5); }), Woken{});
  EXPECT_EQ(woken_by([&](Transaction& tx) { tx.set<&Task::parent>(mine, other); }), Woken{});
  EXPECT_EQ(woken_by([&](Transaction& tx) { tx.set<&Task::priority>(mine, 5); }), Woken{kCell});
  EXPECT_EQ(woken_by([&](Transaction& tx) { tx.add(mine, FieldId{2}, Value::integer(1)); }),
            Woken{kCell});
  EXPECT_EQ(woken_by([&](Transaction& tx) { tx.set<&Task::status>(mine, "done"); }), Woken{kValue});
  EXPECT_EQ(woken_by([&](Transaction& tx) { tx.set<&Task::status>(mine, "late"); }), Woken{});
  EXPECT_EQ(woken_by([&](Transaction& tx) { tx.set<&Task::title>(mine, "pq"); }), Woken{kRange});
  EXPECT_EQ(woken_by([&](Transaction& tx) { tx.set<&Task::title>(mine, "r"); }), Woken{kRange});
  EXPECT_EQ(woken_by([&](Transaction& tx) { tx.set<&Task::title>(mine, "s"); }), Woken{});
  EXPECT_EQ(woken_by([&](Transaction& tx) { tx.create(Task{.title = "z", .status = "late"}); }),
            Woken{kMembership});
  EXPECT_EQ(woken_by([&](Transaction& tx) { tx.remove(mine); }),
            (Woken{kCell, kExistence, kMembership}));
}

TEST_F(ReactorOverTls, ItsOwnCommitsWakeItUntilNothingIsLeftToDo) {
  start();
  Database db = client();
  const Ref<Task> task = create(db, {.title = "a", .priority = 0});
  int runs = 0;
  Reactor reactor(
      db,
      [&](Transaction& tx) {
        ++runs;
        const std::int64_t priority = tx.get<&Task::priority>(task);
        if (priority < 5) tx.set<&Task::priority>(task, priority + 1);
      },
      by_hand());
  while (reactor.next(kNoTime)) ASSERT_LE(runs, 10);
  EXPECT_EQ(runs, 6) << "five that write, and one that finds nothing to do";
  EXPECT_EQ(db.view().get<&Task::priority>(task), 5);
}

TEST_F(ReactorOverTls, ItsOwnCommitOfWhatItDidNotReadDoesNotWakeIt) {
  start();
  Database db = client();
  const Ref<Task> task = create(db, {.title = "a", .priority = 1});
  Reactor reactor(
      db,
      [&](Transaction& tx) {
        tx.set<&Task::status>(task, std::to_string(tx.get<&Task::priority>(task)));
      },
      by_hand());
  EXPECT_TRUE(reactor.next());
  EXPECT_FALSE(reactor.next(kNoTime));
  set<&Task::priority>(db, task, 2);
  EXPECT_TRUE(reactor.next(kNoTime));
  EXPECT_FALSE(reactor.next(kNoTime));
  EXPECT_EQ(db.view().get<&Task::status>(task), "2");
}

TEST_F(ReactorOverTls, MissesNothingThatIsCommittedWhileItRuns) {
  start();
  Database db = client();
  const Ref<Task> task = create(db, {.title = "a", .priority = 1});
  std::vector<std::int64_t> seen;
  Reactor reactor(
      db,
      [&](Transaction& tx) {
        if (seen.empty()) set<&Task::priority>(db, task, 2);  // after the snapshot, before the read
        seen.push_back(tx.get<&Task::priority>(task));
        if (seen.size() == 2) set<&Task::priority>(db, task, 3);  // after the read
      },
      by_hand());
  EXPECT_TRUE(reactor.next());
  EXPECT_TRUE(reactor.next(kNoTime));
  EXPECT_TRUE(reactor.next(kNoTime));
  EXPECT_FALSE(reactor.next(kNoTime));
  EXPECT_EQ(seen, (std::vector<std::int64_t>{1, 2, 3}));
}

TEST_F(ReactorOverTls, MissesNoneOfManyCommitsOneAfterTheOther) {
  start();
  Database ada = client(kAda);
  Database bob = client(kBob);
  const Ref<Task> ping = create(bob, {.title = "ping"});
  const Ref<Task> pong = create(bob, {.title = "pong"});
  ada.flush();
  const auto follow = [](Ref<Task> from, Ref<Task> to) {
    return [=](Transaction& tx) {
      const std::int64_t wanted = tx.get<&Task::priority>(from);
      if (tx.get<&Task::priority>(to) != wanted) tx.set<&Task::priority>(to, wanted);
    };
  };
  const Reactor reactor(ada, follow(ping, pong));
  for (int i = 1; i <= 300; ++i) {
    set<&Task::priority>(bob, ping, i);
    ASSERT_TRUE(Reactor::block_until_true(
        bob, [&](Transaction& tx) { return tx.get<&Task::priority>(pong) == i; }, kLong))
        << i;
  }
}

TEST_F(ReactorOverTls, AConflictIsRetriedWithinTheRun) {
  start();
  Database ada = client(kAda);
  Database bob = client(kBob);
  const Ref<Task> task = create(bob, {.title = "a", .priority = 1});
  ada.flush();
  int calls = 0;
  Reactor reactor(
      ada,
      [&](Transaction& tx) {
        const std::int64_t priority = tx.get<&Task::priority>(task);
        if (++calls <= 3) set<&Task::priority>(bob, task, priority + 10);
        tx.set<&Task::status>(task, std::to_string(priority));
      },
      by_hand());
  EXPECT_TRUE(reactor.next());
  EXPECT_EQ(calls, 4);
  EXPECT_EQ(ada.view().get<&Task::status>(task), "31");
  EXPECT_FALSE(reactor.next(kNoTime)) << "the last attempt saw every change";
}

TEST_F(ReactorOverTls, AConflictThatNeverEndsIsAnError) {
  start();
  Database ada = client(kAda);
  Database bob = client(kBob);
  const Ref<Task> task = create(bob, {.title = "a"});
  ada.flush();
  int calls = 0;
  Reactor reactor(ada,
                  [&](Transaction& tx) {
                    set<&Task::priority>(bob, task, tx.get<&Task::priority>(task) + ++calls);
                    tx.set<&Task::status>(task, "never");
                  },
                  {.start = ReactorStart::kByHand, .attempts = 3});
  EXPECT_THROW(reactor.next(), ConflictError);
  EXPECT_EQ(calls, 3);
  EXPECT_EQ(ada.view().get<&Task::status>(task), "open");
}

TEST_F(ReactorOverTls, OneThatReadNothingSaysThatItWillNeverWakeAndEnds) {
  start();
  Database db = client();
  Seen<std::string> errors;
  Reactor reactor(db, [](Transaction&) {}, {.on_error = [&](std::exception_ptr error) {
                    try {
                      std::rethrow_exception(error);
                    } catch (const UsageError& thrown) {
                      errors.add(thrown.what());
                    }
                  }});
  ASSERT_EQ(errors.first(1).size(), 1u);
  EXPECT_NE(errors.first(1)[0].find("never wake"), std::string::npos);
  EXPECT_TRUE(becomes_true([&] { return !reactor.is_running(); }));
  EXPECT_TRUE(reactor.will_never_wake());
  EXPECT_FALSE(reactor.end_reason());

  Reactor by_hand_only(
      db, [](Transaction&) {}, by_hand());
  EXPECT_TRUE(by_hand_only.next());
  EXPECT_THROW(by_hand_only.next(), UsageError);
  EXPECT_FALSE(by_hand_only.next(milliseconds(1)));
}

TEST_F(ReactorOverTls, AnErrorIsToldAndTheRunTriedAgainAfterGrowingPauses) {
  start();
  Database db = client();
  const Ref<Task> task = create(db, {.title = "a", .priority = 7});
  Seen<std::int64_t> seen;
  Seen<std::chrono::steady_clock::time_point> calls;
  Seen<std::string> errors;
  const Reactor reactor(db,
                        [&](Transaction& tx) {
                          calls.add(std::chrono::steady_clock::now());
                          tx.set<&Task::status>(task, "not committed");
                          if (calls.size() <= 3) throw std::runtime_error("broken");
                          seen.add(tx.get<&Task::priority>(task));
                        },
                        {.on_error =
                             [&](std::exception_ptr error) {
                               try {
                                 std::rethrow_exception(error);
                               } catch (const std::exception& thrown) {
                                 errors.add(thrown.what());
                                 EXPECT_EQ(db.view().get<&Task::status>(task), "open");
                               }
                               throw std::runtime_error("thrown by on_error, in vain");
                             },
                         .error_pause = milliseconds(10),
                         .error_pause_max = milliseconds(20)});
  EXPECT_EQ(seen.first(1), std::vector<std::int64_t>{7});
  EXPECT_EQ(errors.first(3), std::vector<std::string>(3, "broken"));
  const auto times = calls.first(4);
  EXPECT_GE(times[1] - times[0], milliseconds(10));
  EXPECT_GE(times[2] - times[1], milliseconds(20));
  EXPECT_GE(times[3] - times[2], milliseconds(20)) << "bounded";
  EXPECT_LT(times[3] - times[2], kLong);
  set<&Task::priority>(db, task, 8);
  EXPECT_EQ(seen.first(2).size(), 2u) << "it goes on";
}

// Whatever kind of read it is: fetched, and told of from then on.
TEST_F(ReactorOverTls, RunsAgainWhenWhatNoSubscriptionCoversChanges) {
  start();
  Database ada = client(kAda);
  const Ref<Task> task = create(ada, {.title = "a", .status = "done", .priority = 1});
  Database bob = connect_only(kBob);
  bob.define(todo_schema());
  using Read = std::function<std::size_t(Transaction&)>;
  const auto follows = [&](const Read& read, const std::function<void(Transaction&)>& change) {
    std::size_t seen = 0;
    Reactor reactor(
        bob, [&](Transaction& tx) { seen = read(tx); }, by_hand());
    EXPECT_TRUE(reactor.next());
    const std::size_t before = seen;
    ada.transact([&](Transaction& tx) { tx.create(Task{.title = "beside", .status = "beside"}); });
    ada.transact([&](Transaction& tx) { tx.remove(tx.lookup_unique<&Task::title>("beside")); });
    ada.transact(change);
    bob.flush();
    EXPECT_TRUE(reactor.next(kLong));
    EXPECT_NE(seen, before);
  };
  follows([&](Transaction& tx) { return tx.get<&Task::title>(task).size(); },
          [&](Transaction& tx) { tx.set<&Task::title>(task, "longer"); });
  follows([&](Transaction& tx) { return tx.lookup<&Task::status>("done").size(); },
          [&](Transaction& tx) { tx.create(Task{.title = "b", .status = "done"}); });
  follows(
      [&](Transaction& tx) { return tx.range<&Task::status>(at_least("d"), below("e")).size(); },
      [&](Transaction& tx) { tx.create(Task{.title = "c", .status = "done"}); });
  follows([&](Transaction& tx) { return tx.refs<Task>().size(); },
          [&](Transaction& tx) { tx.create(Task{.title = "d"}); });
  follows([&](Transaction& tx) { return tx.exists(task) ? 1u : 0u; },
          [&](Transaction& tx) { tx.remove(task); });
  // Nothing of it stays subscribed to.
  EXPECT_EQ(ada.view().refs<Task>().size(), 3u);
  EXPECT_EQ(bob.view().refs<Task>().size(), 0u);
}

// What it reads may change while it makes its subscription: its commit is judged after that.
TEST_F(ReactorOverTls, MissesNoChangeBetweenFetchingAndSubscribing) {
  start();
  Database ada = client(kAda);
  const Ref<Task> source = create(ada, {.title = "source"});
  const Ref<Task> copy = create(ada, {.title = "copy"});
  Database bob = connect_only(kBob);
  bob.define(todo_schema());
  for (const bool writes : {false, true}) {
    std::int64_t interfere = ada.view().get<&Task::priority>(source) + 1;
    const std::int64_t expected = interfere;
    std::int64_t seen = -1;
    Reactor reactor(
        bob,
        [&](Transaction& tx) {
          seen = tx.get<&Task::priority>(source);
          if (writes) tx.set<&Task::priority>(copy, seen);
          if (interfere == 0) return;
          ada.transact([&](Transaction& other) {
            other.set<&Task::priority>(source, std::exchange(interfere, 0));
          });
        },
        by_hand());
    EXPECT_TRUE(reactor.next());
    while (seen != expected) ASSERT_TRUE(reactor.next(kLong));
    if (writes) {
      ada.flush();
      EXPECT_EQ(ada.view().get<&Task::priority>(copy), expected);
    }
  }
}

TEST_F(ReactorOverTls, WhatIsMarkedAsReadMustBeCovered) {
  start();
  Database ada = client(kAda);
  const Ref<Task> task = create(ada, {.title = "a"});
  Database bob = connect_only(kBob);
  bob.define(todo_schema());
  Reactor reactor(
      bob,
      [&](Transaction& tx) {
        tx.mark_read(task, FieldId{0});
        tx.create(Task{.title = "not committed"});
      },
      by_hand());
  EXPECT_EQ(code_of([&] { reactor.next(); }), ErrorCode::kNotSubscribed);
  EXPECT_EQ(ada.view().refs<Task>().size(), 1u);
}

TEST_F(ReactorOverTls, AConditionMayReadWhatNothingCovers) {
  start();
  Database ada = client(kAda);
  const Ref<Task> task = create(ada, {.title = "a"});
  Database bob = connect_only(kBob);
  bob.define(todo_schema());
  bool first = true;
  EXPECT_TRUE(Reactor::block_until_true(
      bob,
      [&](Transaction& tx) {
        if (std::exchange(first, false)) {
          ada.transact([&](Transaction& other) { other.set<&Task::status>(task, "done"); });
        }
        return tx.get<&Task::status>(task) == "done";
      },
      kLong));
}

TEST_F(ReactorOverTls, RunsAtTheTimeThatItAskedForAndNotBefore) {
  start();
  Database db = client();
  using Time = Reactor::Timestamp;
  const Time time = std::chrono::system_clock::now() + milliseconds(200);
  struct Run {
    bool is_after;
    Time began;
  };
  Seen<Run> runs;
  const Reactor reactor(db, [&](Transaction&) {
    const Time began = std::chrono::system_clock::now();
    const bool is_after = Reactor::current_timestamp_is_after(time);
    // Later ones do not make it wake earlier, those that have come not at all.
    Reactor::current_timestamp_is_after(time + std::chrono::hours(1));
    EXPECT_TRUE(Reactor::current_timestamp_is_after(time - std::chrono::hours(1)));
    runs.add({is_after, began});
  });
  const std::vector<Run> seen = runs.first(2);
  ASSERT_EQ(seen.size(), 2u);
  EXPECT_FALSE(seen[0].is_after);
  EXPECT_TRUE(seen[1].is_after);
  EXPECT_GE(seen[1].began, time);
  EXPECT_TRUE(Reactor::current_timestamp_is_after(time)) << "outside of a reactor: now";
}

TEST_F(ReactorOverTls, ReadingTheClockRepeatsTheRunAfterTheInterval) {
  start();
  Database db = client();
  std::vector<Reactor::Timestamp> times;
  Reactor reactor(db, [&](Transaction&) { times.push_back(Reactor::current_timestamp()); },
                  {.start = ReactorStart::kByHand, .clock_interval = milliseconds(30)});
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(reactor.next());
  EXPECT_GE(times[1] - times[0], milliseconds(30));
  EXPECT_GE(times[2] - times[1], milliseconds(30));

  int runs = 0;
  Reactor periodic(db, [&](Transaction&) { ++runs; },
                   {.start = ReactorStart::kByHand, .sleep_max = milliseconds(10)});
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(periodic.next());
  EXPECT_EQ(runs, 3);
}

TEST_F(ReactorOverTls, TheEndOfTheConnectionEndsItAndTheReasonIsKept) {
  start();
  ConnectOptions options;
  options.reconnect_for = {};  // so that the end of the link is the end of all
  Database db = client(kAda, options);
  const Ref<Task> task = create(db, {.title = "a"});
  Seen<std::int64_t> seen;
  Reactor reactor(db, [&](Transaction& tx) { seen.add(tx.get<&Task::priority>(task)); });
  Reactor waiting(
      db, [&](Transaction& tx) { tx.get<&Task::priority>(task); }, by_hand());
  ASSERT_TRUE(waiting.next());
  ASSERT_EQ(seen.first(1).size(), 1u);
  EXPECT_FALSE(reactor.end_reason());
  server_->stop();
  EXPECT_THROW(waiting.next(kLong), Exception);
  EXPECT_TRUE(becomes_true([&] { return !reactor.is_running(); }));
  ASSERT_TRUE(reactor.end_reason());
  EXPECT_FALSE(reactor.end_reason()->message.empty());
  EXPECT_FALSE(reactor.will_never_wake());
  reactor.stop();
  EXPECT_EQ(seen.size(), 1u);
}

TEST_F(ReactorOverTls, ADatabaseMayBeDestroyedFirst) {
  start();
  for (int round = 0; round < 5; ++round) {
    auto db = std::make_unique<Database>(client());
    Seen<std::size_t> seen;
    Reactor reactor(*db, [&](Transaction& tx) { seen.add(tx.refs<Task>().size()); });
    Reactor by_hand_only(
        *db, [&](Transaction& tx) { tx.refs<Task>(); }, by_hand());
    if (round > 0) {  // else at any moment of its beginning
      ASSERT_EQ(seen.first(1).size(), 1u);
    }
    db.reset();
    EXPECT_TRUE(becomes_true([&] { return !reactor.is_running(); }));
    EXPECT_EQ(reactor.end_reason()->code, ErrorCode::kDisconnected);
    EXPECT_THROW(by_hand_only.next(kLong), DisconnectedError);
  }
}

TEST_F(ReactorOverTls, StopsAndStartsAgain) {
  start();
  Database db = client();
  const Ref<Task> task = create(db, {.title = "a", .priority = 1});
  Seen<std::int64_t> seen;
  Reactor reactor(db, [&](Transaction& tx) { seen.add(tx.get<&Task::priority>(task)); });
  ASSERT_EQ(seen.first(1).size(), 1u);
  EXPECT_THROW(reactor.next(), UsageError);
  reactor.start();  // runs already
  reactor.stop();
  EXPECT_FALSE(reactor.is_running());
  set<&Task::priority>(db, task, 2);
  EXPECT_EQ(seen.size(), 1u);
  reactor.start();
  EXPECT_EQ(seen.first(2), (std::vector<std::int64_t>{1, 2}));
  reactor.stop();
  reactor.stop();
}

TEST_F(ReactorOverTls, MayBeStoppedOrDestroyedByItsOwnFunction) {
  start();
  Database db = client();
  create(db, {.title = "a"});
  std::promise<void> destroyed;
  std::atomic<int> runs = 0;
  auto own = std::make_shared<std::unique_ptr<Reactor>>();
  *own = std::make_unique<Reactor>(
      db,
      [&, own](Transaction& tx) {
        tx.refs<Task>();
        ++runs;
        own->reset();
        destroyed.set_value();
      },
      by_hand());
  (*own)->start();
  ASSERT_EQ(destroyed.get_future().wait_for(kLong), std::future_status::ready);

  std::unique_ptr<Reactor> stopped;
  std::promise<void> done;
  stopped = std::make_unique<Reactor>(
      db,
      [&](Transaction& tx) {
        tx.refs<Task>();
        stopped->stop();
        EXPECT_THROW(stopped->start(), UsageError);
        done.set_value();
      },
      by_hand());
  stopped->start();
  ASSERT_EQ(done.get_future().wait_for(kLong), std::future_status::ready);
  EXPECT_TRUE(becomes_true([&] { return !stopped->is_running(); }));
  create(db, {.title = "b"});
  EXPECT_EQ(runs, 1);
}

TEST_F(ReactorOverTls, StopEndsAWaitInNext) {
  start();
  Database db = client();
  Reactor reactor(
      db, [&](Transaction& tx) { tx.refs<Task>(); }, by_hand());
  ASSERT_TRUE(reactor.next());
  auto waiting = std::async(std::launch::async, [&] { return reactor.next(); });
  // Whether it waits already cannot be told from outside: stop until it has returned.
  while (waiting.wait_for(milliseconds(1)) != std::future_status::ready) reactor.stop();
  EXPECT_FALSE(waiting.get());
  create(db, {.title = "a"});
  EXPECT_TRUE(reactor.next(kNoTime));
}

TEST_F(ReactorOverTls, BlocksUntilAConditionIsTrue) {
  start();
  Database ada = client(kAda);
  Database bob = client(kBob);
  const Ref<Task> task = create(bob, {.title = "a", .priority = 0});
  ada.flush();
  int evaluations = 0;
  const auto is_three = [&](Transaction& tx) {
    ++evaluations;
    tx.set<&Task::status>(task, "never");
    return tx.get<&Task::priority>(task) == 3;
  };
  EXPECT_FALSE(Reactor::block_until_true(ada, is_three, milliseconds(20)));
  EXPECT_EQ(evaluations, 1);
  auto waiting =
      std::async(std::launch::async, [&] { return Reactor::block_until_true(ada, is_three); });
  for (int i = 1; i <= 3; ++i) set<&Task::priority>(bob, task, i);
  EXPECT_TRUE(waiting.get());
  EXPECT_LE(evaluations, 5);
  EXPECT_EQ(bob.view().get<&Task::status>(task), "open");
  EXPECT_THROW(Reactor::block_until_true(ada, [](Transaction&) { return false; }), UsageError);
  EXPECT_TRUE(Reactor::block_until_true(ada, [](Transaction&) { return true; }));
  bob.disconnect();
  EXPECT_THROW(Reactor::block_until_true(bob, is_three), DisconnectedError);
}

TEST_F(ReactorOverTls, AWaitEndsWithWhatWhileWaitingThrows) {
  start();
  std::atomic<bool> interrupted = false;
  Database db = client(kAda, {.while_waiting = [&] {
                         if (interrupted) throw std::runtime_error("interrupted");
                       }});
  const auto never = [&](Transaction& tx) {
    tx.refs<Task>();
    interrupted = true;
    return false;
  };
  EXPECT_THROW(Reactor::block_until_true(db, never), std::runtime_error);
}

}  // namespace
}  // namespace odb::test
