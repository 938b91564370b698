// A pipeline over a store that the test directs, with a listener that writes down what it is told.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "odb/server/commit_pipeline.h"
#include "support/changes.h"
#include "support/fake_store.h"
#include "support/todo_schema.h"

namespace odb::test {

// "published 3", "accepted 3 of 1", "conflict of 2", "refused(unique violation) of 4", "defined at
// 1".
class Told final : public server::CommitListener {
 public:
  explicit Told(const FakeStore& store) : store_(store) {}

  server::AuthorsDelta on_published(server::CommitRecord&& record, const server::CommitOrigin&,
                                    server::Telling) override {
    EXPECT_LE(record.version, durable()) << "published before it is durable";
    tell("published " + std::to_string(record.version.value));
    return server::AuthorsDelta::kSent;
  }
  void on_outcome(const server::CommitOrigin& origin, CommitOutcome outcome,
                  server::AuthorsDelta) override {
    const std::string of = " of " + std::to_string(origin.sequence.value);
    if (const auto* accepted = std::get_if<Accepted>(&outcome)) {
      EXPECT_LE(accepted->version, durable());
      tell("accepted " + std::to_string(accepted->version.value) + of);
    } else if (auto* conflict = std::get_if<Conflict>(&outcome)) {
      EXPECT_LE(conflict->won, durable()) << "a refusal because of what is not durable";
      conflicts.push_back(*conflict);
      tell("conflict with " + std::to_string(conflict->won.value) + of);
    } else {
      tell("refused(" + std::string(to_string(std::get<Error>(outcome).code)) + ")" + of);
    }
  }
  void on_schema_defined(const server::CommitOrigin&, const std::string& schema,
                         const Result<Version>& outcome) override {
    tell(schema + (outcome ? " defined at " + std::to_string(outcome->value)
                           : " refused(" + std::string(to_string(outcome.error().code)) + ")"));
  }

  // What was told since the last call.
  std::vector<std::string> take() { return std::exchange(told_, {}); }
  std::vector<Conflict> conflicts;

 private:
  Version durable() const {
    return store_.durable().empty() ? Version{} : store_.durable().back().version;
  }
  void tell(std::string what) { told_.push_back(std::move(what)); }

  const FakeStore& store_;
  std::vector<std::string> told_;
};

class PipelineFixture final : public server::StoreListener, private server::StoreHost {
 public:
  explicit PipelineFixture(server::Limits given = {})
      : limits(given),
        outcomes(limits),
        store(FakeStore::Completion::kWhenTold),
        told(store),
        pipeline(state, outcomes, engine, store, told, limits) {
    store.start(*this, *this);
  }

  // Sequence numbers count from 1; `actor` submits.
  void submit(const Changeset& writes, const ReadSet& reads = {}, Version snapshot = {},
              const std::string& actor = "ann", std::size_t bytes = 100) {
    pipeline.submit({.session = SessionId{1},
                     .actor = actor,
                     .client = client_of(actor),
                     .sequence = Sequence{++sequence_},
                     .request = {}},
                    {snapshot, reads, writes}, bytes);
  }
  void define(const SchemaDefinition& schema) {
    pipeline.define({.session = SessionId{1}, .actor = "ann"}, schema, 100);
  }
  // The shared schema as version 1, durable and told.
  void start() {
    define(todo_schema());
    pipeline.flush();
    store.complete_all();
    EXPECT_EQ(told.take(), (std::vector<std::string>{"published 1", "todo defined at 1"}));
  }

  void on_durable(Version up_to) override { pipeline.on_durable(up_to); }
  void on_append_failed(Version from, const Error& reason) override {
    pipeline.on_append_failed(from, reason);
  }
  void on_ids_reserved(ObjectId) override {}

  const server::Limits limits;
  VersionedState state;
  server::OutcomeTable outcomes;
  CommitEngine engine;
  FakeStore store;
  Told told;
  server::CommitPipeline pipeline;

  static ClientId client_of(const std::string& actor) { return {1, actor.size() + actor[0]}; }

 private:
  void post(std::function<void()> work) override { work(); }

  std::uint64_t sequence_ = 0;
};

}  // namespace odb::test
