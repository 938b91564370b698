// Commits that a program begins one after another and that wait for each other, to share a write.
#include <future>
#include <mutex>
#include <vector>

#include "todo_server.h"

namespace odb::test {
namespace {

constexpr int kCommits = 20;
constexpr std::chrono::seconds kDeadline{20};

// Says that nothing is durable, and counts what arrives.
class SilentStore final : public server::Store {
 public:
  // Once so many commits have arrived.
  SilentStore(std::size_t expected, std::promise<void>& arrived)
      : expected_(expected), arrived_(arrived) {}
  void start(server::StoreListener& listener, server::StoreHost&) override {
    listener_ = &listener;
  }
  void append(const server::CommitBatch& batch) override {
    for (const auto& record : batch.records) {
      if (record->schema) {
        listener_->on_durable(record->version);
      } else if (++commits_ == expected_) {
        arrived_.set_value();
      }
    }
  }
  void reserve_ids(ObjectId below) override { listener_->on_ids_reserved(below); }
  std::string name() const override { return "silent"; }

 private:
  const std::size_t expected_;
  std::promise<void>& arrived_;
  std::size_t commits_ = 0;
  server::StoreListener* listener_ = nullptr;
};

class HeldCommits : public TodoServer {
 protected:
  static void begin_commits(Database& db, const std::string& name = "task") {
    for (int i = 0; i < kCommits; ++i) {
      Transaction tx = db.transaction();
      tx.create(Task{.title = name + " " + std::to_string(i)});
      tx.commit_async([](const CommitOutcome&) {});
    }
  }
};

TEST_F(HeldCommits, GoOutThoughNothingIsAnswered) {
  std::promise<void> arrived;
  server::ServerOptions options;
  options.tokens = {{"ada", kAda}};
  // The connection's own object is a commit, too.
  options.store = std::make_unique<SilentStore>(kCommits, arrived);
  auto started = server::Server::start(std::move(options));
  ASSERT_TRUE(started) << started.error().message;
  server_ = *std::move(started);
  Database db = connect_only();
  db.define(todo_schema());
  begin_commits(db);
  EXPECT_EQ(arrived.get_future().wait_for(kDeadline), std::future_status::ready);
}

TEST_F(HeldCommits, GoOutWhileAHandlerTakesItsTime) {
  start();
  Database watched = client();
  Database other = client(kBob);
  std::promise<void> begun;
  std::promise<void> released;
  std::once_flag once;
  watched.on_commit([&](const Change&) {
    std::call_once(once, [&] {
      begun.set_value();
      released.get_future().wait();
    });
  });
  create(other, {.title = "first"});
  ASSERT_EQ(begun.get_future().wait_for(kDeadline), std::future_status::ready);
  begin_commits(watched);
  const auto until = std::chrono::steady_clock::now() + kDeadline;
  while (other.view().refs<Task>().size() < 1 + kCommits &&
         std::chrono::steady_clock::now() < until) {
    other.flush();
  }
  EXPECT_EQ(other.view().refs<Task>().size(), 1u + kCommits);
  released.set_value();
}

TEST_F(HeldCommits, TakeEffectBeforeTheLinkEnds) {
  start();
  Database other = client(kBob);
  Database db = connect_only();
  db.define(todo_schema());
  begin_commits(db);
  db.disconnect();
  const auto until = std::chrono::steady_clock::now() + kDeadline;
  while (other.view().refs<Task>().size() < kCommits && std::chrono::steady_clock::now() < until) {
    other.flush();
  }
  EXPECT_EQ(other.view().refs<Task>().size(), std::size_t{kCommits});
}

TEST_F(HeldCommits, AreCommittedInTheirOrder) {
  start();
  Database db = client();
  const Ref<Task> task = create(db, {.title = "counter"});
  std::vector<std::int64_t> seen;
  std::promise<void> all;
  Database other = client(kBob);
  other.on_commit([&](const Change& change) {
    seen.push_back(change.view.get<&Task::priority>(task));
    if (seen.size() == 10 * kCommits) all.set_value();
  });
  for (int i = 1; i <= 10 * kCommits; ++i) {
    Transaction tx = db.transaction();
    tx.set<&Task::priority>(task, i);
    tx.commit_async([](const CommitOutcome&) {});
  }
  ASSERT_EQ(all.get_future().wait_for(kDeadline), std::future_status::ready);
  for (std::size_t i = 0; i < seen.size(); ++i)
    EXPECT_EQ(seen[i], static_cast<std::int64_t>(i) + 1);
}

}  // namespace
}  // namespace odb::test
