#include "model/checker.h"

#include <algorithm>
#include <set>

#include "odb/core/core_schema.h"

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

// The fields of a type that name the connection which owns the object.
std::vector<FieldId> owner_fields(const Catalog& catalog, TypeId type) {
  std::vector<FieldId> fields;
  for (const CatalogIndex& index : catalog.find(type)->indexes) {
    if (index.role == IndexRole::kOwner) fields.push_back(index.fields.front());
  }
  return fields;
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

void Checker::on_durable(const server::CommitRecord& record) {
  if (auto wrong = model_.apply(record)) {
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
  if (attempt->committed) fail(*attempt, "is in the log twice");
  // One that did not take effect may be judged again when it returns.
  if (attempt->append_failed && !attempt->may_return)
    fail(*attempt, "came back after its append had failed");
  if (attempt->answered && !attempt->may_return) {
    fail(*attempt, "was answered before its version was durable");
  }
  attempt->committed = record.version;
  if (record.actor != attempt->actor) fail(*attempt, "is logged under the name " + record.actor);
  if (record.changes != attempt->request.writes) fail(*attempt, "is logged with other changes");
  if (record.version <= attempt->acknowledged_before) {
    fail(*attempt, "became version " + number(record.version) + ", but began after version " +
                       number(attempt->acknowledged_before) + " had been acknowledged");
  }
  for (const Observation& observation : attempt->observations) {
    if (auto wrong = differs(model_, previous(record.version), observation, attempt->writes)) {
      return fail(*attempt, "became version " + number(record.version) + ", but " + *wrong);
    }
  }
}

// Something that was given to a connection which had ended.
std::optional<std::string> Checker::find_orphan(const server::CommitRecord& record) const {
  for (const ObjectChange& change : record.changes.objects) {
    const Fields* fields = model_.find({change.type, change.object}, record.version);
    if (fields == nullptr) continue;
    for (const FieldId field : owner_fields(model_.catalog(), change.type)) {
      const Value& owner = (*fields)[field.value];
      if (owner.is_none()) continue;
      if (model_.find({owner.object_type(), owner.object()}, record.version) == nullptr) {
        return describe(ObjectRef{change.type, change.object}) + " has an owner that is gone";
      }
    }
  }
  return std::nullopt;
}

// A connection came; or it went, and with it exactly what it owned.
std::optional<std::string> Checker::check_own_commit(const server::CommitRecord& record) const {
  const CatalogType* connection = model_.catalog().find(connection_type_name());
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
  for (const auto& type : model_.catalog().types()) {
    for (const FieldId field : owner_fields(model_.catalog(), type->id)) {
      for (const ObjectId object : model_.all(type->id, before)) {
        const Fields& fields = *model_.find({type->id, object}, before);
        if (fields[field.value] == owner) expected.insert({type->id, object});
      }
    }
  }
  report_.counts.ended_with_owner += gone.size() - 1;
  if (gone != expected) return "what a connection owned is not what goes with it";
  return std::nullopt;
}

void Checker::on_append_failed(const server::CommitRecord& record) {
  ++appends_failed_;
  if (record.schema) return;
  if (Attempt* attempt = find(record.client, record.sequence)) attempt->append_failed = true;
}

// ---- clients ----

void Checker::on_read(Version snapshot, const Observation& observation,
                      std::span<const OwnWrite> writes) {
  ++report_.counts.reads;
  if (snapshot > durable()) {
    return report_.fail("a snapshot of version " + number(snapshot) + ", which is not durable");
  }
  if (auto wrong = differs(model_, snapshot, observation, writes)) {
    report_.fail("a snapshot is wrong: " + *wrong);
  }
}

void Checker::on_submitted(std::shared_ptr<Attempt> attempt) {
  const Name name{attempt->client, attempt->sequence};
  attempt->appends_failed_before = appends_failed_;
  if (!attempts_.emplace(name, std::move(attempt)).second) {
    report_.fail("a client used a sequence number twice");
  }
}

void Checker::on_told(ClientId client, Sequence sequence, const CommitOutcome& outcome) {
  const Attempt& attempt = *find(client, sequence);
  Counts& counts = report_.counts;
  if (const auto* accepted = std::get_if<Accepted>(&outcome)) {
    ++counts.committed;
    if (attempt.committed != accepted->version) {
      fail(attempt,
           "was acknowledged as version " + number(accepted->version) + ", which is not its own");
    }
    acknowledged_ = std::max(acknowledged_, accepted->version);
    return;
  }
  const auto* error = std::get_if<Error>(&outcome);
  if (error != nullptr && error->code == ErrorCode::kOutcomeUnknown) {
    ++counts.unknown;  // may be in the log
    return;
  }
  if (attempt.committed) {
    fail(attempt, "was refused, but is version " + number(*attempt.committed));
  }
  if (error == nullptr) {
    ++counts.conflicts;
  } else if (error->code == ErrorCode::kUnavailable) {
    ++counts.unavailable;
  } else if (error->code == ErrorCode::kUniqueViolation) {
    ++counts.unique_violations;
  } else if (error->code == ErrorCode::kUnknownObject) {
    ++counts.unknown_objects;
  } else if (error->code == ErrorCode::kTooOld) {
    ++counts.too_old;
  } else {
    ++counts.not_sent;
    if (attempt.answered) fail(attempt, "ended otherwise than it was answered");
  }
}

// ---- the server ----

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
  if (error != nullptr && error->code == ErrorCode::kOutcomeUnknown && attempt->may_return) return;
  if (attempt->committed) {
    fail(*attempt, "was refused, but is version " + number(*attempt->committed));
  }
  const bool unavailable = error != nullptr && error->code == ErrorCode::kUnavailable;
  if (attempt->append_failed && !unavailable && !attempt->may_return) {
    fail(*attempt, "had its append fail, but was not called unavailable");
  }
  // One that was accepted on top of it goes with it, even if it has not been appended itself.
  if (unavailable && appends_failed_ == attempt->appends_failed_before) {
    fail(*attempt, "was called unavailable, but no append failed");
  }
  if (unavailable) return;
  if (error != nullptr) {
    check_refusal(*attempt, *error, moment);
  } else {
    check_conflict(*attempt, std::get<Conflict>(outcome), moment);
  }
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
    if (!model_.changed_at(conflict.key, conflict.won)) wrong("that did not change it");
  } else if (writes_to(model_.catalog(), attempt.request.writes, conflict.key)) {
    const auto& existence = std::get<ExistenceRead>(conflict.key);
    const ObjectRef object{existence.type, existence.object};
    if (model_.find(object, moment.published) != nullptr) wrong("the object exists");
    if (conflict.won != Version{} && !model_.changed_at(conflict.key, conflict.won)) {
      wrong("that did not delete it");
    }
  } else {
    return wrong("it had read no such thing that changed after its snapshot");
  }
  // Whose commit it was is known as long as the version is within the horizon.
  const bool named = conflict.won > moment.horizon || !conflict.actor.empty();
  if (named && conflict.actor != model_.record(conflict.won).actor) {
    wrong("that is the commit of " + model_.record(conflict.won).actor);
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
    if (auto wrong = differs(model_, moment.published, observation, attempt.writes)) {
      return fail(attempt, "was refused, but conflicts too: " + *wrong + "; " + error.message);
    }
  }
}

bool Checker::writes_to_nothing(const Attempt& attempt, Version version) const {
  const auto& changes = attempt.request.writes.objects;
  return std::any_of(changes.begin(), changes.end(), [&](const ObjectChange& change) {
    const ObjectRef object{change.type, change.object};
    return change.kind != ObjectChange::Kind::kCreate &&
           model_.find(object, attempt.request.snapshot) == nullptr &&
           model_.find(object, version) == nullptr;
  });
}

bool Checker::violates_unique(const Attempt& attempt, Version version) const {
  const Overlay after(model_, version, attempt.writes);
  for (const OwnWrite& write : attempt.writes) {
    const Fields* fields = after.find(write.object);
    if (fields == nullptr) continue;
    for (const CatalogIndex& index : model_.catalog().find(write.object.type)->indexes) {
      if (index.uniqueness != Uniqueness::kUnique) continue;
      if (after.lookup(index, Model::key_of(*fields, index)).size() > 1) return true;
    }
  }
  return false;
}

}  // namespace odb::sim
