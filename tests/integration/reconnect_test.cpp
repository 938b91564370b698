// Links that break, and servers that go and come back.
#include <condition_variable>
#include <future>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "support/proxy.h"
#include "todo_server.h"

namespace odb::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// What became of a link, to wait for.
class LinkEvents {
 public:
  std::function<void(const LinkEvent&)> handler() {
    return [this](const LinkEvent& event) {
      const std::lock_guard lock(mutex_);
      events_.push_back(event);
      changed_.notify_all();
    };
  }
  // The next one of all.
  LinkEvent next() {
    std::unique_lock lock(mutex_);
    const bool came = changed_.wait_for(lock, seconds(20), [&] { return seen_ < events_.size(); });
    EXPECT_TRUE(came) << "nothing became of the link";
    return came ? events_[seen_++] : LinkEvent{};
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<LinkEvent> events_;
  std::size_t seen_ = 0;
};

class Reconnecting : public TodoServer {
 protected:
  // Ada is connected through the proxy, Bob directly.
  void begin(server::Limits limits = {}, milliseconds offline_wait = seconds(20)) {
    start(limits);
    proxy_ = std::make_unique<Proxy>(server_->port());
    ada_.emplace(through_proxy(offline_wait));
    bob_.emplace(client(kBob));
  }
  Database through_proxy(milliseconds offline_wait) {
    ConnectOptions options;
    options.offline_wait = offline_wait;
    options.on_link = events_.handler();
    Database db = odb::connect("127.0.0.1", proxy_->port(), kAda, options);
    db.subscribe(todo_schema());
    return db;
  }
  void expect_event(LinkEvent::Kind kind, bool new_history = false) {
    const LinkEvent event = events_.next();
    EXPECT_EQ(event.kind, kind);
    EXPECT_EQ(event.new_history, new_history);
  }
  void break_link() {
    proxy_->cut(true);
    expect_event(LinkEvent::Kind::kReconnecting);
  }

  LinkEvents events_;
  std::unique_ptr<Proxy> proxy_;
  std::optional<Database> ada_;
  std::optional<Database> bob_;
};

TEST_F(Reconnecting, BringsWhatWasMissedAsIfTheClientHadBeenThere) {
  begin();
  std::mutex mutex;
  std::vector<std::pair<std::uint64_t, std::string>> seen;
  ada_->on_commit([&](const Change& change) {
    const std::lock_guard lock(mutex);
    std::string what;
    for (const auto task : change.created_of<Task>()) {
      what += "+" + change.view.get<&Task::title>(task);
    }
    for (const auto task : change.changed_of<Task>()) {
      what += "~" + change.view.get<&Task::title>(task);
    }
    what += std::string(change.deleted_of<Task>().size(), '-');
    seen.emplace_back(change.version.value, what);
  });
  const Ref<Task> first = create(*bob_, {.title = "first"});
  const std::uint64_t version = ada_->flush().value;
  break_link();
  EXPECT_FALSE(ada_->is_connected());
  EXPECT_EQ(ada_->view().get<&Task::title>(first), "first");  // from the cache
  create(*bob_, {.title = "second"});
  bob_->transact([&](Transaction& tx) { tx.set<&Task::priority>(first, 7); });
  bob_->transact([&](Transaction& tx) { tx.remove(first); });
  proxy_->allow();
  expect_event(LinkEvent::Kind::kConnected);
  EXPECT_EQ(ada_->flush(), bob_->version());
  create(*bob_, {.title = "third"});
  ada_->flush();
  EXPECT_EQ(ada_->view().lookup<&Task::status>("open").size(), 2u);
  EXPECT_TRUE(ada_->is_connected());
  ada_->disconnect();  // no handler runs after this
  const std::vector<std::pair<std::uint64_t, std::string>> expected = {{version, "+first"},
                                                                       {version + 1, "+second"},
                                                                       {version + 2, "~first"},
                                                                       {version + 3, "-"},
                                                                       {version + 4, "+third"}};
  EXPECT_EQ(seen, expected);
}

TEST_F(Reconnecting, WhoWaitsGoesOnWhenTheServerIsBack) {
  begin();
  break_link();
  auto flushed = std::async(std::launch::async, [&] { return ada_->flush(); });
  auto created = std::async(std::launch::async, [&] { create(*ada_, {.title = "waited"}); });
  auto subscribed =
      std::async(std::launch::async, [&] { ada_->subscribe(where<&Task::status>("done")); });
  EXPECT_EQ(flushed.wait_for(milliseconds(50)), std::future_status::timeout);
  proxy_->allow();
  flushed.get();
  created.get();
  subscribed.get();
  bob_->flush();
  EXPECT_EQ(bob_->view().lookup<&Task::title>("waited").size(), 1u);
}

TEST_F(Reconnecting, WhoDoesNotWantToWaitIsToldThatNothingWasDone) {
  begin({}, milliseconds(0));
  break_link();
  EXPECT_THROW(ada_->flush(), DisconnectedError);
  Transaction tx = ada_->transaction();
  tx.create(Task{.title = "never"});
  const CommitOutcome outcome = tx.try_commit();
  ASSERT_TRUE(std::holds_alternative<Error>(outcome));
  EXPECT_EQ(std::get<Error>(outcome).code, ErrorCode::kDisconnected);
  proxy_->allow();
  expect_event(LinkEvent::Kind::kConnected);
  ada_->flush();
  bob_->flush();
  EXPECT_TRUE(bob_->view().lookup<&Task::title>("never").empty());
  create(*ada_, {.title = "again"});
}

TEST_F(Reconnecting, TooMuchMissedBecomesOneChange) {
  server::Limits limits;
  limits.retained_versions_max = 4;
  begin(limits);
  const Ref<Task> kept = create(*bob_, {.title = "kept"});
  const Ref<Task> changed = create(*bob_, {.title = "changed"});
  const Ref<Task> deleted = create(*bob_, {.title = "deleted"});
  ada_->flush();
  std::promise<Change> told;
  ada_->on_commit([&, done = false](const Change& change) mutable {
    if (!std::exchange(done, true)) told.set_value(change);
  });
  const View before = ada_->view();
  break_link();
  bob_->transact([&](Transaction& tx) { tx.remove(deleted); });
  const Ref<Task> fresh = create(*bob_, {.title = "fresh"});
  for (int i = 1; i <= 20; ++i) {
    bob_->transact([&](Transaction& tx) { tx.set<&Task::priority>(changed, i); });
  }
  proxy_->allow();
  expect_event(LinkEvent::Kind::kConnected);
  const Change change = told.get_future().get();
  EXPECT_EQ(change.created_of<Task>(), std::vector<Ref<Task>>{fresh});
  EXPECT_EQ(change.changed_of<Task>(), std::vector<Ref<Task>>{changed});
  EXPECT_EQ(change.deleted_of<Task>(), std::vector<Ref<Task>>{deleted});
  EXPECT_TRUE(change.wrote<&Task::priority>(changed));
  EXPECT_FALSE(change.wrote<&Task::title>(changed));
  EXPECT_EQ(change.view.get<&Task::priority>(changed), 20);
  EXPECT_EQ(change.view.get<&Task::title>(kept), "kept");
  EXPECT_EQ(before.get<&Task::title>(deleted), "deleted");  // views stay what they are
  EXPECT_EQ(before.get<&Task::priority>(changed), 0);
  bob_->transact([&](Transaction& tx) { tx.set<&Task::priority>(kept, 1); });
  ada_->flush();
  EXPECT_EQ(ada_->view().get<&Task::priority>(kept), 1);
}

TEST_F(Reconnecting, ANewHistorySaysSoAndOldHandlesAreNoMore) {
  begin();
  const Ref<Task> old = create(*ada_, {.title = "old"});
  const HistoryId history = ada_->history();
  Transaction late = ada_->transaction();
  late.set<&Task::priority>(old, 1);
  const View before = ada_->view();
  std::promise<Change> told;
  ada_->on_commit([&, done = false](const Change& change) mutable {
    if (!std::exchange(done, true)) told.set_value(change);
  });
  // A server that forgot everything, at the same address.
  bob_.reset();
  server_.reset();
  expect_event(LinkEvent::Kind::kReconnecting);
  start();
  proxy_->set_server(server_->port());
  expect_event(LinkEvent::Kind::kConnected, true);
  EXPECT_NE(ada_->history(), history);
  const Change change = told.get_future().get();
  EXPECT_EQ(change.deleted_of<Task>(), std::vector<Ref<Task>>{old});
  EXPECT_EQ(before.get<&Task::title>(old), "old");
  const Ref<Task> fresh = create(*ada_, {.title = "old"});
  EXPECT_NE(fresh, old);
  EXPECT_FALSE(ada_->view().exists(old));
  EXPECT_THROW(ada_->view().get<&Task::title>(old), NotFoundError);
  EXPECT_EQ(code_of([&] { late.commit(); }), ErrorCode::kTooOld);
  EXPECT_EQ(ada_->view().lookup<&Task::title>("old"), std::vector<Ref<Task>>{fresh});
}

TEST_F(Reconnecting, ReactorsLiveOn) {
  begin();
  const Ref<Task> task = create(*bob_, {.title = "watched"});
  ada_->flush();
  std::mutex mutex;
  std::condition_variable ran;
  std::int64_t seen = -1;
  Reactor reactor(*ada_, [&](Transaction& tx) {
    const std::int64_t priority = tx.get<&Task::priority>(task);
    const std::lock_guard lock(mutex);
    seen = priority;
    ran.notify_all();
  });
  const auto wait_for = [&](std::int64_t priority) {
    std::unique_lock lock(mutex);
    return ran.wait_for(lock, seconds(20), [&] { return seen == priority; });
  };
  EXPECT_TRUE(wait_for(0));
  break_link();
  bob_->transact([&](Transaction& tx) { tx.set<&Task::priority>(task, 5); });
  proxy_->allow();
  EXPECT_TRUE(wait_for(5));
}

TEST_F(Reconnecting, AnyOfSeveralServersWillDo) {
  start();
  ConnectOptions options;
  options.on_link = events_.handler();
  Database db = odb::connect({{"127.0.0.1", 1}, {"127.0.0.1", server_->port()}}, kAda, options);
  EXPECT_TRUE(db.is_connected());
}

TEST_F(Reconnecting, IsOptional) {
  begin();
  ConnectOptions options;
  options.reconnect_for = milliseconds(0);
  options.on_link = events_.handler();
  Database db = odb::connect("127.0.0.1", proxy_->port(), kAda, options);
  proxy_->cut(true);
  // One event is Ada's, whose link goes through the proxy too.
  const std::vector<LinkEvent::Kind> kinds = {events_.next().kind, events_.next().kind};
  EXPECT_NE(std::find(kinds.begin(), kinds.end(), LinkEvent::Kind::kGone), kinds.end());
  EXPECT_THROW(db.flush(), DisconnectedError);
}

TEST_F(Reconnecting, GivesUpInTheEnd) {
  start();
  proxy_ = std::make_unique<Proxy>(server_->port());
  ConnectOptions options;
  options.reconnect_for = milliseconds(300);
  options.on_link = events_.handler();
  Database db = odb::connect("127.0.0.1", proxy_->port(), kAda, options);
  proxy_->cut(true);
  expect_event(LinkEvent::Kind::kReconnecting);
  expect_event(LinkEvent::Kind::kGone);
  EXPECT_EQ(code_of([&] { db.flush(); }), ErrorCode::kDisconnected);
}

TEST_F(Reconnecting, ALinkThatBreaksAgainAndAgainLosesNothing) {
  begin();
  std::atomic<bool> done = false;
  std::thread cutter([&] {
    while (!done) {
      std::this_thread::sleep_for(milliseconds(15));
      proxy_->cut(false);
    }
  });
  std::uint64_t last = 0;
  std::uint64_t told = 0;
  ada_->on_commit([&](const Change& change) {
    EXPECT_GT(change.version.value, last);
    last = change.version.value;
    told += change.created.size();
  });
  for (int i = 0; i < 300; ++i) create(*bob_, {.title = "task " + std::to_string(i)});
  done = true;
  cutter.join();
  ada_->flush();
  EXPECT_EQ(ada_->view().lookup<&Task::status>("open").size(), 300u);
  ada_->disconnect();
  EXPECT_EQ(told, 300u);
}

}  // namespace
}  // namespace odb::test
