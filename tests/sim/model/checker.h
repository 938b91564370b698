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

namespace odb::sim {

// How far the server is, at the moment of a check.
struct ServerMoment {
  Version published;
  Version horizon;
};

// Strict serialisability with the server's versions as the serial order: what a transaction saw
// must be so just before its version. What the store holds durably is the truth.
class Checker {
 public:
  explicit Checker(Report& report) : report_(report) {}
  Checker(const Checker&) = delete;
  Checker& operator=(const Checker&) = delete;

  const Model& model() const { return model_; }
  Version durable() const { return model_.version(); }
  Version acknowledged() const { return acknowledged_; }

  // Whether a commit may be sent several times.
  bool may_return(ClientId client, Sequence sequence) const;

  // ---- the store ----
  void on_durable(const server::CommitRecord& record);
  void on_append_failed(const server::CommitRecord& record);

  // ---- clients ----
  // An answer within a transaction, as it comes: it must be so at the snapshot's version.
  void on_read(Version snapshot, const Observation& observation, std::span<const OwnWrite> writes);
  void on_submitted(std::shared_ptr<Attempt> attempt);
  // What the program is told in the end.
  void on_told(ClientId client, Sequence sequence, const CommitOutcome& outcome);

  // ---- the server ----
  void on_answered(ClientId client, Sequence sequence, const CommitOutcome& outcome,
                   const ServerMoment& moment);

 private:
  using Name = std::pair<ClientId, Sequence>;

  std::optional<std::string> find_orphan(const server::CommitRecord& record) const;
  std::optional<std::string> check_own_commit(const server::CommitRecord& record) const;
  Attempt* find(ClientId client, Sequence sequence);
  void check_conflict(const Attempt& attempt, const Conflict& conflict, const ServerMoment& moment);
  void check_refusal(const Attempt& attempt, const Error& error, const ServerMoment& moment);
  // An object that was not there at the snapshot and is not there now.
  bool writes_to_nothing(const Attempt& attempt, Version version) const;
  bool violates_unique(const Attempt& attempt, Version version) const;
  void fail(const Attempt& attempt, const std::string& what);

  Report& report_;
  Model model_;
  Version acknowledged_;
  std::uint64_t appends_failed_ = 0;  // records
  std::map<Name, std::shared_ptr<Attempt>> attempts_;
};

}  // namespace odb::sim
