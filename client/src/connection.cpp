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
#include <random>
#include <utility>

#include "odb/wire/codec.h"

namespace odb::detail {

namespace {

// How often the background thread looks at heartbeats, and waiting threads at ConnectOptions'
// while_waiting.
constexpr std::chrono::milliseconds kTickInterval{250};
constexpr std::chrono::milliseconds kWhileWaitingInterval{50};
// Messages taken in before the lock is given to others.
constexpr int kMessagesPerTurn = 512;
// Between attempts to have a link again.
constexpr std::chrono::milliseconds kBackoffMin{20};
constexpr std::chrono::milliseconds kBackoffMax{2'000};
constexpr std::chrono::milliseconds kDialTimeout{5'000};
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

Connection::Connection(std::unique_ptr<Dialer> dialer, std::unique_ptr<net::MessageStream> stream,
                       std::unique_ptr<ClientCore> core, ConnectOptions options)
    : options_(std::move(options)),
      actor_(core->actor()),
      epoll_(::epoll_create1(EPOLL_CLOEXEC)),
      wakeup_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      process_(this_process()),
      dialer_(std::move(dialer)),
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
    if (down_since_) check_offline();
    if (!driving_ && !core_->is_offline()) {
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

void Connection::check_offline() const {
  if (is_offline_too_long()) throw_error(offline_error());
}

bool Connection::is_offline_too_long() const {
  return std::chrono::steady_clock::now() - *down_since_ >= options_.offline_wait;
}

Error Connection::offline_error() const {
  const Error& reason = core_->offline_reason();
  return {reason.code, reason.message + "; the link to the server is being made again"};
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
    if (is_done() || core_->is_offline()) return;
    if (down_since_) check_offline();
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
  for (int budget = kMessagesPerTurn; budget > 0 && !core_->has_ended() && !core_->is_offline();
       --budget) {
    const net::MessageStream::Received received =
        stream_->receive(net::MessageStream::Eagerness::kArrived);
    if (received.status == net::StreamStatus::kOk) {
      auto message = wire::decode_server_message(received.payload);
      if (!message) {
        core_->fail(message.error());
        break;
      }
      core_->receive(*std::move(message), now);
      if (down_since_ && core_->is_open()) {
        down_since_.reset();
        backoff_ = {};
      }
      if (down_since_) stream_->set_message_bytes_max(core_->message_bytes_max());
      continue;
    }
    has_more_ = false;
    if (received.status == net::StreamStatus::kClosed) {
      core_->lose_link({ErrorCode::kDisconnected, "the server closed the connection"});
    } else if (received.status == net::StreamStatus::kFailed) {
      core_->lose_link(stream_->error());
    }
    break;
  }
  if (stream_->bytes_received() != bytes_seen_) {
    bytes_seen_ = stream_->bytes_received();
    core_->note_received(now);
  }
  if (core_->has_ended() || core_->is_offline()) {
    note_link_lost();
    stream_->bytes().close();
    return;
  }
  if (!in_handlers_) send_outgoing();
}

void Connection::note_link_lost() {
  has_more_ = false;
  wants_write_ = false;
  if (!down_since_) down_since_ = std::chrono::steady_clock::now();
  changed_.notify_all();
  wake_background();
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
  if (core_->has_ended() || core_->is_offline()) return arm(0);
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
  return core_->has_completed() || core_->cache().has_changes() || core_->has_link_events();
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
    if (core_->is_offline() && !driving_) {
      reconnect(lock);
      continue;
    }
    if (!driving_ && !core_->has_ended()) {
      pump();
      if (followers_ > 0) changed_.notify_all();
      if (has_work_for_handlers() || stopping_ || core_->is_offline()) continue;
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
    if (core_->has_ended() || core_->is_offline()) {
      note_link_lost();
      close_link();
    } else {
      send_outgoing();
    }
  }
}

// One attempt to have a link again, after a pause that grows from attempt to attempt.
void Connection::reconnect(Lock& lock) {
  const auto now = [] { return std::chrono::steady_clock::now(); };
  if (now() - *down_since_ >= options_.reconnect_for) {
    core_->fail({ErrorCode::kDisconnected, "no link to the server could be made again within " +
                                               std::to_string(options_.reconnect_for.count()) +
                                               " ms"});
    changed_.notify_all();
    return;
  }
  if (is_offline_too_long()) {
    core_->give_up_commits(offline_error());
    changed_.notify_all();
    if (has_work_for_handlers()) return;  // they are told first
  }
  // Many clients lose their links at once when a server goes: they shall not come back at once.
  static thread_local std::minstd_rand random{std::random_device{}()};
  const auto pause = backoff_ / 2 + backoff_ * (random() % 1024) / 2048;
  backoff_ = std::clamp(backoff_ * 2, kBackoffMin, kBackoffMax);
  changed_.wait_for(lock, pause, [&] { return stopping_ || core_->has_ended(); });
  if (stopping_ || core_->has_ended()) return;

  struct Stopped {};
  Result<std::unique_ptr<net::ByteStream>> link = Error{};
  lock.unlock();
  try {
    link = dialer_->dial(now() + kDialTimeout, [&] {
      if (stopping_) throw Stopped();
    });
  } catch (const Stopped&) {
  }
  lock.lock();
  if (stopping_ || core_->has_ended()) return;
  if (link) return install_link(*std::move(link));
  if (link.error().code == ErrorCode::kServerNotTrusted) {
    core_->fail(link.error());
    changed_.notify_all();
  }
}

void Connection::install_link(std::unique_ptr<net::ByteStream> link) {
  const net::ChannelBinding binding = link->channel_binding();
  stream_ = std::make_unique<net::MessageStream>(std::move(link), core_->message_bytes_max());
  bytes_seen_ = 0;
  armed_ = 0;
  epoll_event event{};
  event.data.fd = stream_->bytes().descriptor();
  ::epoll_ctl(epoll_.descriptor(), EPOLL_CTL_ADD, stream_->bytes().descriptor(), &event);
  core_->attach(binding, std::chrono::steady_clock::now());
  send_outgoing();
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
  for (const LinkEvent& event : core_->take_link_events()) {
    if (!options_.on_link) break;
    lock.unlock();
    call_handler([&] { options_.on_link(event); });
    lock.lock();
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

// ---- state ----

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

std::vector<ConflictCount> Connection::conflict_counts() {
  check_process();
  const Lock lock(mutex_);
  return core_->conflicts().counts(*core_->cache().catalog()->catalog);
}

bool Connection::is_connected() {
  if (process_ != this_process()) return false;
  const Lock lock(mutex_);
  return core_->is_open();
}

HistoryId Connection::history() {
  const Lock lock(mutex_);
  return core_->history();
}

ObjectId Connection::connection_identity() {
  const Lock lock(mutex_);
  return core_->connection();
}

void Connection::disconnect() {
  if (process_ != this_process()) return;
  {
    const Lock lock(mutex_);
    if (!core_->has_ended()) {
      if (!core_->is_offline()) {
        stream_->send(wire::encode(ClientMessage(Goodbye{})));
        static_cast<void>(stream_->flush());
      }
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
