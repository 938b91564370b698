// Checker: holds what everybody did against the model, version by version.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "model/attempt.h"
#include "model/model.h"
#include "model/report.h"
#include "sim_store.h"

namespace odb::sim {

// How far the server is, at the moment of a check.
struct ServerMoment {
  Version published;
  Version horizon;
};

// Whether a client is still in the session, or the history, that a commit was made in.
enum class Continuity : std::uint8_t { kKept, kLost };

// Strict serialisability with the server's versions as the serial order: what a transaction saw
// must be so just before its version. What the store holds durably is the truth, in each history by
// itself.
class Checker final : public StoreWatch {
 public:
  explicit Checker(Report& report) : report_(report) {}
  Checker(const Checker&) = delete;
  Checker& operator=(const Checker&) = delete;

  // Of the history that goes on now, and of any one; one that never was is empty.
  const Model& model() const { return *current_; }
  const Model& model(HistoryId history) const;
  HistoryId history() const { return history_; }
  Version durable() const { return current_->version(); }
  Version acknowledged() const { return acknowledged_; }

  // Whether a commit may be sent several times.
  bool may_return(ClientId client, Sequence sequence) const;
  // Servers forget outcomes for their limits.
  void expect_forgotten_outcomes() { may_forget_outcomes_ = true; }

  // ---- the store ----
  void on_appended(const CommitRecord& record) override;
  void on_stored(const CommitRecord& record) override;
  void on_append_failed(const CommitRecord& record) override;
  void on_overdue(const CommitRecord& record) override;
  void on_away() override;
  void on_back() override { is_away_ = false; }
  void on_lost() override { is_lost_ = true; }
  void on_forgotten(Version kept) override;
  void on_misuse(const std::string& what) override { report_.fail(what); }

  // ---- clients ----
  // An answer within a transaction, as it comes: it must be so at the snapshot's version.
  void on_read(HistoryId history, Version snapshot, const Observation& observation,
               std::span<const OwnWrite> writes);
  void on_submitted(std::shared_ptr<Attempt> attempt);
  // What the program is told in the end.
  void on_told(ClientId client, Sequence sequence, const CommitOutcome& outcome,
               Continuity continuity);

  // ---- the server ----
  // It begins with what it found in the store.
  void on_started(HistoryId history, Version version);
  // The one before it goes on meanwhile with what it believes.
  void on_taken_over() { former_started_at_ = started_at_; }
  // A commit reached it, maybe not for the first time.
  void on_copy(ClientId client, Sequence sequence);
  void on_answered(ClientId client, Sequence sequence, const CommitOutcome& outcome,
                   const ServerMoment& moment);

 private:
  using Name = std::pair<ClientId, Sequence>;

  void check_logged(Attempt& attempt, const CommitRecord& record);
  std::optional<std::string> find_orphan(const CommitRecord& record) const;
  std::optional<std::string> check_own_commit(const CommitRecord& record) const;
  Attempt* find(ClientId client, Sequence sequence);
  void count_refusal(const Attempt& attempt, const Error* error, Continuity continuity);
  void check_unknown(const Attempt& attempt);
  void check_unavailable(const Attempt& attempt);
  // A server does not know when these last changed before it began: then it names that version.
  bool may_blame_the_start(const Conflict& conflict) const;
  void check_conflict(const Attempt& attempt, const Conflict& conflict, const ServerMoment& moment);
  void check_refusal(const Attempt& attempt, const Error& error, const ServerMoment& moment);
  // An object that was not there at the snapshot and is not there now.
  bool writes_to_nothing(const Attempt& attempt, Version version) const;
  bool violates_unique(const Attempt& attempt, Version version) const;
  void fail(const Attempt& attempt, const std::string& what);

  Report& report_;
  const Model none_;
  std::map<HistoryId, Model> models_;  // those of histories that are over, as far as they came
  HistoryId history_;
  Model* current_ = &models_[HistoryId{}];
  std::optional<Version> kept_;  // of what the store had, since the last server
  Version acknowledged_;
  Version started_at_;          // of the server that there is
  Version former_started_at_;   // of the one that it took over from
  std::uint64_t troubles_ = 0;  // of the store: failed appends, times away, overdue versions
  bool is_away_ = false;
  bool is_lost_ = false;
  bool may_forget_outcomes_ = false;
  std::map<Name, std::shared_ptr<Attempt>> attempts_;
};

}  // namespace odb::sim
