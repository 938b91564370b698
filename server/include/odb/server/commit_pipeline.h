// CommitPipeline: validate -> append (group commit) -> publish, in version order.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "odb/core/changeset.h"
#include "odb/core/commit_engine.h"
#include "odb/core/versioned_state.h"
#include "odb/server/limits.h"
#include "odb/server/queue.h"
#include "odb/server/store.h"

namespace odb::server {

// Whose commit it is, and where its outcome goes.
struct CommitOrigin {
  SessionId session;
  std::string actor;
  ClientId client;
  Sequence sequence;
  RequestId request;  // of a schema change
  bool keeps_created = false;
  bool tries_again = false;      // of a commit: after a conflict, at once
  Sequence lowest_unresolved{};  // the client knows the outcomes of all lower ones; 0: says nothing
  Delivery delivery = Delivery::kFirst;
};

// How an author learns what its commit changed, as far as it is interested in that.
enum class AuthorsDelta : std::uint8_t {
  kSent,     // as everybody does
  kOutcome,  // from the outcome: it sees all of what it has sent, just so
};
enum class Telling : std::uint8_t { kOutcome, kNothing };

// Told what became of each submission, in version order and only once everything that the news
// depends on is durable.
class CommitListener {
 public:
  virtual ~CommitListener() = default;
  // The state holds record.version now; deltas go out before the outcome. `telling`: whether the
  // outcome follows, which the author may take for its delta.
  virtual AuthorsDelta on_published(CommitRecord&& record, const CommitOrigin& origin,
                                    Telling telling) = 0;
  virtual void on_outcome(const CommitOrigin& origin, CommitOutcome outcome,
                          AuthorsDelta authors) = 0;
  virtual void on_schema_defined(const CommitOrigin& origin, const std::string& schema,
                                 const Result<Version>& outcome) = 0;
  // All that became durable together has been told.
  virtual void on_all_told() {}
};

// Three watermarks: accepted >= durable >= published. Between accepted and durable a version is in
// the state but nobody may see it: not the author, not a subscriber, and not through a refusal that
// it causes. When the store surely failed, accepted falls back to durable.
class CommitPipeline final : public StoreListener {
 public:
  CommitPipeline(VersionedState& state, OutcomeTable& outcomes, const CommitEngine& engine,
                 Store& store, CommitListener& listener, const Limits& limits);

  // Judges and, if it may commit, makes it the newest accepted version. `bytes` is its size on the
  // wire. A commit that took effect before is not judged: its first outcome is told again, once it
  // is durable; kOutcomeUnknown when it may have, kUnavailable while the store is away.
  void submit(CommitOrigin&& origin, CommitRequest&& request, std::size_t bytes);
  void define(CommitOrigin origin, SchemaDefinition schema, std::size_t bytes);

  // Hands everything accepted since the last call to the store in one batch: after all that arrived
  // has been submitted.
  void flush();

  // Whether on_all_told() is still to come.
  bool is_telling() const { return publishing_; }

  Version accepted() const { return state_.version(); }
  Version durable() const { return durable_; }
  Version published() const { return published_; }
  // What clients may know of: the catalog as of published().
  const std::shared_ptr<const Catalog>& published_catalog() const { return published_catalog_; }

  // The oldest version that clients still read: it and later ones are kept, as far as
  // Limits::held_bytes_max allows. Nothing: none is.
  void hold(std::optional<Version> oldest) { held_ = oldest; }

  // Versions that the log tells of, and the size of their commits on the wire.
  std::size_t retained_versions() const { return log_.size(); }
  std::size_t retained_bytes() const { return log_bytes_; }

  void on_durable(Version up_to) override;
  void on_append_failed(Version from, const Error& reason) override;
  void on_ids_reserved(ObjectId) override {}
  // Nothing new is judged while the store is away.
  void on_away(const Error& reason) override { away_ = reason; }
  void on_back() override { away_.reset(); }
  void on_overdue(Version up_to) override;
  void on_lost(const Error& reason) override;

 private:
  struct Submission {
    CommitOrigin origin;
    std::variant<CommitRequest, SchemaDefinition> what;
    std::size_t bytes = 0;
  };
  // To be judged again after a rollback.
  struct Refused {
    Submission submission;
    std::variant<CommitOutcome, Error> answer;
  };
  // Accepted, or refused because of versions that are not durable yet.
  struct Pending {
    Version version;  // accepted as this, or refused when this was the newest accepted
    CommitOrigin origin;
    std::size_t bytes = 0;
    std::optional<CommitRecord> record;      // of an accepted one
    std::shared_ptr<const Catalog> catalog;  // after it, when it is a schema change
    std::unique_ptr<Refused> refused;        // of any other
    bool is_told = false;  // that its outcome is unknown, or that it was not committed
  };
  struct LogEntry {
    std::string actor;
    ClientId client;
    Sequence sequence;
    std::size_t bytes = 0;
  };

  bool answer_known(CommitOrigin& origin, CommitRequest& request, std::size_t bytes);
  void refuse_away(const CommitOrigin& origin, const SchemaDefinition& schema);
  Error unavailable(const Error& reason) const;
  void tell_error(const CommitOrigin& origin, Error error);
  void tell(const Pending& pending, Error error);
  // These take what they need of the submission. Most commits are accepted, so that only a refusal
  // is made one.
  void judge(Submission& submission);
  void judge_commit(CommitOrigin& origin, CommitRequest& request, std::size_t bytes);
  void judge_schema(CommitOrigin& origin, SchemaDefinition& schema, std::size_t bytes);
  CommitRecord& accept(CommitOrigin& taken, std::size_t bytes, Version version);
  void refuse(Submission submission, std::variant<CommitOutcome, Error> refusal);
  void tell_refusal(const CommitOrigin& origin, std::string schema,
                    std::variant<CommitOutcome, Error> refusal);
  void publish(Pending& pending);
  void publish_durable();
  bool rests_on_what_failed(const Refused& refused) const;
  void name_winner(Conflict& conflict) const;
  void trim();

  VersionedState& state_;
  OutcomeTable& outcomes_;
  const CommitEngine& engine_;
  Store& store_;
  CommitListener& listener_;
  const Limits& limits_;
  Version durable_;
  Version published_;
  std::optional<Error> away_;
  std::optional<Version> held_;
  std::shared_ptr<const Catalog> published_catalog_;
  bool publishing_ = false;

  Queue<Pending> pending_;                   // in version order
  std::vector<const CommitRecord*> unsent_;  // accepted, not yet given to the store; in pending_

  Queue<LogEntry> log_;  // of the versions log_first_, log_first_ + 1, ...
  Version log_first_;
  std::size_t log_bytes_ = 0;
};

}  // namespace odb::server
