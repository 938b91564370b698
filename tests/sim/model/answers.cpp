// What the server may answer to a commit, and when.
#include <algorithm>

#include "model/checker.h"
#include "model/owner_fields.h"

namespace odb::sim {

namespace {

std::string number(Version version) { return std::to_string(version.value); }

bool has_read(const ReadSet& reads, const ConflictKey& key) {
  const auto contains = [](const auto& entries, const auto& entry) {
    return std::find(entries.begin(), entries.end(), entry) != entries.end();
  };
  if (const auto* cell = std::get_if<CellRead>(&key)) return contains(reads.cells, *cell);
  if (const auto* existence = std::get_if<ExistenceRead>(&key)) {
    return contains(reads.existences, *existence);
  }
  if (const auto* index = std::get_if<IndexRead>(&key)) return contains(reads.indexes, *index);
  if (const auto* range = std::get_if<IndexRangeRead>(&key)) return contains(reads.ranges, *range);
  return contains(reads.memberships, std::get<MembershipRead>(key));
}

bool gives_to(const Catalog& catalog, const Changeset& writes, const ExistenceRead& owner) {
  for (const ObjectChange& change : writes.objects) {
    for (const FieldId field : owner_fields(catalog, change.type)) {
      for (const CellOperation& cell : writes.cells_of(change)) {
        if (cell.field == field && cell.value == Value::reference(owner.type, owner.object)) {
          return true;
        }
      }
    }
  }
  return false;
}

// A write implies that the object exists; so does giving an object to a connection.
bool writes_to(const Catalog& catalog, const Changeset& writes, const ConflictKey& key) {
  const auto* existence = std::get_if<ExistenceRead>(&key);
  if (existence == nullptr) return false;
  if (gives_to(catalog, writes, *existence)) return true;
  return std::any_of(writes.objects.begin(), writes.objects.end(), [&](const auto& change) {
    return change.kind != ObjectChange::Kind::kCreate && change.type == existence->type &&
           change.object == existence->object;
  });
}

}  // namespace

// ---- the server ----

void Checker::on_copy(ClientId client, Sequence sequence) {
  Attempt* attempt = find(client, sequence);
  if (attempt == nullptr) return report_.fail("a commit arrives that was never submitted");
  if (attempt->history != history_) fail(*attempt, "was sent to a server of another history");
  if (attempt->copies++ == 0) return;
  if (!attempt->may_return) fail(*attempt, "was sent twice");
  if (attempt->committed) {
    ++report_.counts.resent_after_effect;
  } else if (attempt->is_appended) {
    ++report_.counts.resent_while_pending;
  } else {
    ++report_.counts.resent_without_effect;
  }
}

void Checker::on_answered(ClientId client, Sequence sequence, const CommitOutcome& outcome,
                          const ServerMoment& moment) {
  Attempt* attempt = find(client, sequence);
  if (attempt == nullptr) return report_.fail("an outcome of a commit that was never submitted");
  if (attempt->answered && !attempt->may_return) fail(*attempt, "was answered twice");
  attempt->answered = true;
  if (const auto* accepted = std::get_if<Accepted>(&outcome)) {
    if (attempt->committed != accepted->version) {
      fail(*attempt, "was acknowledged as version " + number(accepted->version) + ", " +
                         (attempt->committed ? "but is " + number(*attempt->committed)
                                             : std::string("but is not durable")));
    }
    return;
  }
  const auto* error = std::get_if<Error>(&outcome);
  if (error != nullptr && error->code == ErrorCode::kOutcomeUnknown) {
    attempt->called_unknown = true;
    return check_unknown(*attempt);
  }
  if (attempt->committed) {
    fail(*attempt, "was refused, but is version " + number(*attempt->committed));
  }
  if (error != nullptr && error->code == ErrorCode::kUnavailable) {
    return check_unavailable(*attempt);
  }
  if (attempt->append_failed && !attempt->may_return) {
    fail(*attempt, "had its append fail, but was not called unavailable");
  }
  if (error != nullptr) {
    check_refusal(*attempt, *error, moment);
  } else {
    check_conflict(*attempt, std::get<Conflict>(outcome), moment);
  }
}

// The store hangs, or the server has dropped what it knew of one that it may have had before.
void Checker::check_unknown(const Attempt& attempt) {
  if (attempt.is_overdue || is_lost_) return;
  if (may_forget_outcomes_) return;
  fail(attempt, "was called unknown for no reason");
}

// One that was accepted on top of one whose append failed goes with it, even if it has not been
// appended itself.
void Checker::check_unavailable(const Attempt& attempt) {
  if (is_away_ || is_lost_ || troubles_ != attempt.troubles_before) return;
  fail(attempt, "was called unavailable, but the store had no trouble");
}

bool Checker::may_blame_the_start(const Conflict& conflict) const {
  return (conflict.won == started_at_ || conflict.won == former_started_at_) &&
         !std::holds_alternative<CellRead>(conflict.key) &&
         !std::holds_alternative<ExistenceRead>(conflict.key);
}

void Checker::check_conflict(const Attempt& attempt, const Conflict& conflict,
                             const ServerMoment& moment) {
  const auto wrong = [&](const std::string& what) {
    fail(attempt, "conflicts on " + describe(conflict.key) + " with version " +
                      number(conflict.won) + " of \"" + conflict.actor + "\", but " + what);
  };
  const Version snapshot = attempt.request.snapshot;
  if (conflict.read != snapshot) wrong("read another version than " + number(conflict.read));
  if (conflict.won > moment.published) return wrong("that is not published yet");
  if (has_read(attempt.request.reads, conflict.key) && conflict.won > snapshot) {
    if (!model().changed_at(conflict.key, conflict.won) && !may_blame_the_start(conflict)) {
      wrong("that did not change it");
    }
  } else if (writes_to(model().catalog(), attempt.request.writes, conflict.key)) {
    const auto& existence = std::get<ExistenceRead>(conflict.key);
    const ObjectRef object{existence.type, existence.object};
    // Whoever waits for its turn is told later than it was judged.
    const bool came_since =
        attempt.request.tries_again && model().find(object, snapshot) == nullptr;
    if (!came_since && model().find(object, moment.published) != nullptr) {
      wrong("the object exists");
    }
    if (conflict.won != Version{} && !model().changed_at(conflict.key, conflict.won)) {
      wrong("that did not delete it");
    }
  } else {
    return wrong("it had read no such thing that changed after its snapshot");
  }
  // Whose commit it was is known as long as the version is within the horizon.
  const bool named = conflict.won > moment.horizon || !conflict.actor.empty();
  if (named && conflict.actor != model().record(conflict.won).actor) {
    wrong("that is the commit of " + model().record(conflict.won).actor);
  }
}

void Checker::check_refusal(const Attempt& attempt, const Error& error,
                            const ServerMoment& moment) {
  if (error.code == ErrorCode::kTooOld) {
    if (attempt.request.snapshot >= moment.horizon) {
      fail(attempt, "is called too old, but the horizon is " + number(moment.horizon));
    }
    return;
  }
  if (error.code == ErrorCode::kUnknownObject) {
    if (!writes_to_nothing(attempt, moment.published)) {
      return fail(attempt, "writes to no such object: " + error.message);
    }
  } else if (error.code == ErrorCode::kUniqueViolation) {
    if (!violates_unique(attempt, moment.published)) {
      return fail(attempt, "violates no unique index: " + error.message);
    }
  } else {
    return fail(attempt, "was refused for no reason: " + error.message);
  }
  // A conflict would have been judged first.
  for (const Observation& observation : attempt.observations) {
    if (auto wrong = differs(model(), moment.published, observation, attempt.writes)) {
      return fail(attempt, "was refused, but conflicts too: " + *wrong + "; " + error.message);
    }
  }
}

bool Checker::writes_to_nothing(const Attempt& attempt, Version version) const {
  const auto& changes = attempt.request.writes.objects;
  return std::any_of(changes.begin(), changes.end(), [&](const ObjectChange& change) {
    const ObjectRef object{change.type, change.object};
    return change.kind != ObjectChange::Kind::kCreate &&
           model().find(object, attempt.request.snapshot) == nullptr &&
           model().find(object, version) == nullptr;
  });
}

bool Checker::violates_unique(const Attempt& attempt, Version version) const {
  const Overlay after(model(), version, attempt.writes);
  for (const OwnWrite& write : attempt.writes) {
    const Fields* fields = after.find(write.object);
    if (fields == nullptr) continue;
    for (const CatalogIndex& index : model().catalog().find(write.object.type)->indexes) {
      if (index.uniqueness != Uniqueness::kUnique) continue;
      if (after.lookup(index, Model::key_of(*fields, index)).size() > 1) return true;
    }
  }
  return false;
}

}  // namespace odb::sim
