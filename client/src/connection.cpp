#include "connection.h"

#include <poll.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <exception>
#include <utility>

#include "odb/wire/codec.h"
#include "past_snapshot.h"

namespace odb::detail {

namespace {

// How often the background thread looks at heartbeats, and waiting threads at ConnectOptions'
// while_waiting.
constexpr std::chrono::milliseconds kTickInterval{250};
constexpr std::chrono::milliseconds kWhileWaitingInterval{50};
// Messages taken in before the lock is given to others.
constexpr int kMessagesPerTurn = 512;
// Completions that share one write of the commits they begin.
constexpr int kCallbacksPerWrite = 16;

// Counts forks: a child's copy of a connection must not touch the parent's link.
std::atomic<std::uint64_t> g_process = 1;

std::uint64_t this_process() {
  static const int registered =
      pthread_atfork(nullptr, nullptr, [] { g_process.fetch_add(1, std::memory_order_relaxed); });
  static_cast<void>(registered);
  return g_process.load(std::memory_order_relaxed);
}

// A handler that throws has nobody to throw to: it is told on stderr, and the others go on.
template <class Call>
void call_handler(const Call& call) {
  try {
    call();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "odb: a handler threw: %s\n", error.what());
  } catch (...) {
    std::fprintf(stderr, "odb: a handler threw\n");
  }
}

int poll_milliseconds(Time now, Time deadline) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - now).count();
  return static_cast<int>(std::clamp<std::int64_t>(left, 0, 60'000));
}

}  // namespace

Connection::Connection(std::unique_ptr<net::MessageStream> stream, std::unique_ptr<ClientCore> core,
                       ConnectOptions options)
    : options_(std::move(options)),
      actor_(core->actor()),
      history_(core->history()),
      epoll_(::epoll_create1(EPOLL_CLOEXEC)),
      wakeup_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      process_(this_process()),
      stream_(std::move(stream)),
      core_(std::move(core)) {
  stream_->set_message_bytes_max(core_->message_bytes_max());
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.fd = wakeup_.descriptor();
  ::epoll_ctl(epoll_.descriptor(), EPOLL_CTL_ADD, wakeup_.descriptor(), &event);
  event.events = 0;
  event.data.fd = stream_->bytes().descriptor();
  ::epoll_ctl(epoll_.descriptor(), EPOLL_CTL_ADD, stream_->bytes().descriptor(), &event);
}

void Connection::start() {
  core_->cache().set_source(weak_from_this());
  // Signals are for the program's own threads: a wait there ends at once.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  background_ = std::thread([self = shared_from_this()] { self->run_background(); });
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  background_id_ = background_.get_id();
}

Connection::~Connection() {
  if (process_ != this_process()) {
    // In a forked child the thread does not exist: nothing may be joined, flushed or told.
    if (background_.joinable()) background_.detach();
    static_cast<void>(stream_.release());
    return;
  }
  // The background thread held a reference, so it has ended, or this is its last act.
  if (background_.joinable()) background_.detach();
}

void Connection::check_process() const {
  if (process_ != this_process()) {
    throw DisconnectedError(
        {ErrorCode::kDisconnected,
         "this connection belongs to the process that was forked: connect again "
         "in the child"});
  }
}

void Connection::check_connected(const Lock&) const {
  if (core_->has_ended()) throw_error(core_->end_reason());
}

// ---- waiting ----

bool Connection::wait(Lock& lock, Timeout timeout, const std::function<bool()>& is_done) {
  const Time deadline =
      std::chrono::steady_clock::now() + timeout.value_or(options_.request_timeout);
  while (!is_done()) {
    if (std::chrono::steady_clock::now() >= deadline) return false;
    if (!driving_) {
      drive(lock, deadline, is_done);
      continue;
    }
    ++followers_;
    changed_.wait_until(
        lock, std::min(deadline, std::chrono::steady_clock::now() + kWhileWaitingInterval));
    --followers_;
    call_while_waiting(lock);
  }
  return true;
}

void Connection::call_while_waiting(Lock& lock) {
  if (!options_.while_waiting) return;
  lock.unlock();
  try {
    options_.while_waiting();
  } catch (...) {
    lock.lock();
    throw;
  }
  lock.lock();
}

// Takes the role of driver until done, out of time, or interrupted.
void Connection::drive(Lock& lock, Time deadline, const std::function<bool()>& is_done) {
  driving_ = true;
  arm(0);  // before anything is sent whose answer could wake the background thread
  // The role is given back whatever happens, and a follower takes it over.
  struct Release {
    Connection& connection;
    ~Release() {
      connection.driving_ = false;
      if (connection.followers_ > 0) {
        connection.changed_.notify_all();
      } else {
        connection.arm_for_background();
      }
      if (connection.has_work_for_handlers()) connection.wake_background();
    }
  } release{*this};

  Time called_while_waiting = std::chrono::steady_clock::now();
  for (;;) {
    send_outgoing();
    if (is_done()) return;
    const Time now = std::chrono::steady_clock::now();
    if (now >= deadline) return;
    if (now - called_while_waiting >= kWhileWaitingInterval) {
      called_while_waiting = now;
      call_while_waiting(lock);
    }
    if (!has_more_ && !stream_->bytes().has_buffered_input()) {
      pollfd poll_for{.fd = stream_->bytes().descriptor(),
                      .events = static_cast<short>(POLLIN | (wants_write_ ? POLLOUT : 0)),
                      .revents = 0};
      const Time until = std::min(
          deadline, now + (options_.while_waiting ? kWhileWaitingInterval : kTickInterval));
      const int milliseconds = poll_milliseconds(now, until);
      lock.unlock();
      const int ready = ::poll(&poll_for, 1, milliseconds);
      lock.lock();
      if (ready <= 0) {
        core_->tick(std::chrono::steady_clock::now());
        call_while_waiting(lock);
        continue;
      }
    }
    pump();
    if (followers_ > 0) changed_.notify_all();
    if (has_work_for_handlers()) wake_background();
  }
}

void Connection::finish(Lock& lock, const RequestTicket& ticket, Timeout timeout,
                        std::string_view what) {
  if (driving_) send_outgoing();
  if (!wait(lock, timeout, [&] { return ticket.is_done(); })) {
    throw TimeoutError(
        {ErrorCode::kTimeout, "no answer in time while waiting for " + std::string(what)});
  }
  if (ticket.error) throw_error(*ticket.error);
}

// ---- the link, with the lock held ----

void Connection::send_outgoing() {
  if (core_->has_outgoing()) {
    for (wire::EncodedMessage& message : core_->take_outgoing()) stream_->send(std::move(message));
  }
  if (stream_->queued_bytes() == 0) {
    wants_write_ = false;
    return;
  }
  const net::StreamStatus status = stream_->flush();
  wants_write_ = status == net::StreamStatus::kWantsWrite;
  // A failure to write is met again when reading, after what arrived before it.
}

void Connection::pump() {
  const Time now = std::chrono::steady_clock::now();
  has_more_ = true;
  for (int budget = kMessagesPerTurn; budget > 0 && !core_->has_ended(); --budget) {
    const net::MessageStream::Received received =
        stream_->receive(net::MessageStream::Eagerness::kArrived);
    if (received.status == net::StreamStatus::kOk) {
      auto message = wire::decode_server_message(received.payload);
      if (!message) {
        core_->fail(message.error());
        break;
      }
      core_->receive(*std::move(message), now);
      continue;
    }
    has_more_ = false;
    if (received.status == net::StreamStatus::kClosed) {
      core_->fail({ErrorCode::kDisconnected, "the server closed the connection"});
    } else if (received.status == net::StreamStatus::kFailed) {
      core_->fail(stream_->error());
    }
    break;
  }
  if (stream_->bytes_received() != bytes_seen_) {
    bytes_seen_ = stream_->bytes_received();
    core_->note_received(now);
  }
  if (core_->has_ended()) {
    has_more_ = false;
    stream_->bytes().close();
    changed_.notify_all();
    return;
  }
  if (!in_handlers_) send_outgoing();
}

void Connection::close_link() {
  if (driving_) {
    // The driver may be waiting on the descriptor: wake it, it closes.
    ::shutdown(stream_->bytes().descriptor(), SHUT_RDWR);
  } else {
    stream_->bytes().close();
  }
  changed_.notify_all();
}

void Connection::arm(std::uint32_t events) {
  if (events == armed_ || stream_->bytes().descriptor() < 0) return;
  armed_ = events;
  epoll_event event{};
  event.events = events;
  event.data.fd = stream_->bytes().descriptor();
  ::epoll_ctl(epoll_.descriptor(), EPOLL_CTL_MOD, stream_->bytes().descriptor(), &event);
}

void Connection::arm_for_background() {
  if (core_->has_ended()) return arm(0);
  arm(EPOLLIN | (wants_write_ ? EPOLLOUT : 0u));
  // Bytes that are decrypted already make no descriptor readable.
  if (has_more_ || stream_->bytes().has_buffered_input()) wake_background();
}

void Connection::wake_background() {
  const std::uint64_t one = 1;
  static_cast<void>(!::write(wakeup_.descriptor(), &one, sizeof one));
}

// ---- the background thread ----

bool Connection::has_work_for_handlers() const {
  return core_->has_completed() || core_->cache().has_changes();
}

void Connection::run_background() {
  Lock lock(mutex_);
  for (;;) {
    // Also when stopping: every completion is told its outcome.
    if (has_work_for_handlers()) {
      run_handlers(lock);
      continue;
    }
    if (stopping_) return;
    if (!driving_ && !core_->has_ended()) {
      pump();
      if (followers_ > 0) changed_.notify_all();
      if (has_work_for_handlers() || stopping_) continue;
      if (has_more_) {
        // Others may want the lock.
        lock.unlock();
        lock.lock();
        continue;
      }
      arm_for_background();
    }
    lock.unlock();
    epoll_event event{};
    const int ready =
        ::epoll_wait(epoll_.descriptor(), &event, 1, static_cast<int>(kTickInterval.count()));
    lock.lock();
    if (ready == 1 && event.data.fd == wakeup_.descriptor()) {
      std::uint64_t count = 0;
      static_cast<void>(!::read(wakeup_.descriptor(), &count, sizeof count));
    }
    core_->tick(std::chrono::steady_clock::now());
    if (core_->has_ended()) {
      close_link();
    } else {
      send_outgoing();
    }
  }
}

void Connection::run_handlers(Lock& lock) {
  in_handlers_ = true;
  int calls = 0;
  for (const auto& ticket : core_->take_completed()) {
    lock.unlock();
    call_handler([&] { ticket->callback(*ticket->outcome); });
    lock.lock();
    // Commits that callbacks begin go out in groups: large enough to share a write, small enough
    // that the server works on one group while the next is made.
    if (++calls % kCallbacksPerWrite == 0 && !core_->has_ended()) send_outgoing();
  }
  for (const Change& change : core_->cache().take_changes()) {
    // A copy: handlers may add and remove handlers.
    for (const std::shared_ptr<Handler>& handler : std::vector(handlers_)) {
      if (std::find(handlers_.begin(), handlers_.end(), handler) == handlers_.end()) continue;
      running_handler_ = handler;
      lock.unlock();
      call_handler([&] { handler->call(change); });
      lock.lock();
      running_handler_ = nullptr;
      changed_.notify_all();
    }
  }
  in_handlers_ = false;
  // Commits that the handlers began go out together.
  if (!core_->has_ended()) send_outgoing();
}

// ---- what the program asks for ----

void Connection::define(const Schema& schema, Timeout timeout) {
  check_process();
  Lock lock(mutex_);
  check_connected(lock);
  const auto ticket = core_->define(schema);
  finish(lock, *ticket, timeout, "the schema " + schema.name() + " to be defined");
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

std::vector<RowBlock> Connection::load(Version version, Interest what) {
  check_process();
  std::vector<RowBlock> blocks;
  run_wait([&] { blocks = load_waiting(version, std::move(what)); });
  return blocks;
}

std::vector<RowBlock> Connection::load_waiting(Version version, Interest what) {
  Lock lock(mutex_);
  check_connected(lock);
  const auto ticket = core_->load(version, std::move(what));
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
  }
  PastRows rows;
  for (Interest& interest : interests) {
    try {
      std::vector<RowBlock> blocks = load(version, interest);
      rows.emplace_back(std::move(interest), std::move(blocks));
    } catch (const SchemaError& error) {
      // What was not defined then covers nothing.
      if (error.code() != ErrorCode::kUnknownIndex) throw;
    }
  }
  return make_past_snapshot(*catalog, version, std::move(rows), weak_from_this());
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

CommitOutcome Connection::commit(CommitRequest request, Timeout timeout) {
  check_process();
  Lock lock(mutex_);
  const auto ticket = core_->commit(std::move(request), {});
  if (driving_) send_outgoing();  // now, not when whoever drives comes round to it
  if (!ticket->outcome && !wait(lock, timeout, [&] { return ticket->outcome.has_value(); })) {
    return Error{ErrorCode::kOutcomeUnknown,
                 "no outcome in time: whether the commit takes effect is unknown"};
  }
  return *ticket->outcome;
}

void Connection::commit_async(CommitRequest request, CommitCallback done) {
  check_process();
  Lock lock(mutex_);
  const auto ticket = core_->commit(std::move(request), std::move(done));
  if (ticket->outcome) return wake_background();
  // On the background thread the commits of all handlers of a turn go out together.
  if (in_handlers_ && std::this_thread::get_id() == background_id_) return;
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

void Connection::add_watch(std::shared_ptr<ReadWatch> watch) {
  check_process();
  const Lock lock(mutex_);
  if (core_->has_ended()) watch->note_end(core_->end_reason());
  core_->cache().add_watch(std::move(watch));
}

void Connection::remove_watch(const ReadWatch& watch) {
  if (process_ != this_process()) return;
  const Lock lock(mutex_);
  core_->cache().remove_watch(watch);
}

// ---- state ----

Version Connection::version() {
  check_process();
  const Lock lock(mutex_);
  return core_->cache().version();
}

std::shared_ptr<const Catalog> Connection::catalog() {
  check_process();
  const Lock lock(mutex_);
  return core_->cache().catalog()->catalog;
}

bool Connection::is_connected() {
  if (process_ != this_process()) return false;
  const Lock lock(mutex_);
  return !core_->has_ended();
}

void Connection::disconnect() {
  if (process_ != this_process()) return;
  {
    const Lock lock(mutex_);
    if (!core_->has_ended()) {
      stream_->send(wire::encode(ClientMessage(Goodbye{})));
      static_cast<void>(stream_->flush());
      core_->fail({ErrorCode::kDisconnected, "this connection was disconnected"});
      close_link();
    }
    stopping_ = true;
    changed_.notify_all();
    wake_background();
  }
  if (std::this_thread::get_id() == background_id_) return;
  const std::lock_guard joining(join_mutex_);
  if (background_.joinable()) background_.join();
}

}  // namespace odb::detail
