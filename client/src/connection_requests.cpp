// What the program asks of a Connection: each call takes the lock, asks the core, and waits or not.
#include <algorithm>
#include <thread>
#include <utility>

#include "connection.h"
#include "odb/client/core_schema.h"
#include "odb/core/core_schema.h"
#include "past_snapshot.h"

namespace odb::detail {

void Connection::define(const Schema& schema, Timeout timeout) {
  check_process();
  Lock lock(mutex_);
  check_connected(lock);
  const auto ticket = core_->define(schema);
  finish(lock, *ticket, timeout, "the schema " + schema.name() + " to be defined");
}

Ref<odb::Connection> Connection::connection_object() {
  if (!knows_core_) {
    define(core_schema(), {});
    knows_core_ = true;
  }
  const CatalogType* type = catalog()->find(connection_type_name());
  ODB_CHECK(type != nullptr);
  return Ref<odb::Connection>(ObjectRef{type->id, connection_identity()});
}

SubscriptionId Connection::subscribe(Interest interest, Loading loading) {
  check_process();
  Lock lock(mutex_);
  check_connected(lock);
  const SubscriptionId subscription = core_->subscribe(std::move(interest), loading);
  send_outgoing();
  return subscription;
}

bool Connection::is_loaded(SubscriptionId subscription) {
  const Lock lock(mutex_);
  return core_->subscription(subscription).version.has_value();
}

void Connection::wait_loaded(SubscriptionId subscription, Timeout timeout) {
  check_process();
  Lock lock(mutex_);
  finish(lock, core_->subscription(subscription), timeout, "a subscription to be loaded");
}

std::uint64_t Connection::objects_loaded(SubscriptionId subscription) {
  const Lock lock(mutex_);
  return core_->objects_loaded(subscription);
}

void Connection::unsubscribe(SubscriptionId subscription, Timeout timeout) {
  check_process();
  Lock lock(mutex_);
  check_connected(lock);
  const auto ticket = core_->unsubscribe(subscription);
  finish(lock, *ticket, timeout, "a subscription to end");
}

void Connection::release(TypeId type, std::vector<ObjectId> objects, Timeout timeout) {
  check_process();
  Lock lock(mutex_);
  check_connected(lock);
  const auto ticket = core_->release(type, std::move(objects));
  finish(lock, *ticket, timeout, "objects to be let go of");
}

// Without the lock: who runs the waits may need locks of its own.
void Connection::run_wait(const std::function<void()>& body) {
  if (options_.around_wait) return options_.around_wait(body);
  body();
}

std::vector<RowBlock> Connection::load(const SnapshotOrigin& origin, Interest what) {
  check_process();
  std::vector<RowBlock> blocks;
  run_wait([&] { blocks = load_waiting(origin, std::move(what)); });
  return blocks;
}

std::vector<RowBlock> Connection::load_waiting(const SnapshotOrigin& origin, Interest what) {
  Lock lock(mutex_);
  check_connected(lock);
  const auto ticket = core_->load(origin, std::move(what));
  if (driving_) send_outgoing();
  if (!wait(lock, {}, [&] { return ticket->is_done(); })) {
    throw TimeoutError({ErrorCode::kTimeout, "no answer in time while waiting for objects"});
  }
  if (ticket->error) throw_error(*ticket->error);
  return std::move(ticket->blocks);
}

void Connection::complete(const std::vector<std::pair<ObjectId, const Row*>>& partial,
                          std::vector<RowBlock> blocks) {
  const Lock lock(mutex_);
  core_->cache().complete(partial, std::move(blocks));
}

std::shared_ptr<const Snapshot> Connection::snapshot() {
  check_process();
  const Lock lock(mutex_);
  return core_->cache().snapshot();
}

std::shared_ptr<const Snapshot> Connection::snapshot_at(Version version) {
  check_process();
  std::shared_ptr<const ClientCatalog> catalog;
  std::vector<Interest> interests;
  SnapshotOrigin origin{{}, version};
  {
    const Lock lock(mutex_);
    const Version newest = core_->cache().version();
    if (version == newest) return core_->cache().snapshot();
    if (version > newest) {
      throw UsageError({ErrorCode::kUnknownVersion, "version " + std::to_string(version.value) +
                                                        " is not there yet; the newest is " +
                                                        std::to_string(newest.value)});
    }
    catalog = core_->cache().catalog();
    interests = core_->cache().loaded_interests();
    origin.history = core_->history();
  }
  PastRows rows;
  for (Interest& interest : interests) {
    try {
      std::vector<RowBlock> blocks = load(origin, interest);
      rows.emplace_back(std::move(interest), std::move(blocks));
    } catch (const SchemaError& error) {
      // What was not defined then covers nothing.
      if (error.code() != ErrorCode::kUnknownIndex) throw;
    }
  }
  return make_past_snapshot(*catalog, origin, std::move(rows), weak_from_this());
}

ObjectId Connection::allocate(TypeId type, Timeout timeout) {
  check_process();
  {
    const Lock lock(mutex_);
    const std::optional<ObjectId> id = core_->allocate(type);
    if (id) {
      if (core_->has_outgoing()) send_outgoing();
      return *id;
    }
  }
  ObjectId id;
  run_wait([&] { id = allocate_waiting(type, timeout); });
  return id;
}

ObjectId Connection::allocate_waiting(TypeId type, Timeout timeout) {
  Lock lock(mutex_);
  check_connected(lock);
  if (driving_) send_outgoing();
  std::optional<ObjectId> id;
  const bool done = wait(lock, timeout, [&] {
    if (!id) id = core_->allocate(type);
    return id.has_value() || core_->has_ended();
  });
  if (!id) check_connected(lock);
  if (!done) {
    throw TimeoutError({ErrorCode::kTimeout, "no answer in time while waiting for identities"});
  }
  if (core_->has_outgoing()) send_outgoing();
  return *id;
}

CommitOutcome Connection::commit(CommitRequest request, HistoryId history, Timeout timeout) {
  check_process();
  Lock lock(mutex_);
  const auto ticket = core_->commit(std::move(request), history, {});
  if (driving_) send_outgoing();  // now, not when whoever drives comes round to it
  try {
    if (ticket->outcome || wait(lock, timeout, [&] { return ticket->outcome.has_value(); })) {
      return *ticket->outcome;
    }
    core_->withdraw(*ticket, {ErrorCode::kTimeout, "not committed: not sent in time"});
  } catch (const DisconnectedError& error) {
    core_->withdraw(*ticket, {error.code(), "not committed: " + std::string(error.what())});
  }
  if (ticket->outcome) return *ticket->outcome;
  return Error{ErrorCode::kOutcomeUnknown,
               "no outcome in time: whether the commit takes effect is unknown"};
}

void Connection::pause_after_conflict(int attempt) {
  // Turns order those who want one thing. Whoever fails so often wants many.
  constexpr int kAttemptsInTurn = 10;
  if (attempt <= kAttemptsInTurn) {
    const Lock lock(mutex_);
    if (core_->server_gives_turns()) return;
  }
  std::this_thread::sleep_for(detail::pause_after_conflict(attempt));
}

void Connection::commit_async(CommitRequest request, HistoryId history, CommitCallback done) {
  check_process();
  Lock lock(mutex_);
  const auto ticket = core_->commit(std::move(request), history, std::move(done));
  if (core_->is_offline() && offline_wait().count() == 0) {
    Error reason = offline_error();
    reason.message = "not committed: " + reason.message;
    core_->withdraw(*ticket, std::move(reason));
  }
  if (ticket->outcome) return wake_background();
  // On the background thread the commits of all handlers of a turn go out together.
  if (in_handlers_ && std::this_thread::get_id() == background_id_) return;
  if (may_hold()) return hold();
  send_outgoing();
  if (wants_write_ && !driving_) arm_for_background();
}

Version Connection::flush(Timeout timeout) {
  check_process();
  Lock lock(mutex_);
  check_connected(lock);
  const auto ticket = core_->flush();
  finish(lock, *ticket, timeout, "a flush");
  return *ticket->version;
}

ServerStatus Connection::status(Timeout timeout) {
  check_process();
  Lock lock(mutex_);
  check_connected(lock);
  const auto ticket = core_->ask_for_status();
  finish(lock, *ticket, timeout, "the status of the server");
  return *std::move(ticket->status);
}

void Connection::wait_for_version(Version version, Timeout timeout) {
  wait_until([&] { return core_->cache().version() >= version; }, timeout,
             "no commit of that version in time");
}

void Connection::wait_for_change(Version step, Timeout timeout) {
  wait_until([&] { return core_->cache().step() > step; }, timeout, "nothing changed in time");
}

void Connection::wait_until(const std::function<bool()>& is_done, Timeout timeout,
                            const char* what) {
  check_process();
  Lock lock(mutex_);
  const bool done = wait(lock, timeout, [&] { return is_done() || core_->has_ended(); });
  if (is_done()) return;
  check_connected(lock);
  if (!done) throw TimeoutError({ErrorCode::kTimeout, what});
}

// ---- handlers ----

HandlerId Connection::on_commit(ChangeHandler handler) {
  check_process();
  const Lock lock(mutex_);
  last_handler_ = HandlerId{last_handler_.value + 1};
  handlers_.push_back(std::make_shared<Handler>(Handler{last_handler_, std::move(handler)}));
  core_->cache().watch_changes(true);
  return last_handler_;
}

void Connection::remove_handler(HandlerId id) {
  Lock lock(mutex_);
  const auto found = std::find_if(handlers_.begin(), handlers_.end(),
                                  [&](const auto& handler) { return handler->id == id; });
  if (found == handlers_.end()) return;
  const std::shared_ptr<Handler> removed = *found;
  handlers_.erase(found);
  if (handlers_.empty()) core_->cache().watch_changes(false);
  if (std::this_thread::get_id() == background_id_) return;
  changed_.wait(lock, [&] { return running_handler_ != removed; });
}

}  // namespace odb::detail
