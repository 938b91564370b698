#include "client_core.h"

#include <algorithm>
#include <utility>

#include "messages.h"
#include "odb/net/authentication.h"
#include "odb/wire/codec.h"

namespace odb::detail {

namespace {

// Before the session is open a server has little to say.
constexpr std::size_t kOpeningMessageBytesMax = 64 * 1024;
// After a link was made again, for the server's next word.
constexpr std::chrono::milliseconds kOpeningTimeout{10'000};

template <class... Fs>
struct Overloaded : Fs... {
  using Fs::operator()...;
};
template <class... Fs>
Overloaded(Fs...) -> Overloaded<Fs...>;

}  // namespace

ClientCore::ClientCore(ClientIdentity identity, const net::ChannelBinding& binding, Time now)
    : identity_(std::move(identity)),
      binding_(binding),
      cache_(std::make_unique<Cache>()),
      now_(now),
      last_sent_(now),
      last_received_(now) {
  send(
      Hello{.features = {kFeatureCommitsAccepted, kFeatureDeltas}, .software = identity_.software});
  // The proof gives nothing away that the token's owner would not give, and saves a round trip.
  send(Authenticate{net::token_id(identity_.token), net::client_proof(identity_.token, binding_)});
}

std::size_t ClientCore::message_bytes_max() const {
  if (!is_past_opening()) return kOpeningMessageBytesMax;
  // The server is trusted by now, and what one commit leads to may be larger than any commit.
  return wire::kMessageBytesMax;
}

// ---- messages ----

void ClientCore::receive(ServerMessage message, Time now) {
  if (phase_ == Phase::kEnded || phase_ == Phase::kOffline) return;
  now_ = now;
  last_received_ = now;
  if (auto* goodbye = std::get_if<Goodbye>(&message)) {
    const bool orderly = goodbye->reason.code == ErrorCode::kNone;
    return lose_link(orderly ? Error{ErrorCode::kDisconnected, "the server ended the session"}
                             : std::move(goodbye->reason));
  }
  switch (phase_) {
    case Phase::kHello:
      if (auto* hello = std::get_if<Hello>(&message)) return on(*hello);
      return on_unexpected("something before its hello");
    case Phase::kProof:
      if (auto* proof = std::get_if<Authenticated>(&message)) return on(*proof);
      return on_unexpected("something before its proof");
    case Phase::kOpening:
      if (auto* opened = std::get_if<SessionOpened>(&message)) return on(*opened);
      return on_unexpected("something before the session was open");
    case Phase::kResuming:
    case Phase::kReloading:
    case Phase::kOpen:
      break;
    case Phase::kOffline:
    case Phase::kEnded:
      return;
  }
  std::visit(
      Overloaded{
          [&](Delta& delta) {
            check(receiving_cache().apply(delta.version, delta.actor, delta.changes));
          },
          [&](Deltas& deltas) {
            for (Delta& delta : deltas.deltas) {
              if (phase_ == Phase::kEnded) return;
              check(receiving_cache().apply(delta.version, delta.actor, delta.changes));
            }
          },
          [&](CommitDone& done) { on(done); },
          [&](CommitsAccepted& accepted) { on(accepted); },
          [&](SnapshotChunk& chunk) { on(chunk); },
          [&](SubscriptionLoaded& loaded) { on(loaded); },
          [&](Unsubscribed& unsubscribed) { on(unsubscribed); },
          [&](ObjectsLoaded& loaded) { on(loaded); },
          [&](SchemaDefined& defined) { on(defined); },
          [&](Flushed& flushed) { on(flushed); },
          [&](ServerStatus& status) { on(status); },
          [&](Heartbeat& heartbeat) {
            // What was missed may still be on its way, of older versions.
            if (phase_ != Phase::kResuming) receiving_cache().see_version(heartbeat.version);
          },
          [&](Resumed& resumed) { on(resumed); },
          [&](IdsGranted& granted) {
            ids_asked_ = 0;  // whatever was asked for, this is the answer
            take_ids(granted.range);
          },
          [&](CreditsGranted& granted) {
            credits_ += granted.commits;
            send_waiting();
          },
          [&](RequestRefused& refused) { on(refused); },
          [&](UnknownMessage&) {},  // of a newer server; what we need it would not send unasked
          [&](auto&) { on_unexpected("a message that has no place here"); },
      },
      message);
}

void ClientCore::on_unexpected(std::string_view what) {
  fail({ErrorCode::kUnexpectedMessage, "the server sent " + std::string(what)});
}

void ClientCore::check(const Result<void>& result) {
  if (!result) fail(result.error());
}

void ClientCore::on(Hello& hello) {
  if (hello.major != kProtocolMajor) {
    return fail({ErrorCode::kUnsupportedProtocol,
                 "this client speaks protocol version " + std::to_string(kProtocolMajor) +
                     ", the server version " + std::to_string(hello.major)});
  }
  server_features_ = std::move(hello.features);
  phase_ = Phase::kProof;
}

void ClientCore::on(Authenticated& message) {
  if (!net::is_server_proof(message.proof, identity_.token, binding_)) {
    return fail({ErrorCode::kServerNotTrusted,
                 "the server could not prove that it knows the token: it is not the one that the "
                 "token is for, or someone sits between"});
  }
  phase_ = Phase::kOpening;
  send(OpenSession{identity_.client, identity_.name, history_ != HistoryId{}});
}

void ClientCore::on(SessionOpened& message) {
  actor_ = std::move(message.actor);
  credits_ = message.commit_credits;
  commit_bytes_max_ = message.commit_bytes_max;
  heartbeat_interval_ = std::chrono::milliseconds(message.heartbeat_interval_ms);
  silence_timeout_ = std::chrono::milliseconds(message.silence_timeout_ms);
  if (history_ != HistoryId{}) return resume(message);
  history_ = message.history;
  cache_->set_history(history_);
  connection_ = message.connection;
  for (const IdRange& range : message.ids) take_ids(range);
  cache_->see_version(message.version);
  phase_ = Phase::kOpen;
}

void ClientCore::on(SchemaDefined& message) {
  std::vector<SubscriptionId> lazy;
  for (const auto& [id, subscription] : subscriptions_) {
    const bool is_live = !subscription.ticket->error && subscription.ending == nullptr;
    if (is_live && subscription.loading == Loading::kLazy) lazy.push_back(id);
  }
  check(receiving_cache().learn(message.types, lazy));
  for (const CatalogType& type : message.types) {
    stale_schemas_.erase(type.name.schema);
    if (reload_ != nullptr) reload_->told.insert(type.name.schema);
  }
  if (phase_ != Phase::kResuming) receiving_cache().see_version(message.version);
  if (message.request == RequestId{}) return;
  finish_request(message.request, message.version);
  if (reload_ != nullptr && reload_->defining.erase(message.request) != 0 &&
      reload_->defining.empty()) {
    subscribe_again();
  }
}

void ClientCore::on(SnapshotChunk& message) {
  const auto found = subscriptions_.find(message.subscription);
  if (found == subscriptions_.end()) {
    return on_unexpected("objects of a subscription that was never asked for");
  }
  found->second.objects_loaded += message.rows.objects.size();
  check(receiving_cache().stage(message.subscription, std::move(message.rows)));
}

void ClientCore::on(SubscriptionLoaded& message) {
  const auto found = subscriptions_.find(message.subscription);
  if (found == subscriptions_.end()) {
    return on_unexpected("a subscription that was never asked for");
  }
  if (reload_ != nullptr && reload_->loading.erase(message.subscription) != 0) {
    // In the server's numbers, which name what was subscribed to.
    reload_->cache->finish_load(message.subscription, *translate(found->second.interest),
                                found->second.loading, message.version);
    if (reload_->loading.empty()) finish_reload();
    return;
  }
  if (found->second.ticket->is_done()) {
    return receiving_cache().finish_reload(message.subscription, message.version);
  }
  cache_->finish_load(message.subscription, found->second.interest, found->second.loading,
                      message.version);
  found->second.ticket->version = message.version;
}

void ClientCore::on(Unsubscribed& message) {
  const auto found = subscriptions_.find(message.subscription);
  if (found == subscriptions_.end() || found->second.ending == nullptr) {
    return on_unexpected("the end of a subscription that was not to end");
  }
  cache_->end_subscription(message.subscription, found->second.interest, message.version);
  SubscriptionEntry& entry = found->second;
  if (!entry.ticket->is_done()) {
    entry.ticket->error =
        Error{ErrorCode::kUnknownSubscription, "the subscription was ended before it was loaded"};
  }
  entry.ending->version = message.version;
}

void ClientCore::on(Flushed& message) {
  cache_->see_version(message.version);
  if (const auto found = releases_.find(message.request); found != releases_.end()) {
    cache_->release(found->second.objects);
    found->second.ticket->version = message.version;
    releases_.erase(found);
    return;
  }
  finish_request(message.request, message.version);
}

void ClientCore::on(ServerStatus& message) {
  const auto found = requests_.find(message.request);
  if (found == requests_.end()) return on_unexpected("a status that nobody asked for");
  const Version version = message.version;
  const RequestId request = message.request;
  found->second.ticket->status = std::move(message);
  finish_request(request, version);
}

void ClientCore::on(ObjectsLoaded& message) {
  const auto found = loads_.find(message.request);
  if (found == loads_.end()) return on_unexpected("objects that were never asked for");
  const CatalogType* type = cache_->catalog()->catalog->find(message.rows.type);
  if (!message.rows.objects.empty() &&
      (type == nullptr || message.rows.field_count > type->fields.size())) {
    return on_unexpected("objects that do not fit their type");
  }
  LoadTicket& ticket = *found->second.ticket;
  if (!message.rows.objects.empty()) ticket.blocks.push_back(std::move(message.rows));
  ticket.complete = message.last;
  if (message.last) loads_.erase(found);
}

void ClientCore::on(RequestRefused& message) {
  if (reload_ != nullptr) return on_refused_while_reloading(message);
  if (const auto* request = std::get_if<RequestId>(&message.about)) {
    if (const auto load = loads_.find(*request); load != loads_.end()) {
      load->second.ticket->error = std::move(message.error);
      loads_.erase(load);
      return;
    }
    const auto found = requests_.find(*request);
    if (found == requests_.end()) return;
    found->second.ticket->error = std::move(message.error);
    requests_.erase(found);
  } else if (const auto* subscription = std::get_if<SubscriptionId>(&message.about)) {
    const auto found = subscriptions_.find(*subscription);
    if (found == subscriptions_.end()) return;
    SubscriptionEntry& entry = found->second;
    if (!entry.ticket->is_done()) {
      entry.ticket->error = std::move(message.error);
    } else if (entry.ending != nullptr && !entry.ending->is_done()) {
      entry.ending->error = std::move(message.error);
    }
  }
}

// ---- requests ----

std::shared_ptr<RequestTicket> ClientCore::new_request(RequestId id, ClientMessage message) {
  auto ticket = std::make_shared<RequestTicket>();
  if (phase_ == Phase::kEnded) {
    ticket->error = end_reason_;
  } else {
    send_when_open(message);
    requests_.emplace(id, Request{ticket, std::move(message)});
  }
  return ticket;
}

void ClientCore::finish_request(RequestId id, Version version) {
  const auto found = requests_.find(id);
  if (found == requests_.end()) return;
  found->second.ticket->version = version;
  requests_.erase(found);
}

std::shared_ptr<RequestTicket> ClientCore::define(const Schema& schema) {
  cache_->declare(schema.name(), schema.bindings());
  if (reload_ != nullptr) reload_->cache->declare_as(*cache_);
  // In the order in which they came, because they may need each other.
  if (std::none_of(defined_.begin(), defined_.end(), [&](const Schema& known) {
        return known.definition() == schema.definition();
      })) {
    defined_.push_back(schema);
  }
  last_request_ = RequestId{last_request_.value + 1};
  return new_request(last_request_, DefineSchema{last_request_, schema.definition()});
}

std::shared_ptr<RequestTicket> ClientCore::flush() {
  last_request_ = RequestId{last_request_.value + 1};
  return new_request(last_request_, Flush{last_request_});
}

std::shared_ptr<RequestTicket> ClientCore::ask_for_status() {
  if (!server_has(kFeatureStatus)) {
    auto ticket = std::make_shared<RequestTicket>();
    ticket->error =
        Error{ErrorCode::kUnsupported, "this server is too old to be asked for its status"};
    return ticket;
  }
  last_request_ = RequestId{last_request_.value + 1};
  return new_request(last_request_, StatusRequest{last_request_});
}

SubscriptionId ClientCore::subscribe(Interest interest, Loading loading) {
  last_subscription_ = SubscriptionId{last_subscription_.value + 1};
  SubscriptionEntry entry{.interest = std::move(interest),
                          .loading = loading,
                          .ticket = std::make_shared<RequestTicket>(),
                          .ending = nullptr};
  if (phase_ == Phase::kEnded) entry.ticket->error = end_reason_;
  if (loading == Loading::kLazy) report_oldest_open();
  send_when_open(Subscribe{last_subscription_, entry.interest, loading});
  entry.is_told = phase_ == Phase::kOpen;
  subscriptions_.emplace(last_subscription_, std::move(entry));
  return last_subscription_;
}

std::shared_ptr<RequestTicket> ClientCore::unsubscribe(SubscriptionId id) {
  SubscriptionEntry& entry = subscriptions_.at(id);
  if (entry.ending != nullptr) return entry.ending;
  entry.ending = std::make_shared<RequestTicket>();
  if (entry.ticket->error) {
    entry.ending->version = cache_->version();  // it never was
  } else if (phase_ == Phase::kEnded) {
    entry.ending->error = end_reason_;
  } else {
    send_when_open(Unsubscribe{id});  // offline: it is just not taken up again
  }
  return entry.ending;
}

std::shared_ptr<RequestTicket> ClientCore::release(TypeId type, std::vector<ObjectId> objects) {
  auto ticket = std::make_shared<RequestTicket>();
  if (phase_ == Phase::kEnded) {
    ticket->error = end_reason_;
    return ticket;
  }
  last_request_ = RequestId{last_request_.value + 1};
  Releasing releasing{ticket, {}};
  for (const ObjectId object : objects) releasing.objects.push_back({type, object});
  send_when_open(Release{last_request_, type, std::move(objects)});
  releases_.emplace(last_request_, std::move(releasing));
  return ticket;
}

std::shared_ptr<LoadTicket> ClientCore::load(const SnapshotOrigin& origin, Interest what) {
  auto ticket = std::make_shared<LoadTicket>();
  if (phase_ == Phase::kEnded) {
    ticket->error = end_reason_;
    return ticket;
  }
  if (origin.history != history_) {
    ticket->error = history_has_ended();
    return ticket;
  }
  report_oldest_open();
  last_request_ = RequestId{last_request_.value + 1};
  LoadObjects message{last_request_, origin.version, std::move(what)};
  send_when_open(message);
  loads_.emplace(last_request_, Load{ticket, origin.history, std::move(message)});
  return ticket;
}

// From the first time on that something is to be read at the server as of a version, the server is
// told how old the oldest version is that may still be read so.
void ClientCore::report_oldest_open() {
  if (reports_oldest_) return;
  reports_oldest_ = true;
  oldest_reported_ = cache_->oldest_open();
  send_when_open(OldestOpenVersion{oldest_reported_});
}

// ---- time and ends ----

void ClientCore::send_when_open(const ClientMessage& message) {
  if (phase_ == Phase::kOpen) send(message);
}

void ClientCore::send(const ClientMessage& message) {
  if (phase_ == Phase::kEnded || phase_ == Phase::kOffline) return;
  last_sent_ = now_;
  outgoing_.push_back(wire::encode(message));
}

void ClientCore::tick(Time now) {
  now_ = now;
  const bool is_opening_again = history_ != HistoryId{} && !is_past_opening() && !is_offline();
  if (phase_ != Phase::kEnded && is_opening_again && now - last_received_ >= kOpeningTimeout) {
    return lose_link({ErrorCode::kTimeout, "the server did not open a session in time"});
  }
  if (!is_past_opening()) return;
  if (silence_timeout_.count() > 0 && now - last_received_ >= silence_timeout_) {
    return lose_link({ErrorCode::kPeerSilent, "nothing received from the server for " +
                                                  std::to_string(silence_timeout_.count()) +
                                                  " ms"});
  }
  if (reports_oldest_ && phase_ == Phase::kOpen) {
    if (const Version oldest = cache_->oldest_open(); oldest != oldest_reported_) {
      oldest_reported_ = oldest;
      send(OldestOpenVersion{oldest});
    }
  }
  if (now - last_sent_ >= heartbeat_interval_) send(Heartbeat{});
}

bool ClientCore::is_quiet(Time now) const {
  if (phase_ == Phase::kEnded || phase_ == Phase::kOffline) return false;
  return heartbeat_interval_.count() > 0 && now - last_received_ >= heartbeat_interval_ * 3 / 2;
}

void ClientCore::fail(Error reason) {
  if (phase_ == Phase::kEnded) return;
  end_reason_ = std::move(reason);
  phase_ = Phase::kEnded;
  link_events_.push_back({LinkEvent::Kind::kGone, end_reason_, false});
  for (const auto& [sequence, ticket] : std::exchange(commits_, {})) {
    finish(ticket, Error{ErrorCode::kOutcomeUnknown,
                         "whether the commit took effect is unknown: " + end_reason_.message});
  }
  for (const auto& ticket : std::exchange(waiting_, {})) {
    // Those that are to go out again may have taken effect.
    const bool was_sent = ticket->sequence <= last_sent_sequence_;
    finish(ticket, was_sent
                       ? Error{ErrorCode::kOutcomeUnknown,
                               "whether the commit took effect is unknown: " + end_reason_.message}
                       : Error{end_reason_.code, "not committed: " + end_reason_.message});
  }
  waiting_bytes_ = 0;
  for (auto& [id, request] : std::exchange(requests_, {})) request.ticket->error = end_reason_;
  for (auto& [id, load] : std::exchange(loads_, {})) load.ticket->error = end_reason_;
  for (auto& [id, releasing] : std::exchange(releases_, {})) releasing.ticket->error = end_reason_;
  for (auto& [id, subscription] : subscriptions_) {
    if (!subscription.ticket->is_done()) subscription.ticket->error = end_reason_;
    if (subscription.ending != nullptr && !subscription.ending->is_done()) {
      subscription.ending->error = end_reason_;
    }
  }
  cache_->end_watches(end_reason_);
}

}  // namespace odb::detail
