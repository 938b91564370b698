// One Database used by many threads at once; most worth under the thread sanitizer.
#include <atomic>
#include <chrono>
#include <future>
#include <string>
#include <thread>
#include <vector>

#include "todo_server.h"

namespace odb::test {
namespace {

class ThreadsOverTls : public TodoServer {};

TEST_F(ThreadsOverTls, ManyThreadsCommitThroughOneDatabase) {
  start();
  Database db = client();
  const Ref<Task> counter = create(db, {.title = "counter"});
  std::vector<std::future<void>> threads;
  for (int i = 0; i < 4; ++i) {
    threads.push_back(std::async(std::launch::async, [&] {
      for (int n = 0; n < 100; ++n) {
        db.transact([&](Transaction& tx) {
          tx.set<&Task::priority>(counter, tx.get<&Task::priority>(counter) + 1);
        });
      }
    }));
  }
  for (auto& thread : threads) thread.get();
  EXPECT_EQ(db.view().get<&Task::priority>(counter), 400);
}

TEST_F(ThreadsOverTls, ViewsReadWhileDeltasComeIn) {
  start();
  Database ada = client(kAda);
  Database bob = client(kBob);
  std::vector<Ref<Task>> pair;
  {
    Transaction tx = ada.transaction();
    pair.push_back(tx.create(Task{.title = "left", .priority = 0}));
    pair.push_back(tx.create(Task{.title = "right", .priority = 0}));
    tx.commit();
  }
  bob.flush();
  std::atomic<bool> stop = false;
  std::vector<std::future<std::int64_t>> readers;
  for (int i = 0; i < 3; ++i) {
    readers.push_back(std::async(std::launch::async, [&] {
      std::int64_t reads = 0;
      while (!stop) {
        const View view = bob.view();
        const std::int64_t left = view.get<&Task::priority>(pair[0]);
        const std::int64_t right = view.get<&Task::priority>(pair[1]);
        if (left + right != 0) return std::int64_t{-1};
        const std::size_t open = view.lookup<&Task::status>("open").size();
        if (open + view.lookup<&Task::status>("done").size() != 2) return std::int64_t{-2};
        ++reads;
      }
      return reads;
    }));
  }
  for (int i = 1; i <= 1000; ++i) {
    Transaction tx = ada.transaction();
    tx.set<&Task::priority>(pair[0], i);
    tx.set<&Task::priority>(pair[1], -i);
    tx.set<&Task::status>(pair[0], i % 2 == 0 ? "open" : "done");
    tx.commit();
  }
  stop = true;
  for (auto& reader : readers) EXPECT_GE(reader.get(), 0);
}

TEST_F(ThreadsOverTls, WaitersFollowAndTakeOverTheDriversRole) {
  start();
  Database db = client();
  std::vector<std::future<void>> threads;
  for (int i = 0; i < 6; ++i) {
    threads.push_back(std::async(std::launch::async, [&, i] {
      for (int n = 0; n < 50; ++n) {
        if (i % 2 == 0) {
          db.flush();
        } else {
          create(db, {.title = std::to_string(i) + "/" + std::to_string(n)});
        }
      }
    }));
  }
  for (auto& thread : threads) thread.get();
  EXPECT_EQ(db.view().lookup<&Task::status>("open").size(), 150u);
}

TEST_F(ThreadsOverTls, ADatabaseCanBeDroppedWhileHandlersRun) {
  start();
  Database ada = client(kAda);
  for (int round = 0; round < 10; ++round) {
    std::atomic<int> calls = 0;
    {
      Database bob = client(kBob);
      bob.on_commit([&](const Change&) { ++calls; });
      for (int i = 0; i < 10; ++i) {
        create(ada, {.title = std::to_string(round) + "." + std::to_string(i)});
      }
    }
    const int after = calls;
    create(ada, {.title = std::to_string(round) + ".last"});
    EXPECT_EQ(calls, after);
  }
}

TEST_F(ThreadsOverTls, AHandlerMayDisconnect) {
  start();
  Database ada = client(kAda);
  Database bob = client(kBob);
  std::promise<void> done;
  bob.on_commit([&](const Change&) {
    bob.disconnect();
    done.set_value();
  });
  create(ada, {.title = "goodbye"});
  ASSERT_EQ(done.get_future().wait_for(std::chrono::seconds(30)), std::future_status::ready);
  EXPECT_FALSE(bob.is_connected());
}

}  // namespace
}  // namespace odb::test
