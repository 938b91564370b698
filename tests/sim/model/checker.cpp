#include "model/checker.h"

#include <algorithm>
#include <set>
#include <utility>

#include "model/owner_fields.h"
#include "odb/core/core_schema.h"

namespace odb::sim {

namespace {

std::string number(Version version) { return std::to_string(version.value); }

}  // namespace

void Checker::fail(const Attempt& attempt, const std::string& what) {
  report_.fail("transaction " + std::to_string(attempt.sequence.value) + " of " + attempt.actor +
               " (client " + std::to_string(attempt.client.low) + ", snapshot " +
               number(attempt.request.snapshot) + "): " + what);
}

Attempt* Checker::find(ClientId client, Sequence sequence) {
  const auto found = attempts_.find({client, sequence});
  return found == attempts_.end() ? nullptr : found->second.get();
}

bool Checker::may_return(ClientId client, Sequence sequence) const {
  const auto found = attempts_.find({client, sequence});
  return found != attempts_.end() && found->second->may_return;
}

// ---- the store ----

void Checker::on_appended(const CommitRecord& record) {
  if (Attempt* attempt = find(record.client, record.sequence)) attempt->is_appended = true;
}

void Checker::on_stored(const CommitRecord& record) {
  if (auto wrong = current_->apply(record)) {
    report_.fail("version " + number(record.version) + ": " + *wrong);
  }
  if (record.schema) return;
  if (auto wrong = find_orphan(record)) {
    report_.fail("version " + number(record.version) + ": " + *wrong);
  }
  if (record.sequence == Sequence{}) {
    if (auto wrong = check_own_commit(record)) {
      report_.fail("version " + number(record.version) + ", by the server itself: " + *wrong);
    }
    return;
  }
  Attempt* attempt = find(record.client, record.sequence);
  if (attempt == nullptr) {
    return report_.fail("version " + number(record.version) + " was never submitted");
  }
  check_logged(*attempt, record);
  attempt->committed = record.version;
  attempt->is_appended = false;
}

void Checker::check_logged(Attempt& attempt, const CommitRecord& record) {
  if (attempt.committed) fail(attempt, "is in the log twice");
  if (attempt.history != history_) fail(attempt, "is logged in a history that it never saw");
  if (attempt.told_refused) {
    fail(attempt, "took effect after its client had been told that it did not");
  }
  // One that did not take effect may be judged again when it returns.
  if (attempt.append_failed && !attempt.may_return) {
    fail(attempt, "came back after its append had failed");
  }
  if (attempt.answered && !attempt.may_return && !attempt.called_unknown) {
    fail(attempt, "was answered before its version was durable");
  }
  if (record.actor != attempt.actor) fail(attempt, "is logged under the name " + record.actor);
  if (record.changes != attempt.request.writes) fail(attempt, "is logged with other changes");
  if (record.version <= attempt.acknowledged_before) {
    fail(attempt, "became version " + number(record.version) + ", but began after version " +
                      number(attempt.acknowledged_before) + " had been acknowledged");
  }
  if (attempt.is_overdue) ++report_.counts.arrived_late;
  for (const Observation& observation : attempt.observations) {
    if (auto wrong = differs(model(), previous(record.version), observation, attempt.writes)) {
      return fail(attempt, "became version " + number(record.version) + ", but " + *wrong);
    }
  }
}

// Something that was given to a connection which had ended.
std::optional<std::string> Checker::find_orphan(const CommitRecord& record) const {
  for (const ObjectChange& change : record.changes.objects) {
    const Fields* fields = model().find({change.type, change.object}, record.version);
    if (fields == nullptr) continue;
    for (const FieldId field : owner_fields(model().catalog(), change.type)) {
      const Value& owner = (*fields)[field.value];
      if (owner.is_none()) continue;
      if (model().find({owner.object_type(), owner.object()}, record.version) == nullptr) {
        return describe(ObjectRef{change.type, change.object}) + " has an owner that is gone";
      }
    }
  }
  return std::nullopt;
}

// A connection came; or it went, and with it exactly what it owned.
std::optional<std::string> Checker::check_own_commit(const CommitRecord& record) const {
  const CatalogType* connection = model().catalog().find(connection_type_name());
  const auto& changes = record.changes.objects;
  if (connection == nullptr || changes.empty() || changes[0].type != connection->id) {
    return "it begins with no connection";
  }
  if (changes[0].kind == ObjectChange::Kind::kCreate) {
    return changes.size() == 1 ? std::nullopt : std::optional<std::string>("it does more");
  }
  std::set<ObjectRef> gone;
  for (const ObjectChange& change : changes) {
    if (change.kind != ObjectChange::Kind::kDelete) return "it changes objects";
    gone.insert({change.type, change.object});
  }
  std::set<ObjectRef> expected{{connection->id, changes[0].object}};
  const Value owner = Value::reference(connection->id, changes[0].object);
  const Version before = previous(record.version);
  for (const auto& type : model().catalog().types()) {
    for (const FieldId field : owner_fields(model().catalog(), type->id)) {
      for (const ObjectId object : model().all(type->id, before)) {
        const Fields& fields = *model().find({type->id, object}, before);
        if (fields[field.value] == owner) expected.insert({type->id, object});
      }
    }
  }
  report_.counts.ended_with_owner += gone.size() - 1;
  if (gone != expected) return "what a connection owned is not what goes with it";
  return std::nullopt;
}

void Checker::on_append_failed(const CommitRecord& record) {
  ++troubles_;
  ++report_.counts.appends_failed;
  if (record.schema) return;
  Attempt* attempt = find(record.client, record.sequence);
  if (attempt == nullptr) return;
  attempt->append_failed = true;
  attempt->is_appended = false;
}

void Checker::on_overdue(const CommitRecord& record) {
  ++troubles_;
  ++report_.counts.overdue;
  if (Attempt* attempt = find(record.client, record.sequence)) attempt->is_overdue = true;
}

void Checker::on_away() {
  ++troubles_;
  ++report_.counts.times_away;
  is_away_ = true;
}

void Checker::on_forgotten(Version kept) { kept_ = std::min(kept, kept_.value_or(kept)); }

// ---- from one server to the next ----

const Model& Checker::model(HistoryId history) const {
  const auto found = models_.find(history);
  return found == models_.end() ? none_ : found->second;
}

void Checker::on_started(HistoryId history, Version version) {
  is_away_ = false;
  is_lost_ = false;
  started_at_ = version;
  const std::optional<Version> kept = std::exchange(kept_, std::nullopt);
  const Version expected = kept.value_or(durable());
  if (version != expected) {
    report_.fail("a server begins at version " + number(version) + ", but version " +
                 number(expected) + " was durable");
  }
  if (history == history_) {
    if (kept) report_.fail("a server goes on with a history of which versions are lost");
    return;
  }
  if (history_ == HistoryId{}) {
    history_ = history;
    current_ = &models_[history];
    return;
  }
  if (!kept) report_.fail("a server begins a new history, but nothing was lost");
  ++report_.counts.histories;
  Model begun = current_->up_to(std::min(version, durable()));
  history_ = history;
  current_ = &models_.emplace(history, std::move(begun)).first->second;
  acknowledged_ = std::min(acknowledged_, version);
}

// ---- clients ----

void Checker::on_read(HistoryId history, Version snapshot, const Observation& observation,
                      std::span<const OwnWrite> writes) {
  ++report_.counts.reads;
  const Model& known = model(history);
  if (snapshot > known.version()) {
    return report_.fail("a snapshot of version " + number(snapshot) + ", which is not durable");
  }
  if (auto wrong = differs(known, snapshot, observation, writes)) {
    report_.fail("a snapshot of history " + std::to_string(history.low) + " is wrong: " + *wrong);
  }
}

void Checker::on_submitted(std::shared_ptr<Attempt> attempt) {
  const Name name{attempt->client, attempt->sequence};
  attempt->troubles_before = troubles_;
  if (!attempts_.emplace(name, std::move(attempt)).second) {
    report_.fail("a client used a sequence number twice");
  }
}

void Checker::on_told(ClientId client, Sequence sequence, const CommitOutcome& outcome,
                      Continuity continuity) {
  Attempt& attempt = *find(client, sequence);
  if (const auto* accepted = std::get_if<Accepted>(&outcome)) {
    ++report_.counts.committed;
    if (attempt.committed != accepted->version) {
      fail(attempt,
           "was acknowledged as version " + number(accepted->version) + ", which is not its own");
    }
    if (attempt.history == history_) acknowledged_ = std::max(acknowledged_, accepted->version);
    return;
  }
  const auto* error = std::get_if<Error>(&outcome);
  if (error != nullptr && error->code == ErrorCode::kOutcomeUnknown) {
    ++report_.counts.unknown;  // may be in the log
    if (!attempt.called_unknown && continuity == Continuity::kKept) {
      fail(attempt, "is unknown to its client, which nobody had told so: " + error->message);
    }
    return;
  }
  if (attempt.committed) {
    fail(attempt, "was refused, but is version " + number(*attempt.committed));
  }
  attempt.told_refused = true;
  count_refusal(attempt, error, continuity);
}

void Checker::count_refusal(const Attempt& attempt, const Error* error, Continuity continuity) {
  Counts& counts = report_.counts;
  const ErrorCode code = error == nullptr ? ErrorCode::kNone : error->code;
  if (code == ErrorCode::kTooOld && !attempt.answered) {
    ++counts.of_an_ended_history;
    if (continuity == Continuity::kKept) fail(attempt, "is too old, but its history goes on");
  } else if (error == nullptr) {
    ++counts.conflicts;
  } else if (code == ErrorCode::kUnavailable) {
    ++counts.unavailable;
  } else if (code == ErrorCode::kUniqueViolation) {
    ++counts.unique_violations;
  } else if (code == ErrorCode::kUnknownObject) {
    ++counts.unknown_objects;
  } else if (code == ErrorCode::kTooOld) {
    ++counts.too_old;
  } else {
    ++counts.not_sent;
    if (attempt.answered && !attempt.may_return) {
      fail(attempt, "ended otherwise than it was answered");
    }
    if (continuity == Continuity::kKept) {
      fail(attempt, "was not sent, but its session goes on: " + error->message);
    }
  }
}

}  // namespace odb::sim
