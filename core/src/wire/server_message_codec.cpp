#include <algorithm>
#include <boost/container/small_vector.hpp>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "wire/changeset_codec.h"
#include "wire/message_codec.h"
#include "wire/message_parts.h"
#include "wire/row_codec.h"
#include "wire/schema_codec.h"
#include "wire/write_helpers.h"

namespace odb::wire {
namespace {

void write_status(schema::Status::Builder out, const ServerStatus& status) {
  out.setRequest(status.request.value);
  write_random_id(out.getHistory(), status.history);
  out.setVersion(status.version.value);
  out.setIdsBelow(status.ids_below.value);
  out.setSoftware(as_text(status.software));
  out.setStore(as_text(status.store));
  set_list(out.initSchemas(count_of(status.schemas)), status.schemas, as_text);
  write_list(out.initFigures(count_of(status.figures)), status.figures,
             [](schema::Figure::Builder to, const ServerFigure& figure) {
               to.setName(as_text(figure.name));
               to.setValue(figure.value);
             });
}

struct Writer {
  schema::ServerMessage::Builder out;

  void operator()(const Hello& message) { write_hello(out.initHello(), message); }
  void operator()(const Authenticated& message) {
    out.initAuthenticated().setProof(as_data(message.proof));
  }
  void operator()(const SessionOpened& message) {
    auto to = out.initSessionOpened();
    to.setSession(message.session.value);
    write_random_id(to.getHistory(), message.history);
    to.setVersion(message.version.value);
    to.setActor(as_text(message.actor));
    write_list(to.initIds(count_of(message.ids)), message.ids, write_id_range);
    to.setCommitCredits(message.commit_credits);
    to.setCommitBytesMax(message.commit_bytes_max);
    to.setHeartbeatIntervalMs(message.heartbeat_interval_ms);
    to.setSilenceTimeoutMs(message.silence_timeout_ms);
    to.setConnection(message.connection.value);
  }
  void operator()(const Resumed& message) {
    auto to = out.initResumed();
    to.setContinued(message.continued);
    to.setConnection(message.connection.value);
    write_random_id(to.getHistory(), message.history);
    to.setVersion(message.version.value);
  }
  void operator()(const IdsGranted& message) {
    write_id_range(out.initIdsGranted().initRange(), message.range);
  }
  void operator()(const CreditsGranted& message) {
    out.initCreditsGranted().setCommits(message.commits);
  }
  void operator()(const SchemaDefined& message) {
    auto to = out.initSchemaDefined();
    to.setRequest(message.request.value);
    to.setVersion(message.version.value);
    write_list(to.initTypes(count_of(message.types)), message.types, write_catalog_type);
  }
  void operator()(const SnapshotChunk& message) {
    auto to = out.initSnapshotChunk();
    to.setSubscription(message.subscription.value);
    to.setVersion(message.version.value);
    write_rows(to.initRows(), message.rows);
  }
  void operator()(const SubscriptionLoaded& message) {
    auto to = out.initSubscriptionLoaded();
    to.setSubscription(message.subscription.value);
    to.setVersion(message.version.value);
  }
  void operator()(const CommitDone& message) { write_message(out, message); }
  void operator()(const CommitsAccepted& message) { write_message(out, message); }
  void operator()(const Delta& message) { write_message(out, message); }
  void operator()(const Deltas& message) {
    std::vector<const Delta*> deltas;
    for (const Delta& delta : message.deltas) deltas.push_back(&delta);
    write_message(out, std::span<const Delta* const>(deltas));
  }
  void operator()(const Unsubscribed& message) {
    auto to = out.initUnsubscribed();
    to.setSubscription(message.subscription.value);
    to.setVersion(message.version.value);
  }
  void operator()(const ObjectsLoaded& message) {
    auto to = out.initObjectsLoaded();
    to.setMore(!message.last);
    to.setRequest(message.request.value);
    write_rows(to.initRows(), message.rows);
  }
  void operator()(const Flushed& message) {
    auto to = out.initFlushed();
    to.setRequest(message.request.value);
    to.setVersion(message.version.value);
  }
  void operator()(const ServerStatus& message) { write_status(out.initStatus(), message); }
  void operator()(const Heartbeat& message) {
    out.initHeartbeat().setVersion(message.version.value);
  }
  void operator()(const RequestRefused& message) {
    auto to = out.initRequestRefused();
    if (const auto* request = std::get_if<RequestId>(&message.about)) {
      to.setRequest(request->value);
    } else if (const auto* subscription = std::get_if<SubscriptionId>(&message.about)) {
      to.setSubscription(subscription->value);
    } else {
      to.setNothing();
    }
    write_error(to.initError(), message.error);
  }
  void operator()(const Goodbye& message) { write_goodbye(out.initGoodbye(), message); }
  void operator()(const UnknownMessage& message) { write_unknown(out, message); }
};

SessionOpened read_session_opened(schema::SessionOpened::Reader in, ReadContext& context) {
  SessionOpened opened;
  opened.session = SessionId{in.getSession()};
  opened.history = read_random_id<HistoryId>(in.getHistory());
  opened.version = Version{in.getVersion()};
  opened.actor = read_text(in.getActor());
  opened.ids = context.read_list<IdRange>(in.getIds(), read_id_range);
  opened.commit_credits = in.getCommitCredits();
  opened.commit_bytes_max = in.getCommitBytesMax();
  opened.heartbeat_interval_ms = in.getHeartbeatIntervalMs();
  opened.silence_timeout_ms = in.getSilenceTimeoutMs();
  opened.connection = ObjectId{in.getConnection()};
  return opened;
}

Resumed read_resumed(schema::Resumed::Reader in) {
  return {in.getContinued(), read_random_id<HistoryId>(in.getHistory()), Version{in.getVersion()},
          ObjectId{in.getConnection()}};
}

SchemaDefined read_schema_defined(schema::SchemaDefined::Reader in, ReadContext& context) {
  return {RequestId{in.getRequest()}, Version{in.getVersion()},
          context.read_list<CatalogType>(in.getTypes(), [&](schema::CatalogType::Reader type) {
            return read_catalog_type(type, context);
          })};
}

CommitDone read_commit_done(schema::CommitDone::Reader in) {
  const Sequence sequence{in.getSequence()};
  switch (in.which()) {
    case schema::CommitDone::ACCEPTED:
      return {sequence, Accepted{Version{in.getAccepted()}}};
    case schema::CommitDone::CONFLICT:
      return {sequence, read_conflict(in.getConflict())};
    case schema::CommitDone::ERROR:
      return {sequence, read_error(in.getError())};
  }
  malformed("unknown outcome of a commit " + std::to_string(static_cast<unsigned>(in.which())));
}

void read_delta(schema::Delta::Reader in, ReadContext& context, Delta& delta) {
  delta.version = Version{in.getVersion()};
  delta.actor = read_text(in.getActor());
  read_changes(in.getChanges(), context, delta.changes);
}

void read_deltas(schema::Deltas::Reader in, ReadContext& context, Deltas& out) {
  const auto actors = context.read_list<std::string>(
      in.getActors(), [](capnp::Text::Reader actor) { return read_text(actor); });
  ChangesReader changes(in.getChanges(), context);
  out.deltas =
      context.read_list<Delta>(in.getCommits(), [&](const schema::DeltaCommit::Reader& from) {
        if (from.getActor() >= actors.size()) malformed("a delta of an actor that is not listed");
        Delta delta{Version{from.getVersion()}, actors[from.getActor()], {}};
        changes.read(from.getObjects(), delta.changes);
        return delta;
      });
  changes.finish();
}

ServerStatus read_status(schema::Status::Reader in, ReadContext& context) {
  ServerStatus status;
  status.request = RequestId{in.getRequest()};
  status.history = read_random_id<HistoryId>(in.getHistory());
  status.version = Version{in.getVersion()};
  status.ids_below = ObjectId{in.getIdsBelow()};
  status.software = read_text(in.getSoftware());
  status.store = read_text(in.getStore());
  status.schemas = context.read_list<std::string>(
      in.getSchemas(), [](capnp::Text::Reader schema) { return read_text(schema); });
  status.figures =
      context.read_list<ServerFigure>(in.getFigures(), [](schema::Figure::Reader figure) {
        return ServerFigure{read_text(figure.getName()), figure.getValue()};
      });
  return status;
}

RequestRefused read_request_refused(schema::RequestRefused::Reader in) {
  RequestRefused refused;
  refused.error = read_error(in.getError());
  switch (in.which()) {
    case schema::RequestRefused::NOTHING:
      return refused;
    case schema::RequestRefused::REQUEST:
      refused.about = RequestId{in.getRequest()};
      return refused;
    case schema::RequestRefused::SUBSCRIPTION:
      refused.about = SubscriptionId{in.getSubscription()};
      return refused;
  }
  malformed("a refusal of an unknown kind " + std::to_string(static_cast<unsigned>(in.which())));
}

}  // namespace

void write_message(schema::ServerMessage::Builder out, const ServerMessage& message) {
  std::visit(Writer{out}, message);
}

void write_message(schema::ServerMessage::Builder out, const CommitsAccepted& message) {
  write_list(out.initCommitsAccepted().initCommits(count_of(message.commits)), message.commits,
             [](schema::AcceptedCommit::Builder to, const CommitsAccepted::Commit& commit) {
               to.setSequence(commit.sequence.value);
               to.setVersion(commit.version.value);
               to.setIsDelta(commit.is_delta);
             });
}

void write_message(schema::ServerMessage::Builder out, const CommitDone& message) {
  auto to = out.initCommitDone();
  to.setSequence(message.sequence.value);
  if (const auto* accepted = std::get_if<Accepted>(&message.outcome)) {
    to.setAccepted(accepted->version.value);
  } else if (const auto* conflict = std::get_if<Conflict>(&message.outcome)) {
    write_conflict(to.initConflict(), *conflict);
  } else {
    write_error(to.initError(), std::get<Error>(message.outcome));
  }
}

void write_message(schema::ServerMessage::Builder out, const Delta& message) {
  auto to = out.initDelta();
  to.setVersion(message.version.value);
  if (!message.actor.empty()) to.setActor(as_text(message.actor));
  write_changes(to.initChanges(), message.changes);
}

void write_message(schema::ServerMessage::Builder out, std::span<const Delta* const> deltas) {
  constexpr std::size_t kFew = 8;
  auto to = out.initDeltas();
  boost::container::small_vector<const std::string*, kFew> actors;
  auto commits = to.initCommits(count_of(deltas));
  std::vector<const Changeset*> changes;
  changes.reserve(deltas.size());
  unsigned i = 0;
  for (const Delta* delta : deltas) {
    // Few actors commit at a time; among many, one may be listed again.
    const auto last = actors.rbegin() + static_cast<std::ptrdiff_t>(std::min(kFew, actors.size()));
    const auto known = std::find_if(
        actors.rbegin(), last, [&](const std::string* actor) { return *actor == delta->actor; });
    auto commit = commits[i++];
    commit.setVersion(delta->version.value);
    commit.setObjects(count_of(delta->changes.objects));
    if (known != last) {
      commit.setActor(static_cast<std::uint32_t>(actors.rend() - known - 1));
    } else {
      commit.setActor(count_of(actors));
      actors.push_back(&delta->actor);
    }
    changes.push_back(&delta->changes);
  }
  set_list(to.initActors(count_of(actors)), actors,
           [](const std::string* actor) { return as_text(*actor); });
  write_changes(to.initChanges(), changes);
}

void read_message(schema::ServerMessage::Reader in, ReadContext& context, ServerMessage& out) {
  using M = schema::ServerMessage;
  switch (in.which()) {
    case M::HELLO:
      out = read_hello(in.getHello(), context);
      return;
    case M::AUTHENTICATED:
      out = Authenticated{read_array<Proof>(in.getAuthenticated().getProof(), "a proof")};
      return;
    case M::SESSION_OPENED:
      out = read_session_opened(in.getSessionOpened(), context);
      return;
    case M::RESUMED:
      out = read_resumed(in.getResumed());
      return;
    case M::IDS_GRANTED:
      out = IdsGranted{read_id_range(in.getIdsGranted().getRange())};
      return;
    case M::CREDITS_GRANTED:
      out = CreditsGranted{in.getCreditsGranted().getCommits()};
      return;
    case M::SCHEMA_DEFINED:
      out = read_schema_defined(in.getSchemaDefined(), context);
      return;
    case M::SNAPSHOT_CHUNK: {
      const auto from = in.getSnapshotChunk();
      out = SnapshotChunk{SubscriptionId{from.getSubscription()}, Version{from.getVersion()},
                          read_rows(from.getRows(), context)};
      return;
    }
    case M::SUBSCRIPTION_LOADED: {
      const auto from = in.getSubscriptionLoaded();
      out = SubscriptionLoaded{SubscriptionId{from.getSubscription()}, Version{from.getVersion()}};
      return;
    }
    case M::UNSUBSCRIBED: {
      const auto from = in.getUnsubscribed();
      out = Unsubscribed{SubscriptionId{from.getSubscription()}, Version{from.getVersion()}};
      return;
    }
    case M::COMMIT_DONE:
      out = read_commit_done(in.getCommitDone());
      return;
    case M::COMMITS_ACCEPTED:
      out = CommitsAccepted{context.read_list<CommitsAccepted::Commit>(
          in.getCommitsAccepted().getCommits(), [](const schema::AcceptedCommit::Reader& from) {
            return CommitsAccepted::Commit{Sequence{from.getSequence()}, Version{from.getVersion()},
                                           from.getIsDelta()};
          })};
      return;
    case M::DELTA:
      read_delta(in.getDelta(), context, out.emplace<Delta>());
      return;
    case M::DELTAS:
      read_deltas(in.getDeltas(), context, out.emplace<Deltas>());
      return;
    case M::OBJECTS_LOADED: {
      const auto from = in.getObjectsLoaded();
      out = ObjectsLoaded{RequestId{from.getRequest()}, read_rows(from.getRows(), context),
                          !from.getMore()};
      return;
    }
    case M::FLUSHED: {
      const auto from = in.getFlushed();
      out = Flushed{RequestId{from.getRequest()}, Version{from.getVersion()}};
      return;
    }
    case M::STATUS:
      out = read_status(in.getStatus(), context);
      return;
    case M::HEARTBEAT:
      out = Heartbeat{Version{in.getHeartbeat().getVersion()}};
      return;
    case M::REQUEST_REFUSED:
      out = read_request_refused(in.getRequestRefused());
      return;
    case M::GOODBYE:
      out = read_goodbye(in.getGoodbye());
      return;
  }
  out = UnknownMessage{static_cast<std::uint16_t>(in.which())};
}

}  // namespace odb::wire
