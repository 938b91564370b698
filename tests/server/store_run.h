// StoreRun: a server's storage half over any store, from its opening to its stop.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "odb/server/commit_pipeline.h"
#include "odb/server/database.h"

namespace odb::test {

// What a store posts from its own thread, done on the test's.
class ManualHost final : public server::StoreHost {
 public:
  void post(std::function<void()> work) override {
    const std::lock_guard lock(mutex_);
    queue_.push_back(std::move(work));
    changed_.notify_one();
  }
  // Until it is so, within bounds.
  bool run_until(const std::function<bool()>& is_so,
                 std::chrono::milliseconds limit = std::chrono::seconds(20)) {
    const auto deadline = std::chrono::steady_clock::now() + limit;
    while (!is_so()) {
      std::unique_lock lock(mutex_);
      if (!changed_.wait_until(lock, deadline, [this] { return !queue_.empty(); })) return is_so();
      const auto work = std::move(queue_.front());
      queue_.pop_front();
      lock.unlock();
      work();
    }
    return true;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> queue_;
};

class StoreRun final : public server::StoreListener, public server::CommitListener {
 public:
  StoreRun(std::unique_ptr<server::Store> store, HistoryId fresh, server::Limits given = {})
      : limits(given), store_(std::move(store)) {
    auto opened = server::open_database(*store_, fresh, limits);
    if (!opened) {
      error = opened.error();
      return;
    }
    database = *std::move(opened);
    pipeline.emplace(database->state, database->outcomes, engine_, *store_, *this, limits);
    ids_below = database->ids_below;
    store_->start(*this, host);
  }
  ~StoreRun() override { stop(); }

  void stop() {
    if (store_ != nullptr) store_->stop();
  }

  static server::CommitOrigin origin(std::uint64_t sequence, std::uint64_t client = 1) {
    server::CommitOrigin origin;
    origin.session = SessionId{1};
    origin.actor = "ann";
    origin.client = {7, client};
    origin.sequence = Sequence{sequence};
    return origin;
  }
  void define(const SchemaDefinition& schema) {
    pipeline->define(origin(0), schema, 100);
    pipeline->flush();
  }
  // Numbered from 1, not yet given to the store.
  void submit(const Changeset& writes) { submit(origin(++sequence), writes); }
  void submit(server::CommitOrigin from, const Changeset& writes) {
    CommitRequest request;
    request.snapshot = pipeline->published();
    request.writes = writes;
    pipeline->submit(std::move(from), std::move(request), 100);
  }
  void commit(const Changeset& writes) {
    submit(writes);
    pipeline->flush();
  }
  // Everything accepted so far is durable.
  ::testing::AssertionResult settle() {
    const bool is_settled =
        host.run_until([this] { return pipeline->published() == pipeline->accepted(); });
    if (is_settled) return ::testing::AssertionSuccess();
    return ::testing::AssertionFailure() << "not durable in time" << (lost ? lost->message : "");
  }
  bool reserve(ObjectId below) {
    store_->reserve_ids(below);
    return host.run_until([&] { return ids_below >= below; });
  }
  Version version() const { return database->state.version(); }
  // The newest fields of an object; empty when it does not exist.
  std::vector<Value> fields(TypeId type, std::uint64_t object) const {
    const Row* row = database->state.find(type, ObjectId{object}, version());
    if (row == nullptr) return {};
    std::vector<Value> fields;
    const CatalogType* known = database->state.catalog()->find(type);
    for (std::uint32_t i = 0; i < known->fields.size(); ++i) {
      fields.push_back(VersionedState::field_of(*known, *row, FieldId{i}));
    }
    return fields;
  }

  void on_durable(Version up_to) override { pipeline->on_durable(up_to); }
  void on_append_failed(Version from, const Error& reason) override {
    pipeline->on_append_failed(from, reason);
  }
  void on_ids_reserved(ObjectId below) override { ids_below = std::max(ids_below, below); }
  void on_away(const Error& reason) override {
    is_away = true;
    pipeline->on_away(reason);
  }
  void on_back() override {
    is_away = false;
    pipeline->on_back();
  }
  void on_overdue(Version up_to) override { pipeline->on_overdue(up_to); }
  void on_lost(const Error& reason) override {
    lost = reason;
    pipeline->on_lost(reason);
  }

  const server::Limits limits;
  ManualHost host;
  std::unique_ptr<server::Database> database;
  std::optional<Error> error;  // why it did not open
  std::optional<server::CommitPipeline> pipeline;
  std::vector<CommitOutcome> outcomes;  // in the order in which they were told
  ObjectId ids_below;
  std::uint64_t sequence = 0;
  bool is_away = false;
  std::optional<Error> lost;

 private:
  server::AuthorsDelta on_published(CommitRecord&&, const server::CommitOrigin&,
                                    server::Telling) override {
    return server::AuthorsDelta::kSent;
  }
  void on_outcome(const server::CommitOrigin&, CommitOutcome outcome,
                  server::AuthorsDelta) override {
    outcomes.push_back(std::move(outcome));
  }
  void on_schema_defined(const server::CommitOrigin&, const std::string&,
                         const Result<Version>& outcome) override {
    EXPECT_TRUE(outcome) << outcome.error().message;
  }

  const CommitEngine engine_;
  std::unique_ptr<server::Store> store_;
};

}  // namespace odb::test
