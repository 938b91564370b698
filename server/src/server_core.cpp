#include "odb/server/server_core.h"

#include <utility>

namespace odb::server {

namespace {

// Identities are reserved in the store in steps of this, so that a grant seldom waits for it.
constexpr std::uint64_t kIdsReservedAtOnce = 1 << 20;

// Of a store that tells everything from within the calls to it.
class NoHost final : public StoreHost {
 public:
  void post(std::function<void()>) override { ODB_CHECK(false); }
};
NoHost no_host;

std::unique_ptr<Database> or_empty(std::unique_ptr<Database> database, const CoreParts& parts) {
  if (database != nullptr) return database;
  database = std::make_unique<Database>(parts.limits);
  database->history = parts.history;
  return database;
}

}  // namespace

ServerCore::ServerCore(CoreParts parts, std::unique_ptr<Database> database)
    : parts_(std::move(parts)),
      database_(or_empty(std::move(database), parts_)),
      pipeline_(database_->state, database_->outcomes, parts_.engine, parts_.store, *this,
                parts_.limits),
      subscriptions_(database_->state, parts_.policy),
      next_id_(database_->ids_below),
      ids_reserved_below_(database_->ids_below),
      ids_asked_below_(database_->ids_below) {
  parts_.store.start(*this, parts_.host == nullptr ? no_host : *parts_.host);
}

ServerCore::~ServerCore() = default;

Session& ServerCore::connect(SessionLink& link, std::string peer, Time now) {
  last_session_ = SessionId{last_session_.value + 1};
  auto owned = std::make_unique<Session>(*this, link, last_session_, std::move(peer), now);
  Session& session = *owned;
  sessions_.emplace(last_session_, std::move(owned));
  if (sessions_.size() > parts_.limits.sessions_max) {
    session.say_goodbye({ErrorCode::kTooManySessions,
                         "the server has its maximum of " +
                             std::to_string(parts_.limits.sessions_max) + " sessions"});
  }
  return session;
}

void ServerCore::disconnect(SessionId id) {
  Session* session = find(id);
  if (session == nullptr) return;
  interests().remove(id);
  sessions_.erase(id);
  if (holds_.erase(id) != 0) update_hold();
}

Session* ServerCore::find(SessionId session) {
  const auto found = sessions_.find(session);
  return found == sessions_.end() ? nullptr : found->second.get();
}

void ServerCore::finish_batch() { pipeline_.flush(); }

void ServerCore::tick(Time now) {
  const auto is_over = [&](const auto& hold) {
    return now - hold.second.since >= parts_.limits.held_time_max;
  };
  if (boost::unordered::erase_if(holds_, is_over) != 0) update_hold();
  for (auto& [id, session] : sessions_) session->tick(now);
}

void ServerCore::shut_down() {
  pipeline_.flush();
  for (auto& [id, session] : sessions_) {
    session->say_goodbye({ErrorCode::kShuttingDown, "the server is shutting down"});
  }
}

// ---- identities ----

void ServerCore::request_ids(Session& session, std::uint64_t count, bool opening) {
  id_requests_.push_back({session.id(), count, opening});
  grant_waiting_ids();
}

void ServerCore::grant_waiting_ids() {
  while (!id_requests_.empty()) {
    const IdRequest request = id_requests_.front();
    const ObjectId end{next_id_.value + request.count};
    if (end > ids_reserved_below_) {
      const ObjectId wanted{end.value + kIdsReservedAtOnce};
      if (ids_asked_below_ < end) {
        ids_asked_below_ = wanted;
        parts_.store.reserve_ids(wanted);  // may answer at once, through on_ids_reserved
      }
      return;
    }
    id_requests_.pop_front();
    Session* session = find(request.session);
    if (session == nullptr) continue;
    session->grant_ids({next_id_, request.count});
    next_id_ = end;
    if (request.opening) session->open(pipeline_.published());
  }
}

void ServerCore::on_ids_reserved(ObjectId below) {
  if (below <= ids_reserved_below_) return;
  ids_reserved_below_ = below;
  grant_waiting_ids();
}

// ---- versions that clients still read ----

void ServerCore::hold_version(SessionId session, Version oldest, Time now) {
  const auto [hold, fresh] = holds_.try_emplace(session, Hold{oldest, now});
  if (!fresh) {
    // A client that repeats itself does not hold a version for longer.
    if (hold->second.oldest == oldest) return;
    hold->second = {oldest, now};
  }
  update_hold();
}

void ServerCore::update_hold() {
  std::optional<Version> oldest;
  for (const auto& [session, hold] : holds_) {
    if (!oldest || hold.oldest < *oldest) oldest = hold.oldest;
  }
  pipeline_.hold(oldest);
}

// ---- commits ----

void ServerCore::on_durable(Version up_to) { pipeline_.on_durable(up_to); }

void ServerCore::on_append_failed(Version from, const Error& reason) {
  pipeline_.on_append_failed(from, reason);
}

void ServerCore::on_lost(const Error& reason) {
  pipeline_.on_lost(reason);
  if (parts_.on_store_lost) parts_.on_store_lost(reason);
}

void ServerCore::on_published(const CommitRecord& record, const CommitOrigin& origin) {
  if (!record.schema) {
    const Session* author = origin.keeps_created ? find(origin.session) : nullptr;
    const bool keeps = author != nullptr && author->is_open();
    subscriptions_.publish(record, keeps ? origin.session : SessionId{}, *this);
    return;
  }
  interests().extend(*pipeline_.published_catalog());
  // Everyone who knows the schema learns what was added before any object that uses it.
  for (auto& [id, session] : sessions_) {
    if (session->is_open() && session->knows_schema(record.schema->name)) {
      session->tell_catalog(record.schema->name, RequestId{}, record.version);
      session->load_lazy_again(record.schema->name);
    }
  }
}

void ServerCore::on_outcome(const CommitOrigin& origin, CommitOutcome outcome) {
  if (Session* session = find(origin.session)) {
    session->finish_commit(origin.sequence, std::move(outcome));
  }
}

void ServerCore::on_schema_defined(const CommitOrigin& origin, const std::string& schema,
                                   const Result<Version>& outcome) {
  Session* session = find(origin.session);
  if (session == nullptr) return;
  if (outcome) {
    session->tell_catalog(schema, origin.request, *outcome);
  } else {
    session->send(RequestRefused{origin.request, outcome.error()});
  }
}

const std::string& ServerCore::actor_of(SessionId session) const {
  return sessions_.at(session)->actor();
}

void ServerCore::deliver(SessionId session, const wire::EncodedMessage& delta) {
  Session* found = find(session);
  if (found == nullptr) return;
  if (delta == nullptr) return found->say_goodbye_too_large();
  found->deliver(delta);
}

}  // namespace odb::server
