#include "odb/server/session.h"

#include <algorithm>
#include <utility>

#include "odb/core/core_schema.h"
#include "odb/server/server_core.h"
#include "odb/wire/codec.h"
#include "session_jobs.h"

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
      jobs_(std::make_unique<Jobs>()),
      opened_at_(now),
      last_received_(now),
      last_sent_(now),
      now_(now) {}

Session::~Session() = default;

void Session::receive(ClientMessage&& message, std::size_t bytes, Time now) {
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
                 [&](StatusRequest& request) { on(request); },
                 [&](Heartbeat&) {},
                 [&](Resume& resume) { on(resume); },
                 [&](Unsubscribe& unsubscribe) { on(unsubscribe); },
                 [&](LoadObjects& load) { on(load); },
                 [&](Release& release) { on(release); },
                 [&](OldestOpenVersion& oldest) { core_.hold_version(id_, oldest.version, now_); },
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
  const auto has = [&](const char* feature) {
    return std::find(hello.features.begin(), hello.features.end(), feature) != hello.features.end();
  };
  takes_commits_accepted_ = has(kFeatureCommitsAccepted);
  takes_deltas_ = has(kFeatureDeltas);
  send(Hello{.features = {kFeatureStatus, kFeatureTurns}, .software = core_.software()});
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
  if (!message.name.empty()) {
    if (auto named = check_name(message.name, "a program"); !named) {
      return say_goodbye({ErrorCode::kValueOutOfRange, named.error().message});
    }
  }
  client_ = message.client;
  program_ = std::move(message.name);
  resumes_ = message.resumes;
  phase_ = Phase::kOpening;
  // One more: the identity of the connection's own object.
  core_.request_ids(*this, std::min(kFirstIds, core_.limits().ids_per_request_max) + 1, true);
}

void Session::open(Version version) {
  if (phase_ != Phase::kOpening) return;
  phase_ = Phase::kOpen;
  connection_ = ObjectId{ids_.back().first.value + --ids_.back().count};
  if (!resumes_) core_.connection_opened(*this);
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
      .silence_timeout_ms = static_cast<std::uint32_t>(limits.silence_timeout.count()),
      .connection = connection_});
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
  core_.define({.session = id_,
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
  if (partial_.next_part > 0) {
    if (!continue_commit(message, bytes)) return;
  } else if (!begin_commit(message)) {
    return;
  }
  if (!message.last) {
    // More of it follows; nothing is judged before the whole is there.
    if (partial_.next_part == 0) {
      partial_ = {message.sequence, 1, bytes, std::move(message.request)};
    }
    return;
  }
  if (partial_.next_part > 0) {
    message.request = std::move(partial_.request);
    bytes = partial_.bytes;
    partial_ = {};
  }
  submit_commit(message, bytes);
}

// The first part, or the only one: it takes a credit and a sequence. False: refused.
bool Session::begin_commit(const Commit& message) {
  if (commits_in_flight_ >= core_.limits().commit_credits) {
    say_goodbye({ErrorCode::kTooManyCommitsInFlight,
                 "more than the granted " + std::to_string(core_.limits().commit_credits) +
                     " commits in flight"});
    return false;
  }
  if (message.part != 0) {
    say_goodbye({ErrorCode::kMalformedMessage, "a part of a commit that was not begun"});
    return false;
  }
  ++commits_in_flight_;
  if (message.sequence <= last_sequence_) {
    finish_commit(message.sequence,
                  Error{ErrorCode::kSequenceReused,
                        "commit sequence " + std::to_string(message.sequence.value) +
                            " is not above the last one, " + std::to_string(last_sequence_.value)});
    return false;
  }
  last_sequence_ = message.sequence;
  return true;
}

// A further part of the commit under way, which is kept until the last one. What goes beyond the
// limit is not kept, and refused with the last part. False: the link ends.
bool Session::continue_commit(Commit& message, std::size_t bytes) {
  if (message.sequence != partial_.sequence || message.part != partial_.next_part) {
    say_goodbye({ErrorCode::kMalformedMessage, "parts of a commit out of their order"});
    return false;
  }
  ++partial_.next_part;
  partial_.bytes += bytes;
  if (partial_.bytes > core_.limits().commit_bytes_max) {
    partial_.request = {};
  } else {
    append(partial_.request, std::move(message.request));
  }
  return true;
}

void Session::submit_commit(Commit& message, std::size_t bytes) {
  core_.leave_turns(id_);
  if (bytes > core_.limits().commit_bytes_max) {
    return finish_commit(
        message.sequence,
        Error{ErrorCode::kTransactionTooLarge,
              "the transaction takes " + std::to_string(bytes) + " bytes, the limit is " +
                  std::to_string(core_.limits().commit_bytes_max)});
  }
  const TypeId connection_type = core_.connection_type();
  for (const ObjectChange& change : message.request.writes.objects) {
    if (change.type == connection_type && change.type != TypeId{}) {
      return finish_commit(message.sequence,
                           Error{ErrorCode::kServerWrites,
                                 to_string(connection_type_name()) +
                                     ": its objects come and go with connections; only the server "
                                     "writes them"});
    }
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
  core_.submit(
      {.session = id_,
       .actor = actor_,
       .client = client_,
       .sequence = message.sequence,
       .request = {},
       .keeps_created = message.keeps_created,
       .tries_again = message.request.tries_again && commits_in_flight_ == 1,
       .lowest_unresolved = message.lowest_unresolved,
       .delivery = message.sequence <= resent_up_to_ ? Delivery::kResent : Delivery::kFirst},
      std::move(message.request), bytes);
}

void Session::finish_commit(Sequence sequence, CommitOutcome outcome) {
  if (phase_ != Phase::kOpen) return;
  --commits_in_flight_;
  if (const auto* accepted = std::get_if<Accepted>(&outcome))
    last_version_sent_ = accepted->version;
  if (const auto* error = std::get_if<Error>(&outcome)) core_.note_refused(error->code);
  send(CommitDone{sequence, std::move(outcome)});
}

void Session::finish_commit_later(CommitsAccepted::Commit commit) {
  if (phase_ != Phase::kOpen) return;
  --commits_in_flight_;
  last_version_sent_ = commit.version;
  if (!deltas_.empty()) send_held();
  accepted_.commits.push_back(commit);
}

void Session::deliver_later(DeltaNumber delta) {
  if (phase_ == Phase::kEnded) return;
  if (!accepted_.commits.empty()) send_held();
  deltas_.push_back(delta);
}

void Session::send_held() {
  if (!accepted_.commits.empty()) send_accepted();
  if (!deltas_.empty()) send_deltas(core_.subscriptions(), deltas_);
}

void Session::send_accepted() {
  const wire::EncodedMessage message = wire::encode(accepted_);
  accepted_.commits.clear();
  put(message);
}

// Leaves `deltas` empty. No message is larger than this for being one of several deltas.
void Session::send_deltas(SubscriptionEngine& engine, std::vector<DeltaNumber>& deltas) {
  constexpr std::size_t kBytesTogether = 1024 * 1024;
  const std::span<const DeltaNumber> all(deltas);
  for (std::size_t from = 0; from < all.size() && phase_ != Phase::kEnded;) {
    std::size_t to = from + 1;
    std::size_t bytes = engine.bytes_of(all[from]);
    while (takes_deltas_ && to < all.size() && bytes + engine.bytes_of(all[to]) <= kBytesTogether) {
      bytes += engine.bytes_of(all[to++]);
    }
    const wire::EncodedMessage message = engine.encode(all.subspan(from, to - from));
    from = to;
    if (message == nullptr) {
      deltas.clear();
      return say_goodbye_too_large();
    }
    put(message);
  }
  deltas.clear();
}

void Session::on(Flush& message) {
  if (!core_.is_surely_newest()) {
    if (held_flushes_.size() >= core_.limits().loads_per_session_max) {
      return refuse(message.request, {ErrorCode::kTooManyRequests,
                                      "too many flushes wait for the server to be sure that no "
                                      "other one has taken over"});
    }
    return held_flushes_.push_back(message.request);
  }
  // Deltas up to the published version are in the queue before this answer.
  last_version_sent_ = core_.pipeline().published();
  send(Flushed{message.request, last_version_sent_});
}

void Session::on(StatusRequest& message) {
  ServerStatus status = core_.status();
  status.request = message.request;
  const Catalog& catalog = *core_.pipeline().published_catalog();
  for (const auto& type : catalog.types()) {
    if (type == nullptr || !core_.policy().may_see(actor_, *type)) continue;
    std::vector<std::string>& schemas = status.schemas;
    if (std::find(schemas.begin(), schemas.end(), type->name.schema) == schemas.end()) {
      schemas.push_back(type->name.schema);
    }
  }
  send(std::move(status));
}

void Session::answer_held_flushes() {
  if (held_flushes_.empty() || !core_.is_surely_newest()) return;
  last_version_sent_ = core_.pipeline().published();
  for (const RequestId request : std::exchange(held_flushes_, {})) {
    send(Flushed{request, last_version_sent_});
  }
}

void Session::on_unsupported(std::string_view what,
                             std::variant<std::monostate, RequestId, SubscriptionId> about) {
  refuse(about, {ErrorCode::kUnsupported, "this server does not offer " + std::string(what)});
}

void Session::refuse(std::variant<std::monostate, RequestId, SubscriptionId> about, Error error) {
  send(RequestRefused{about, std::move(error)});
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
  drop_old_loads();
  answer_held_flushes();
  // A heartbeat also tells a quiet subscriber how far it has seen, so that its snapshots do not
  // age.
  const Version published = core_.pipeline().published();
  if (now - last_sent_ >= limits.heartbeat_interval || last_version_sent_ < published) {
    last_version_sent_ = published;
    send(Heartbeat{published});
  }
}

void Session::on(Goodbye&) { end(Ending::kOrderly); }

void Session::end(Ending ending) {
  phase_ = Phase::kEnded;
  core_.connection_ended(*this, ending);
  link_.end();
}

void Session::say_goodbye(Error reason) {
  if (phase_ == Phase::kEnded) return;
  send(Goodbye{std::move(reason)});
  if (phase_ == Phase::kEnded) return;  // a queue too full even for that
  end(Ending::kBroken);
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
  send_held();
  put(message);
}

void Session::put(const wire::EncodedMessage& message) {
  if (phase_ == Phase::kEnded) return;  // a queue too full even for what was held
  if (link_.queued_bytes() > core_.limits().session_queue_bytes_max) {
    link_.drop_queue();
    link_.send(wire::encode(ServerMessage(
        Goodbye{{ErrorCode::kSlowSubscriber,
                 "dropped: more than " + std::to_string(core_.limits().session_queue_bytes_max) +
                     " bytes waited to be read"}})));
    end(Ending::kBroken);
    return;
  }
  last_sent_ = now_;
  link_.send(message);
}

}  // namespace odb::server
