#include "model/message_watch.h"

#include <algorithm>
#include <string>

namespace odb::sim {

void MessageWatch::on_sent(const ServerMessage& message, const ServerMoment& moment) {
  if (const auto* delta = std::get_if<Delta>(&message)) return on(*delta);
  if (const auto* several = std::get_if<Deltas>(&message)) {
    for (const Delta& delta : several->deltas) on(delta);
    return;
  }
  if (const auto* chunk = std::get_if<SnapshotChunk>(&message)) return on(*chunk);
  if (const auto* done = std::get_if<CommitDone>(&message)) return on(*done, moment);
  if (const auto* accepted = std::get_if<CommitsAccepted>(&message)) return on(*accepted, moment);
  if (const auto* resumed = std::get_if<Resumed>(&message)) {
    is_resuming_ = false;
    return tell(resumed->version, "a resumption");
  }
  if (const auto* opened = std::get_if<SessionOpened>(&message)) {
    // Of what a client that resumes has missed, this says nothing.
    if (!is_resuming_) tell(opened->version, "an opening");
    return;
  }
  if (const auto* loaded = std::get_if<SubscriptionLoaded>(&message)) {
    return tell(loaded->version, "a loaded subscription");
  }
  if (const auto* defined = std::get_if<SchemaDefined>(&message)) {
    return tell(defined->version, "a schema");
  }
  if (const auto* flushed = std::get_if<Flushed>(&message))
    return tell(flushed->version, "a flush");
  if (const auto* heartbeat = std::get_if<Heartbeat>(&message)) {
    if (!is_resuming_) tell(heartbeat->version, "a heartbeat");
  }
}

void MessageWatch::tell(Version version, const char* what) {
  if (version > checker_.durable()) {
    report_.fail("the server sent " + std::string(what) + " of version " +
                 std::to_string(version.value) + ", but only version " +
                 std::to_string(checker_.durable().value) + " is durable");
  }
  told_ = std::max(told_, version);
}

void MessageWatch::on(const Delta& delta) {
  if (delta.version <= told_) {
    report_.fail("the delta of version " + std::to_string(delta.version.value) +
                 " comes after the client was told of version " + std::to_string(told_.value));
  }
  tell(delta.version, "a delta");
  if (delta.version > checker_.durable()) return;
  if (delta.actor != checker_.model().record(delta.version).actor) {
    report_.fail("a delta names " + delta.actor + ", whose commit it is not");
  }
}

void MessageWatch::on(const SnapshotChunk& chunk) {
  tell(chunk.version, "a piece of a snapshot");
  const Value* value = chunk.rows.values.data();
  for (const ObjectId id : chunk.rows.objects) {
    const ObjectRef object{chunk.rows.type, id};
    const Fields* fields = checker_.model().find(object, chunk.version);
    const auto same = [](const Value& expected, const Value& sent) {
      return !sent.is_loaded() || sent == expected;
    };
    if (fields == nullptr || fields->size() < chunk.rows.field_count ||
        !std::equal(fields->begin(), fields->begin() + chunk.rows.field_count, value, same)) {
      report_.fail("a piece of a snapshot shows " + describe(object) + " as it is not at version " +
                   std::to_string(chunk.version.value));
    }
    value += chunk.rows.field_count;
  }
}

void MessageWatch::on(const CommitDone& done, const ServerMoment& moment) {
  if (const auto* accepted = std::get_if<Accepted>(&done.outcome)) {
    on_accepted(done.sequence, accepted->version);
  }
  checker_.on_answered(client_, done.sequence, done.outcome, moment);
}

void MessageWatch::on(const CommitsAccepted& accepted, const ServerMoment& moment) {
  for (const CommitsAccepted::Commit& commit : accepted.commits) {
    if (commit.is_delta && commit.version <= told_) {
      report_.fail("the outcome that is the delta of version " +
                   std::to_string(commit.version.value) + " comes after the client was told of " +
                   "version " + std::to_string(told_.value));
    }
    on_accepted(commit.sequence, commit.version);
    checker_.on_answered(client_, commit.sequence, Accepted{commit.version}, moment);
  }
}

void MessageWatch::on_accepted(Sequence sequence, Version version) {
  // One that is sent again is told what became of it before, however long ago.
  if (version < told_ && !checker_.may_return(client_, sequence)) {
    report_.fail("the outcome of version " + std::to_string(version.value) +
                 " comes after news of version " + std::to_string(told_.value));
  }
  tell(std::max(version, told_), "an outcome");
}

}  // namespace odb::sim
