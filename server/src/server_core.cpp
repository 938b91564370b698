#include "odb/server/server_core.h"

#include <chrono>
#include <utility>

#include "odb/core/core_schema.h"

namespace odb::server {

namespace {

// Identities are reserved in the store in steps of this, so that a grant seldom waits for it.
constexpr std::uint64_t kIdsReservedAtOnce = 1 << 20;

std::int64_t system_utc_ns() {
  return std::chrono::nanoseconds(std::chrono::system_clock::now().time_since_epoch()).count();
}

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
      connections_(database_->state, pipeline_),
      stages_(pipeline_.accepted()),
      next_id_(database_->ids_below),
      ids_reserved_below_(database_->ids_below),
      ids_asked_below_(database_->ids_below),
      ids_before_start_below_(database_->ids_below) {
  if (!parts_.utc_ns) parts_.utc_ns = &system_utc_ns;
  started_utc_ns_ = parts_.utc_ns();
  connections_.find_left_behind();
  parts_.store.start(*this, parts_.host == nullptr ? no_host : *parts_.host);
}

ServerCore::~ServerCore() = default;

Session& ServerCore::connect(SessionLink& link, std::string peer, Time now) {
  ++connections_made_;
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
  if (session->is_open()) connection_ended(*session, Ending::kBroken);
  interests().remove(id);
  sessions_.erase(id);
  if (holds_.erase(id) != 0) update_hold();
  turns_.remove(id, now_);
  held_back_.erase(id);
}

Session* ServerCore::find(SessionId session) {
  const auto found = sessions_.find(session);
  return found == sessions_.end() ? nullptr : found->second.get();
}

void ServerCore::finish_batch() {
  if (hands_over_) return;
  connections_.update();
  flush_pipeline();
  tell_due();
  replay_.trim_to(state().horizon());
}

void ServerCore::tick(Time now) {
  const auto is_over = [&](const auto& hold) {
    return now - hold.second.since >= parts_.limits.held_time_max;
  };
  if (boost::unordered::erase_if(holds_, is_over) != 0) update_hold();
  now_ = now;
  connections_.expire(now, parts_.limits.connection_grace);
  end_turns(now);
  finish_batch();  // before heartbeats tell of what is published
  for (auto& [id, session] : sessions_) session->tick(now);
}

void ServerCore::shut_down(const Error& reason) {
  shutting_down_ = true;
  if (!hands_over_) {
    flush_pipeline();
    turns_.release_all();
    tell_due();
  }
  for (auto& [id, session] : sessions_) session->say_goodbye(reason);
}

// ---- connections as objects ----

void ServerCore::connection_opened(const Session& session) {
  connections_.opened(session.connection(), {.name = session.program(),
                                             .actor = session.actor(),
                                             .address = session.peer(),
                                             .since_ns = parts_.utc_ns(),
                                             .client = session.client()});
  connections_.update();  // whatever it commits may already refer to it
}

void ServerCore::connection_ended(const Session& session, Ending ending) {
  remember(session);
  // A server that stops ends all of them; what they owned waits for its next start.
  if (shutting_down_) return;
  if (ending == Ending::kOrderly) return connections_.ended(session.connection());
  connections_.lost(session.connection(), now_ + parts_.limits.connection_grace);
}

// ---- clients that come back ----

void ServerCore::remember(const Session& session) {
  if (session.connection() == ObjectId{}) return;
  const auto [at, fresh] = departed_.try_emplace(session.client(), Departed{session.actor(), {}});
  if (at->second.actor != session.actor()) at->second = {session.actor(), {}};
  add_ranges(at->second.ids, session.ids());
  if (!fresh) return;
  departed_in_order_.push_back(session.client());
  if (departed_in_order_.size() <= parts_.limits.sessions_max) return;
  departed_.erase(departed_in_order_.front());
  departed_in_order_.pop_front();
}

void ServerCore::take_over(Session& session, const Resume& from) {
  std::vector<SessionId> older;
  for (const auto& [id, other] : sessions_) {
    if (id != session.id() && other->client() == session.client() &&
        other->actor() == session.actor()) {
      older.push_back(id);
    }
  }
  for (const SessionId id : older) {
    interests().remove(id);  // also when it has ended and just waits for its link
    Session& other = *sessions_.at(id);
    if (other.is_open())
      other.say_goodbye({ErrorCode::kDisconnected, "this client has connected again"});
  }
  const auto known = departed_.find(session.client());
  if (known != departed_.end() && known->second.actor == session.actor()) {
    session.adopt_ids(known->second.ids);
  }
  // What was granted before the server started nobody else has now.
  std::vector<IdRange> from_before;
  for (const IdRange& range : from.ids) {
    const ObjectId end{range.first.value + range.count};
    if (end <= ids_before_start_below_) from_before.push_back(range);
  }
  session.adopt_ids(from_before);
  if (connections_.adopt(from.connection, session.actor())) {
    session.adopt_connection(from.connection);
  } else {
    connection_opened(session);
  }
}

void ServerCore::define(CommitOrigin origin, SchemaDefinition schema, std::size_t bytes) {
  if (needs_core_schema(schema)) {
    const Catalog core = *Catalog().merged(core_schema_definition());
    if (schema.name == kCoreSchema) {
      const auto same = core.merged(schema);
      if (!same || !(*same == core)) {
        return on_schema_defined(
            origin, schema.name,
            Error{ErrorCode::kSchemaContradiction,
                  "schema core is the server's own: expected " + to_string(connection_type_name()) +
                      "(name: text, actor: text, address: text, since: timestamp) or a part of it" +
                      (same ? std::string() : "; " + same.error().message)});
      }
      pipeline_.define(std::move(origin), core_schema_definition(), bytes);
      return connections_.update();
    }
    if (state().catalog()->find(connection_type_name()) == nullptr) {
      pipeline_.define({}, core_schema_definition(), 0);
      connections_.update();
    }
  }
  pipeline_.define(std::move(origin), std::move(schema), bytes);
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

AuthorsDelta ServerCore::on_published(CommitRecord&& record, const CommitOrigin& origin,
                                      Telling telling) {
  if (!record.schema) {
    ++commits_;
    const Session* session = find(origin.session);
    Author author;
    if (session != nullptr && session->is_open()) {
      author.keeps_created = origin.keeps_created;
      author.takes_outcome = telling == Telling::kOutcome && session->takes_commits_accepted();
      author.session = origin.session;
    }
    const AuthorsDelta authors =
        subscriptions_.publish(record, *pipeline_.published_catalog(), author, *this);
    constexpr std::size_t kHeldBytesMax = 4 * 1024 * 1024;
    if (subscriptions_.held_bytes() > kHeldBytesMax) tell_subscribers();
    replay_.add(std::move(record), origin.keeps_created);
    return authors;
  }
  ++schema_changes_;
  interests().extend(*pipeline_.published_catalog());
  // Everyone who knows the schema learns what was added before any object that uses it.
  for (auto& [id, session] : sessions_) {
    if (session->is_open() && session->knows_schema(record.schema->name)) {
      session->tell_catalog(record.schema->name, RequestId{}, record.version);
      session->load_lazy_again(record.schema->name);
    }
  }
  replay_.add(std::move(record), false);
  return AuthorsDelta::kSent;
}

void ServerCore::on_all_told() { send_held(parts_.gathers_deltas ? News::kOutcomes : News::kAll); }

void ServerCore::tell_subscribers() { send_held(News::kAll); }

void ServerCore::send_held(News news) {
  if (std::exchange(sending_held_, true)) return;  // called from within: the loop below goes on
  std::size_t waiting = 0;
  for (std::size_t i = 0; i < holding_news_.size(); ++i) {
    const SessionId id = holding_news_[i];
    Session* session = find(id);
    if (session == nullptr || !session->holds_news()) continue;
    if (news == News::kAll || session->holds_outcomes()) {
      session->send_held();
    } else {
      holding_news_[waiting++] = id;
    }
  }
  holding_news_.resize(waiting);
  if (waiting == 0) subscriptions_.drop_held();
  sending_held_ = false;
}

void ServerCore::on_outcome(const CommitOrigin& origin, CommitOutcome outcome,
                            AuthorsDelta authors) {
  if (origin.session == SessionId{}) return connections_.on_outcome(origin.request, outcome);
  const auto* conflict = std::get_if<Conflict>(&outcome);
  if (conflict != nullptr) {
    conflicts_.add(conflict->key);
    ++conflict_count_;
  }
  Session* session = find(origin.session);
  if (session == nullptr) return;
  if (conflict != nullptr && origin.tries_again && !shutting_down_) {
    if (turns_.wait(origin.session, origin.sequence, *conflict, session->now())) return;
  } else if (!turns_.is_empty()) {
    turns_.end_turn(origin.session, session->now());
  }
  const auto* accepted = std::get_if<Accepted>(&outcome);
  if (accepted == nullptr || !session->takes_commits_accepted() || !pipeline_.is_telling()) {
    return session->finish_commit(origin.sequence, std::move(outcome));
  }
  if (!session->holds_news()) holding_news_.push_back(origin.session);
  session->finish_commit_later(
      {origin.sequence, accepted->version, authors == AuthorsDelta::kOutcome});
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

void ServerCore::end_turns(Time now) {
  turns_.expire(now);
  tell_due();
}

void ServerCore::submit(CommitOrigin&& origin, CommitRequest&& request, std::size_t bytes) {
  if (origin.tries_again && !turns_.is_empty() &&
      turns_.hold_back(origin.session, origin.sequence, request, find(origin.session)->now())) {
    const SessionId session = origin.session;
    held_back_.insert_or_assign(session, HeldBack{std::move(origin), std::move(request), bytes});
    return;
  }
  pipeline_.submit(std::move(origin), std::move(request), bytes);
}

void ServerCore::release(SessionId session) {
  turns_.release(session);
  const auto found = held_back_.find(session);
  if (found == held_back_.end()) return;
  found->second.origin.tries_again = false;  // not before what it does now
  submit_held_back(session);
}

void ServerCore::submit_held_back(SessionId session) {
  const auto found = held_back_.find(session);
  if (found == held_back_.end()) return;
  HeldBack commit = std::move(found->second);
  held_back_.erase(found);
  // One that has ended has surely not committed it: its client may have sent it elsewhere.
  if (find(session)->is_open()) {
    pipeline_.submit(std::move(commit.origin), std::move(commit.request), commit.bytes);
  }
}

void ServerCore::tell_due() {
  for (auto due = turns_.take_due(); !due.empty(); due = turns_.take_due()) {
    for (RetryTurns::Waiter& waiter : due) {
      Session* session = find(waiter.session);
      if (session == nullptr) continue;
      if (waiter.conflict) {
        session->finish_commit(waiter.sequence, *std::move(waiter.conflict));
        continue;
      }
      // It may have been judged already, because another one followed.
      const auto held = held_back_.find(waiter.session);
      if (held != held_back_.end() && held->second.origin.sequence == waiter.sequence) {
        submit_held_back(waiter.session);
      }
    }
    // What has been judged only now; its end may be the turn of somebody else.
    if (!hands_over_) flush_pipeline();
  }
}

const std::string& ServerCore::actor_of(SessionId session) const {
  return sessions_.at(session)->actor();
}

void ServerCore::deliver(SessionId session, DeltaNumber delta) {
  Session* found = find(session);
  if (found == nullptr) return;
  if (!found->holds_news()) holding_news_.push_back(session);
  found->deliver_later(delta);
}

}  // namespace odb::server
