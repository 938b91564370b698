#include "odb/server/session.h"

#include <algorithm>
#include <utility>

#include "odb/server/server_core.h"
#include "odb/wire/codec.h"

namespace odb::server {

namespace {

// The first range a session gets; it asks for more as it creates.
constexpr std::uint64_t kFirstIds = 1024;

template <class... Fs>
struct Overloaded : Fs... {
  using Fs::operator()...;
};
template <class... Fs>
Overloaded(Fs...) -> Overloaded<Fs...>;

Error unexpected(std::string_view what) {
  return {ErrorCode::kUnexpectedMessage, std::string(what) + " has no place here"};
}

}  // namespace

Session::Session(ServerCore& core, SessionLink& link, SessionId id, std::string peer, Time now)
    : core_(core),
      link_(link),
      id_(id),
      peer_(std::move(peer)),
      opened_at_(now),
      last_received_(now),
      last_sent_(now),
      now_(now) {}

void Session::receive(ClientMessage message, std::size_t bytes, Time now) {
  if (phase_ == Phase::kEnded) return;
  now_ = now;
  last_received_ = now;
  if (std::holds_alternative<Goodbye>(message)) return on(std::get<Goodbye>(message));
  switch (phase_) {
    case Phase::kHello:
      if (auto* hello = std::get_if<Hello>(&message)) return on(*hello);
      return say_goodbye({ErrorCode::kUnexpectedMessage, "the first message must be a hello"});
    case Phase::kAuthenticate:
      if (auto* authenticate = std::get_if<Authenticate>(&message)) return on(*authenticate);
      return say_goodbye({ErrorCode::kUnexpectedMessage, "authentication must come first"});
    case Phase::kAuthenticated:
      if (auto* open = std::get_if<OpenSession>(&message)) return on(*open);
      return say_goodbye({ErrorCode::kUnexpectedMessage, "the session must be opened first"});
    case Phase::kOpening:  // the client waits for SessionOpened
      if (std::holds_alternative<Heartbeat>(message)) return;
      return say_goodbye(unexpected("a message before the session is open"));
    case Phase::kOpen:
      break;
    case Phase::kEnded:
      return;
  }
  using Nothing = std::monostate;
  std::visit(Overloaded{
                 [&](Commit& commit) { on(commit, bytes); },
                 [&](DefineSchema& define) { on(define, bytes); },
                 [&](Subscribe& subscribe) { on(subscribe); },
                 [&](RequestIds& request) { on(request); },
                 [&](Flush& flush) { on(flush); },
                 [&](Heartbeat&) {},
                 [&](Resume&) { on_unsupported("resuming", Nothing()); },
                 [&](Unsubscribe& m) { on_unsupported("unsubscribing", m.subscription); },
                 [&](LoadObjects& m) { on_unsupported("loading objects at a version", m.request); },
                 [&](OldestOpenVersion&) { on_unsupported("holding back the horizon", Nothing()); },
                 [&](UnknownMessage& m) {
                   on_unsupported("message kind " + std::to_string(m.kind), Nothing());
                 },
                 [&](Hello&) { say_goodbye(unexpected("a second hello")); },
                 [&](Authenticate&) { say_goodbye(unexpected("a second authentication")); },
                 [&](OpenSession&) { say_goodbye(unexpected("opening the session twice")); },
                 [&](Goodbye&) {},
             },
             message);
}

void Session::reject(const Error& error) { say_goodbye(error); }

// ---- opening ----

void Session::on(Hello& hello) {
  if (hello.major != kProtocolMajor) {
    return say_goodbye({ErrorCode::kUnsupportedProtocol,
                        "this server speaks protocol version " + std::to_string(kProtocolMajor) +
                            ", the client version " + std::to_string(hello.major)});
  }
  phase_ = Phase::kAuthenticate;
  send(Hello{.software = core_.software()});
}

void Session::on(Authenticate& message) {
  const auto admission =
      core_.tokens().authenticate(message.token, message.proof, link_.channel_binding());
  if (!admission) {
    return say_goodbye({ErrorCode::kAuthenticationFailed, "the server does not accept this token"});
  }
  actor_ = admission->actor;
  phase_ = Phase::kAuthenticated;
  link_.set_message_bytes_max(core_.limits().commit_bytes_max + kMessageSlackBytes);
  send(Authenticated{admission->server_proof});
}

void Session::on(OpenSession& message) {
  client_ = message.client;
  phase_ = Phase::kOpening;
  core_.request_ids(*this, std::min(kFirstIds, core_.limits().ids_per_request_max), true);
}

void Session::open(Version version) {
  if (phase_ != Phase::kOpening) return;
  phase_ = Phase::kOpen;
  last_version_sent_ = version;
  const Limits& limits = core_.limits();
  send(SessionOpened{
      .session = id_,
      .history = core_.history(),
      .version = version,
      .actor = actor_,
      .ids = ids_,
      .commit_credits = limits.commit_credits,
      .commit_bytes_max = limits.commit_bytes_max,
      .heartbeat_interval_ms = static_cast<std::uint32_t>(limits.heartbeat_interval.count()),
      .silence_timeout_ms = static_cast<std::uint32_t>(limits.silence_timeout.count())});
}

// ---- identities ----

void Session::on(RequestIds& message) {
  core_.request_ids(*this,
                    std::clamp<std::uint64_t>(message.count, 1, core_.limits().ids_per_request_max),
                    false);
}

void Session::grant_ids(IdRange range) {
  if (!ids_.empty() && ids_.back().first.value + ids_.back().count == range.first.value) {
    ids_.back().count += range.count;
  } else {
    ids_.push_back(range);  // grants only go up, so this stays sorted
  }
  if (phase_ == Phase::kOpen) send(IdsGranted{range});
}

bool Session::owns(ObjectId object) const {
  const auto after =
      std::upper_bound(ids_.begin(), ids_.end(), object,
                       [](ObjectId id, const IdRange& range) { return id < range.first; });
  return after != ids_.begin() && std::prev(after)->contains(object);
}

// ---- schemas and commits ----

void Session::on(DefineSchema& message, std::size_t bytes) {
  if (!core_.policy().may_define(actor_, message.schema)) {
    return refuse(message.request,
                  {ErrorCode::kUnsupported, "not allowed to define " + message.schema.name});
  }
  core_.pipeline().define({.session = id_,
                           .actor = actor_,
                           .client = client_,
                           .sequence = {},
                           .request = message.request},
                          std::move(message.schema), bytes);
}

void Session::tell_catalog(const std::string& schema, RequestId request, Version version) {
  schemas_.insert(schema);
  SchemaDefined defined{request, version, {}};
  for (const TypeId type : core_.pipeline().published_catalog()->types_of(schema)) {
    defined.types.push_back(*core_.pipeline().published_catalog()->find(type));
  }
  last_version_sent_ = std::max(last_version_sent_, version);
  send(std::move(defined));
}

void Session::on(Commit& message, std::size_t bytes) {
  if (commits_in_flight_ >= core_.limits().commit_credits) {
    return say_goodbye({ErrorCode::kTooManyCommitsInFlight,
                        "more than the granted " + std::to_string(core_.limits().commit_credits) +
                            " commits in flight"});
  }
  ++commits_in_flight_;
  if (message.sequence <= last_sequence_) {
    return finish_commit(
        message.sequence,
        Error{ErrorCode::kSequenceReused,
              "commit sequence " + std::to_string(message.sequence.value) +
                  " is not above the last one, " + std::to_string(last_sequence_.value)});
  }
  last_sequence_ = message.sequence;
  if (message.part != 0 || !message.last) {
    return finish_commit(message.sequence,
                         Error{ErrorCode::kUnsupported, "this server takes no commits in parts"});
  }
  if (bytes > core_.limits().commit_bytes_max) {
    return finish_commit(
        message.sequence,
        Error{ErrorCode::kTransactionTooLarge,
              "the transaction takes " + std::to_string(bytes) + " bytes, the limit is " +
                  std::to_string(core_.limits().commit_bytes_max)});
  }
  for (const ObjectChange& change : message.request.writes.objects) {
    if (change.kind == ObjectChange::Kind::kCreate && !owns(change.object)) {
      return finish_commit(
          message.sequence,
          Error{ErrorCode::kIdOutOfRange, "identity " + std::to_string(change.object.value) +
                                              " was not granted to this session"});
    }
  }
  if (!core_.policy().may_commit(actor_, message.request.writes)) {
    return finish_commit(message.sequence,
                         Error{ErrorCode::kUnsupported, "not allowed to commit this"});
  }
  core_.pipeline().submit({.session = id_,
                           .actor = actor_,
                           .client = client_,
                           .sequence = message.sequence,
                           .request = {}},
                          std::move(message.request), bytes);
}

void Session::finish_commit(Sequence sequence, CommitOutcome outcome) {
  if (phase_ != Phase::kOpen) return;
  --commits_in_flight_;
  if (const auto* accepted = std::get_if<Accepted>(&outcome))
    last_version_sent_ = accepted->version;
  send(CommitDone{sequence, std::move(outcome)});
}

void Session::on(Flush& message) {
  // Deltas up to the published version are in the queue before this answer.
  last_version_sent_ = core_.pipeline().published();
  send(Flushed{message.request, last_version_sent_});
}

void Session::on_unsupported(std::string_view what,
                             std::variant<std::monostate, RequestId, SubscriptionId> about) {
  refuse(about, {ErrorCode::kUnsupported, "this server does not offer " + std::string(what)});
}

void Session::refuse(std::variant<std::monostate, RequestId, SubscriptionId> about, Error error) {
  send(RequestRefused{about, std::move(error)});
}

// ---- subscriptions ----

Result<void> Session::check_interest(const Interest& interest) const {
  const Catalog& catalog = *core_.pipeline().published_catalog();
  const auto unknown_type = [](TypeId type) {
    return Error{ErrorCode::kUnknownType, "there is no type number " + std::to_string(type.value)};
  };
  if (const auto* schema = std::get_if<SchemaInterest>(&interest)) {
    if (!catalog.has_schema(schema->schema)) {
      return Error{ErrorCode::kUnknownSchema, "there is no schema \"" + schema->schema + "\""};
    }
  } else if (const auto* type = std::get_if<TypeInterest>(&interest)) {
    if (catalog.find(type->type) == nullptr) return unknown_type(type->type);
  } else if (const auto* objects = std::get_if<ObjectsInterest>(&interest)) {
    if (catalog.find(objects->type) == nullptr) return unknown_type(objects->type);
  } else {
    const auto& index_interest = std::get<IndexInterest>(interest);
    const CatalogIndex* index = catalog.find(index_interest.index);
    if (index == nullptr) {
      return Error{ErrorCode::kUnknownIndex,
                   "there is no index number " + std::to_string(index_interest.index.value)};
    }
    const CatalogType& indexed = *catalog.find(index->type);
    if (index_interest.key.size() != index->fields.size()) {
      return Error{ErrorCode::kWrongType, to_string(indexed.name) + "." + index->name +
                                              ": expected " + std::to_string(index->fields.size()) +
                                              " values, found " +
                                              std::to_string(index_interest.key.size())};
    }
    for (std::size_t i = 0; i < index->fields.size(); ++i) {
      const CatalogField& field = indexed.fields[index->fields[i].value];
      if (auto fits = check_fits(index_interest.key[i], field.type); !fits) {
        return Error{fits.error().code,
                     to_string(indexed.name) + "." + field.name + ": " + fits.error().message};
      }
    }
  }
  return {};
}

const std::string& Session::schema_of(const Interest& interest) const {
  const Catalog& catalog = *core_.pipeline().published_catalog();
  if (const auto* schema = std::get_if<SchemaInterest>(&interest)) return schema->schema;
  if (const auto* type = std::get_if<TypeInterest>(&interest)) {
    return catalog.find(type->type)->name.schema;
  }
  if (const auto* objects = std::get_if<ObjectsInterest>(&interest)) {
    return catalog.find(objects->type)->name.schema;
  }
  return catalog.find(catalog.find(std::get<IndexInterest>(interest).index)->type)->name.schema;
}

void Session::on(Subscribe& message) {
  const SubscriptionId subscription = message.subscription;
  if (subscriptions_.size() >= core_.limits().subscriptions_per_session_max) {
    return refuse(subscription, {ErrorCode::kTooManySubscriptions,
                                 "the session has its maximum of " +
                                     std::to_string(core_.limits().subscriptions_per_session_max) +
                                     " subscriptions"});
  }
  if (auto valid = check_interest(message.interest); !valid) {
    return refuse(subscription, valid.error());
  }
  if (!core_.policy().may_subscribe(actor_, message.interest)) {
    return refuse(subscription, {ErrorCode::kUnsupported, "not allowed to subscribe to this"});
  }
  if (std::find(subscriptions_.begin(), subscriptions_.end(), subscription) !=
      subscriptions_.end()) {
    return refuse(subscription,
                  {ErrorCode::kUnexpectedMessage,
                   "subscription number " + std::to_string(subscription.value) + " is in use"});
  }
  // Who subscribes is told of the types, and of what is added to them, before any object.
  if (const std::string& schema = schema_of(message.interest); !knows_schema(schema)) {
    tell_catalog(schema, RequestId{}, core_.pipeline().published());
  }
  subscriptions_.push_back(subscription);
  core_.interests().add(id_, subscription, message.interest, *core_.pipeline().published_catalog());
  Loading loading{.subscription = subscription, .interest = std::move(message.interest)};
  if (const auto* objects = std::get_if<ObjectsInterest>(&loading.interest)) {
    loading.objects = objects->objects;
    std::sort(loading.objects.begin(), loading.objects.end());
    loading.objects.erase(std::unique(loading.objects.begin(), loading.objects.end()),
                          loading.objects.end());
  }
  loading_.push_back(std::move(loading));
}

// ---- time and ends ----

void Session::tick(Time now) {
  if (phase_ == Phase::kEnded) return;
  now_ = now;
  const Limits& limits = core_.limits();
  if (phase_ != Phase::kOpen) {
    if (now - opened_at_ >= limits.authentication_deadline) {
      say_goodbye({ErrorCode::kAuthenticationTimeout,
                   "not authenticated within " +
                       std::to_string(limits.authentication_deadline.count()) + " ms"});
    }
    return;
  }
  if (now - last_received_ >= limits.silence_timeout) {
    return say_goodbye(
        {ErrorCode::kPeerSilent,
         "nothing received for " + std::to_string(limits.silence_timeout.count()) + " ms"});
  }
  // A heartbeat also tells a quiet subscriber how far it has seen, so that its snapshots do not
  // age.
  const Version published = core_.pipeline().published();
  if (now - last_sent_ >= limits.heartbeat_interval || last_version_sent_ < published) {
    last_version_sent_ = published;
    send(Heartbeat{published});
  }
}

void Session::on(Goodbye&) {
  phase_ = Phase::kEnded;
  link_.end();
}

void Session::say_goodbye(Error reason) {
  if (phase_ == Phase::kEnded) return;
  send(Goodbye{std::move(reason)});
  if (phase_ == Phase::kEnded) return;  // a queue too full even for that
  phase_ = Phase::kEnded;
  link_.end();
}

void Session::say_goodbye_too_large() {
  say_goodbye(
      {ErrorCode::kMessageTooLarge, "dropped: the next message would take more than " +
                                        std::to_string(wire::kMessageBytesMax) +
                                        " bytes; subscribe to less, or write less in one commit"});
}

void Session::send(const ServerMessage& message) {
  wire::EncodedMessage encoded;
  try {
    encoded = wire::encode(message);
  } catch (const wire::MessageTooLarge&) {
    return say_goodbye_too_large();
  }
  deliver(encoded);
}

void Session::deliver(const wire::EncodedMessage& message) {
  if (phase_ == Phase::kEnded) return;
  if (link_.queued_bytes() > core_.limits().session_queue_bytes_max) {
    link_.drop_queue();
    link_.send(wire::encode(ServerMessage(
        Goodbye{{ErrorCode::kSlowSubscriber,
                 "dropped: more than " + std::to_string(core_.limits().session_queue_bytes_max) +
                     " bytes waited to be read"}})));
    phase_ = Phase::kEnded;
    link_.end();
    return;
  }
  last_sent_ = now_;
  link_.send(message);
}

}  // namespace odb::server
