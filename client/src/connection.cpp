#include "connection.h"

#include <poll.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <utility>

#include "odb/wire/codec.h"

namespace odb::detail {

namespace {

// How often waiting threads call ConnectOptions::while_waiting.
constexpr std::chrono::milliseconds kWhileWaitingInterval{50};
// A commit that is begun behind so many unanswered ones waits for others, to share a write: for so
// long, or until there are so many.
constexpr std::size_t kCommitsSentAlone = 2;
constexpr std::size_t kCommitsHeldMax = 32;
constexpr std::chrono::nanoseconds kHoldTime{100'000};
// Messages taken in before the lock is given to others.
constexpr int kMessagesPerTurn = 512;
// ConnectOptions::offline_wait, where it is not given.
constexpr std::chrono::milliseconds kOfflineWait{1'000};
constexpr std::chrono::milliseconds kOfflineWaitOfSeveral{15'000};

// Counts forks: a child's copy of a connection must not touch the parent's link.
std::atomic<std::uint64_t> g_process = 1;

std::uint64_t this_process() {
  static const int registered =
      pthread_atfork(nullptr, nullptr, [] { g_process.fetch_add(1, std::memory_order_relaxed); });
  static_cast<void>(registered);
  return g_process.load(std::memory_order_relaxed);
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
      hold_timer_(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK)),
      process_(this_process()),
      dialer_(std::move(dialer)),
      stream_(std::move(stream)),
      core_(std::move(core)) {
  stream_->set_message_bytes_max(core_->message_bytes_max());
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.fd = wakeup_.descriptor();
  ::epoll_ctl(epoll_.descriptor(), EPOLL_CTL_ADD, wakeup_.descriptor(), &event);
  event.data.fd = hold_timer_.descriptor();
  ::epoll_ctl(epoll_.descriptor(), EPOLL_CTL_ADD, hold_timer_.descriptor(), &event);
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
  return std::chrono::steady_clock::now() - *down_since_ >= offline_wait();
}

std::chrono::milliseconds Connection::offline_wait() const {
  if (options_.offline_wait) return *options_.offline_wait;
  return dialer_->server_count() > 1 ? kOfflineWaitOfSeveral : kOfflineWait;
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
        is_opening_ = false;
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

// What is held goes out when an answer comes, when a group of completions has been called, or with
// the timer. While a handler runs, which may take its time, none of that would happen.
bool Connection::may_hold() const {
  return running_handler_ == nullptr && core_->unanswered_commits() > kCommitsSentAlone &&
         core_->outgoing_count() < kCommitsHeldMax && !wants_write_;
}

void Connection::hold() {
  if (std::exchange(holds_, true)) return;
  itimerspec at{};
  at.it_value.tv_nsec = kHoldTime.count();
  ::timerfd_settime(hold_timer_.descriptor(), 0, &at, nullptr);
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
        send_outgoing();
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
