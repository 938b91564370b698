// The part of ClientCore that survives the end of a link.
//
// Offline it keeps the cache, which programs go on reading, and everything under way. On a new link
// it opens a session and says what it holds. The server then tells what was missed (kResuming), or
// that this is not possible: everything that was subscribed to is loaded anew into a second cache
// (kReloading), which takes the place of the first when it is complete. After that what is still
// under way is asked for again, commits under their old sequences.
#include <algorithm>
#include <utility>

#include "client_core.h"
#include "odb/net/authentication.h"

namespace odb::detail {

namespace {

// Whether it may be otherwise next time. What is wrong with this client, or with the server, is
// not.
bool is_temporary(ErrorCode code) {
  switch (code) {
    case ErrorCode::kDisconnected:
    case ErrorCode::kPeerSilent:
    case ErrorCode::kConnectFailed:
    case ErrorCode::kTimeout:
    case ErrorCode::kShuttingDown:
    case ErrorCode::kSlowSubscriber:
    case ErrorCode::kTooManySessions:
    case ErrorCode::kAuthenticationTimeout:
    // Said of a definition while everything is loaded anew: the server's store is away.
    case ErrorCode::kUnavailable:
    case ErrorCode::kOutcomeUnknown:
      return true;
    default:
      return false;
  }
}

std::optional<TypeId> same_type(const Catalog& from, const Catalog& to, TypeId type) {
  const CatalogType* known = from.find(type);
  const CatalogType* found = known == nullptr ? nullptr : to.find(known->name);
  return found == nullptr ? std::nullopt : std::optional(found->id);
}

std::optional<IndexId> same_index(const Catalog& from, const Catalog& to, IndexId index) {
  const CatalogIndex* known = from.find(index);
  if (known == nullptr) return std::nullopt;
  const CatalogType* type = to.find(from.find(known->type)->name);
  const CatalogIndex* found = type == nullptr ? nullptr : type->find_index(known->name);
  return found == nullptr ? std::nullopt : std::optional(found->id);
}

}  // namespace

// ---- the link ----

void ClientCore::lose_link(Error reason) {
  if (phase_ == Phase::kEnded || phase_ == Phase::kOffline) return;
  if (!identity_.reconnects || history_ == HistoryId{} || !is_temporary(reason.code)) {
    return fail(std::move(reason));
  }
  const bool was_open = phase_ == Phase::kOpen;
  phase_ = Phase::kOffline;
  outgoing_.clear();
  ids_asked_ = 0;
  if (reload_ != nullptr) {
    // The cache that stays sees them as its own.
    for (const SubscriptionId id : reload_->own) subscriptions_.erase(id);
    reload_.reset();
  }
  std::vector<Interest> abandoned;
  for (auto& [id, entry] : subscriptions_) {
    entry.is_told = false;
    if (entry.ticket->is_done()) continue;
    entry.objects_loaded = 0;
    abandoned.push_back(entry.interest);
  }
  cache_->abandon_loads(abandoned);
  for (auto& [id, load] : loads_) load.ticket->blocks.clear();
  // Those that were sent go out again before any other.
  std::vector<std::shared_ptr<CommitTicket>> sent;
  for (auto& [sequence, ticket] : std::exchange(commits_, {})) sent.push_back(std::move(ticket));
  std::sort(sent.begin(), sent.end(),
            [](const auto& a, const auto& b) { return a->sequence > b->sequence; });
  for (std::shared_ptr<CommitTicket>& ticket : sent) {
    waiting_bytes_ += ticket->bytes;
    waiting_.push_front(std::move(ticket));
  }
  if (!was_open) return;
  offline_reason_ = std::move(reason);
  link_events_.push_back({LinkEvent::Kind::kReconnecting, offline_reason_, false});
}

void ClientCore::give_up_commits(const Error& reason) {
  if (phase_ != Phase::kOffline) return;
  for (const auto& ticket : std::exchange(waiting_, {})) {
    const bool was_sent = ticket->sequence <= last_sent_sequence_;
    finish(ticket, was_sent ? Error{ErrorCode::kOutcomeUnknown,
                                    "whether the commit took effect is unknown: " + reason.message}
                            : Error{reason.code, "not committed: " + reason.message});
  }
  waiting_bytes_ = 0;
}

void ClientCore::attach(const net::ChannelBinding& binding, Time now) {
  if (phase_ != Phase::kOffline) return;
  binding_ = binding;
  now_ = now;
  last_received_ = now;
  phase_ = Phase::kHello;
  send(
      Hello{.features = {kFeatureCommitsAccepted, kFeatureDeltas}, .software = identity_.software});
  send(Authenticate{net::token_id(identity_.token), net::client_proof(identity_.token, binding_)});
}

// ---- taking up where it was ----

void ClientCore::resume(const SessionOpened& opened) {
  next_history_ = opened.history;
  if (next_history_ != history_) {
    ids_.clear();
    id_chunks_.clear();
    granted_.clear();
    ids_left_ = 0;
  }
  const std::vector<IdRange> granted_before = granted_;
  for (const IdRange& range : opened.ids) take_ids(range);
  phase_ = Phase::kResuming;
  // Before any delta: of what is not taken up again none is told.
  for (auto& [id, releasing] : releases_) releasing.is_past = true;
  finish_what_ended_with_the_session();
  Resume message;
  // A new session does not know that lazy subscriptions were to come again: then all comes anew.
  message.history = cache_->has_incomplete_indexes() ? HistoryId{} : history_;
  message.version = cache_->version();
  message.connection = connection_;
  message.sent_up_to = last_sent_sequence_;
  message.ids = granted_before;
  std::set<std::string> schemas;
  for (const auto& type : cache_->catalog()->catalog->types()) {
    // Of others the server is to tell anew, as soon as they matter.
    if (type != nullptr && !stale_schemas_.contains(type->name.schema)) {
      schemas.insert(type->name.schema);
    }
  }
  message.schemas.assign(schemas.begin(), schemas.end());
  for (auto& [id, entry] : subscriptions_) {
    if (!entry.ticket->version || entry.ending != nullptr) continue;
    entry.is_told = true;
    message.subscriptions.push_back({id, entry.interest, entry.loading});
  }
  message.created = own_objects();
  send(message);
}

void ClientCore::on(Resumed& message) {
  if (phase_ != Phase::kResuming) return on_unexpected("a resumption that nobody asked for");
  connection_ = message.connection;
  if (!message.continued) return reload(message.version);
  cache_->see_version(message.version);
  finish_what_ended_with_the_session();
  reopen(false);
}

void ClientCore::end_untold(SubscriptionEntry& entry) {
  if (entry.ending->is_done()) return;
  if (!entry.ticket->is_done()) {
    entry.ticket->error =
        Error{ErrorCode::kUnknownSubscription, "the subscription was ended before it was loaded"};
  }
  entry.ending->version = cache_->version();
}

// Unsubscribing and releasing, where the new session never heard of what was let go.
void ClientCore::finish_what_ended_with_the_session() {
  for (auto& [id, entry] : subscriptions_) {
    if (entry.ending == nullptr || entry.ending->is_done() || entry.is_told) continue;
    cache_->end_subscription(id, entry.interest, cache_->version());
    end_untold(entry);
  }
  for (auto at = releases_.begin(); at != releases_.end();) {
    Releasing& releasing = at->second;
    if (!releasing.is_past) {
      ++at;
      continue;
    }
    cache_->release(releasing.objects);
    releasing.ticket->version = cache_->version();
    at = releases_.erase(at);
  }
}

// By type; without those that it is about to let go of.
std::vector<ObjectsInterest> ClientCore::own_objects() const {
  std::map<TypeId, std::set<ObjectId>> by_type;
  for (const ObjectRef object : cache_->created()) by_type[object.type].insert(object.object);
  for (const auto& [id, releasing] : releases_) {
    for (const ObjectRef object : releasing.objects) by_type[object.type].erase(object.object);
  }
  std::vector<ObjectsInterest> own;
  for (const auto& [type, objects] : by_type) {
    if (!objects.empty()) own.push_back({type, {objects.begin(), objects.end()}});
  }
  return own;
}

// Everything under way is asked for again.
void ClientCore::reopen(bool new_history) {
  phase_ = Phase::kOpen;
  link_events_.push_back({LinkEvent::Kind::kConnected, {}, new_history});
  if (reports_oldest_) {
    oldest_reported_ = cache_->oldest_open();
    send(OldestOpenVersion{oldest_reported_});
  }
  for (const auto& [id, request] : requests_) send(request.message);
  for (auto& [id, entry] : subscriptions_) {
    if (!entry.ticket->is_done()) {
      entry.is_told = true;
      send(Subscribe{id, entry.interest, entry.loading});
    }
    if (entry.ending != nullptr && !entry.ending->is_done()) send(Unsubscribe{id});
  }
  for (const auto& [id, releasing] : releases_) {
    if (releasing.objects.empty()) continue;
    std::vector<ObjectId> objects;
    for (const ObjectRef object : releasing.objects) objects.push_back(object.object);
    send(Release{id, releasing.objects.front().type, std::move(objects)});
  }
  for (const auto& [id, load] : loads_) send(load.message);
  send_waiting();
}

// ---- everything anew ----

void ClientCore::reload(Version version) {
  phase_ = Phase::kReloading;
  for (auto& [id, entry] : subscriptions_) entry.is_told = false;
  for (auto& [id, releasing] : releases_) releasing.is_past = true;
  reload_ = std::make_unique<Reload>();
  reload_->cache = std::make_unique<Cache>(cache_->step());
  reload_->cache->set_history(next_history_);
  reload_->cache->see_version(version);
  reload_->cache->declare_as(*cache_);
  if (next_history_ == history_) {
    std::vector<CatalogType> types;
    for (const auto& type : cache_->catalog()->catalog->types()) {
      if (type != nullptr) types.push_back(*type);
    }
    check(reload_->cache->learn(types));
    return subscribe_again();
  }
  for (const Schema& schema : defined_) {
    last_request_ = RequestId{last_request_.value + 1};
    reload_->defining.insert(last_request_);
    send(DefineSchema{last_request_, schema.definition()});
  }
  if (reload_->defining.empty()) subscribe_again();
}

// The same in the numbers of the catalog that the server has now.
std::optional<Interest> ClientCore::translate(const Interest& interest) const {
  const Catalog& from = *cache_->catalog()->catalog;
  const Catalog& to = *reload_->cache->catalog()->catalog;
  Interest out = interest;
  if (auto* type = std::get_if<TypeInterest>(&out)) {
    const auto found = same_type(from, to, type->type);
    if (!found) return std::nullopt;
    type->type = *found;
  } else if (auto* objects = std::get_if<ObjectsInterest>(&out)) {
    const auto found = same_type(from, to, objects->type);
    if (!found) return std::nullopt;
    objects->type = *found;
  } else if (auto* key = std::get_if<IndexInterest>(&out)) {
    const auto found = same_index(from, to, key->index);
    if (!found) return std::nullopt;
    key->index = *found;
  } else if (auto* range = std::get_if<IndexRangeInterest>(&out)) {
    const auto found = same_index(from, to, range->range.index);
    if (!found) return std::nullopt;
    range->range.index = *found;
  }
  return out;
}

void ClientCore::subscribe_again() {
  for (auto& [id, entry] : subscriptions_) {
    if (entry.ticket->error || entry.ending != nullptr) continue;
    if (!entry.ticket->version) continue;  // asked for when all is open
    if (entry.is_own && next_history_ != history_) continue;
    const std::optional<Interest> interest = translate(entry.interest);
    if (!interest) continue;
    reload_->loading.insert(id);
    entry.objects_loaded = 0;
    entry.is_told = true;
    send(Subscribe{id, *interest, entry.loading});
  }
  // What is its own to see the new session learns as one more subscription.
  if (next_history_ == history_) {
    for (ObjectsInterest& own : own_objects()) {
      const SubscriptionId id = subscribe(std::move(own), Loading::kEager);
      SubscriptionEntry& entry = subscriptions_.at(id);
      entry.ticket->version = Version{};
      entry.is_told = true;
      entry.is_own = true;
      reload_->own.push_back(id);
      reload_->loading.insert(id);
      send(Subscribe{id, entry.interest, entry.loading});
    }
  }
  if (reload_->loading.empty()) finish_reload();
}

void ClientCore::on_refused_while_reloading(const RequestRefused& message) {
  if (const auto* id = std::get_if<SubscriptionId>(&message.about)) {
    if (reload_->loading.erase(*id) == 0) return;
    reload_->refused.emplace(*id, message.error);
    if (reload_->loading.empty()) finish_reload();
    return;
  }
  // A schema that was good before. Without it nothing can be loaded; with another link it may be.
  lose_link(message.error);
}

// What was asked for counts in the numbers, and as far as the server takes it, from now on: had the
// link broken before, all would still be as it was.
void ClientCore::adopt_subscriptions() {
  if (next_history_ != history_) {
    boost::unordered::erase_if(subscriptions_,
                               [](const auto& entry) { return entry.second.is_own; });
  }
  for (auto& [id, entry] : subscriptions_) {
    if (entry.ticket->error) continue;
    if (entry.ending != nullptr && !entry.is_told) {
      end_untold(entry);  // the second cache never held it
      continue;
    }
    if (const auto refused = reload_->refused.find(id); refused != reload_->refused.end()) {
      entry.ticket->version.reset();
      entry.ticket->error = refused->second;
      if (entry.ending != nullptr) end_untold(entry);
      continue;
    }
    if (std::optional<Interest> interest = translate(entry.interest)) {
      entry.interest = *std::move(interest);
      if (!entry.is_told) entry.ticket->version.reset();  // known only now: asked for once more
    } else {
      // Somebody else had defined it, and has not come back yet.
      entry.ticket->version.reset();
      entry.ticket->error = Error{ErrorCode::kUnknownType,
                                  "the server has begun a new history, and does not know the type"};
    }
  }
}

void ClientCore::finish_reload() {
  const bool new_history = next_history_ != history_;
  adopt_subscriptions();
  const std::unique_ptr<Reload> reloaded = std::move(reload_);
  if (new_history) forget_history();
  stale_schemas_.clear();
  for (const auto& type : reloaded->cache->catalog()->catalog->types()) {
    if (type != nullptr && !reloaded->told.contains(type->name.schema)) {
      stale_schemas_.insert(type->name.schema);
    }
  }
  reloaded->cache->replace(*cache_);
  cache_ = std::move(reloaded->cache);
  for (const auto& ticket : waiting_) {
    for (const ObjectRef object : ticket->created) cache_->expect_created(object);
  }
  finish_what_ended_with_the_session();
  reopen(new_history);
}

// What was under way concerns versions that are no more.
void ClientCore::forget_history() {
  history_ = next_history_;
  for (const auto& ticket : std::exchange(waiting_, {})) {
    const bool was_sent = ticket->sequence <= last_sent_sequence_;
    finish(ticket,
           was_sent ? Error{ErrorCode::kOutcomeUnknown,
                            "whether the commit took effect is unknown: the server has begun a new "
                            "history since"}
                    : Error{ErrorCode::kTooOld,
                            "not committed: the server has begun a new history since"});
  }
  waiting_bytes_ = 0;
  lowest_unresolved_ = Sequence{last_sequence_.value + 1};
  for (auto& [id, load] : std::exchange(loads_, {})) {
    load.ticket->error =
        Error{ErrorCode::kTooOld, "the server has begun a new history since: begin again"};
  }
}

}  // namespace odb::detail
