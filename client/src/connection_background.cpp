// The background thread of a Connection: handlers and completions, and links that are made again.
#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <exception>
#include <random>
#include <utility>

#include "connection.h"

namespace odb::detail {

namespace {

// Between attempts to have a link again.
constexpr std::chrono::milliseconds kBackoffMin{20};
constexpr std::chrono::milliseconds kBackoffMax{2'000};
constexpr std::chrono::milliseconds kDialTimeout{5'000};
// With several servers one of them is to be back soon: for this long they are asked often.
constexpr std::chrono::milliseconds kSoon{30'000};
constexpr std::chrono::milliseconds kBackoffMaxSoon{250};
// Looking for another server while this one is quiet.
constexpr std::chrono::milliseconds kLookInterval{250};
constexpr std::chrono::milliseconds kLookTimeout{250};
// Completions that share one write of the commits they begin.
constexpr int kCallbacksPerWrite = 16;

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

}  // namespace

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
    const bool is_timer = ready == 1 && event.data.fd == hold_timer_.descriptor();
    if (is_timer) holds_ = false;
    if (is_timer || (ready == 1 && event.data.fd == wakeup_.descriptor())) {
      std::uint64_t count = 0;
      static_cast<void>(!::read(event.data.fd, &count, sizeof count));
    }
    core_->tick(std::chrono::steady_clock::now());
    if (core_->has_ended() || core_->is_offline()) {
      note_link_lost();
      close_link();
    } else {
      send_outgoing();
      look_for_another(lock);
    }
  }
}

// Of several servers only one takes connections. If that is another one now, the one that has been
// quiet for too long, stopped or cut off, is not it any more.
void Connection::look_for_another(Lock& lock) {
  const auto now = std::chrono::steady_clock::now();
  if (dialer_->server_count() < 2 || !core_->is_quiet(now)) return;
  if (now - looked_for_another_ < kLookInterval) return;
  const bool was_opening = is_opening_;
  lock.unlock();
  const bool is_found = dialer_->find_other(now + kLookTimeout, [] {});
  lock.lock();
  looked_for_another_ = std::chrono::steady_clock::now();
  if (!is_found || is_opening_ != was_opening || !core_->is_quiet(looked_for_another_)) return;
  core_->lose_link(
      {ErrorCode::kPeerSilent, "the server says nothing, and another one takes connections"});
  is_opening_ = false;  // to begin with the one that was found
  note_link_lost();
  close_link();
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
  const bool is_soon = dialer_->server_count() > 1 && now() - *down_since_ < kSoon;
  backoff_ = std::clamp(backoff_ * 2, kBackoffMin, is_soon ? kBackoffMaxSoon : kBackoffMax);
  changed_.wait_for(lock, pause, [&] { return stopping_ || core_->has_ended(); });
  if (stopping_ || core_->has_ended()) return;

  // One that takes connections and gives no session is not the one.
  if (std::exchange(is_opening_, false)) dialer_->skip();

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
  is_opening_ = true;
  epoll_event event{};
  event.data.fd = stream_->bytes().descriptor();
  ::epoll_ctl(epoll_.descriptor(), EPOLL_CTL_ADD, stream_->bytes().descriptor(), &event);
  core_->attach(binding, std::chrono::steady_clock::now());
  send_outgoing();
}

void Connection::run_handlers(Lock& lock) {
  in_handlers_ = true;
  int calls = 0;
  for (auto& ticket : core_->take_completed()) {
    lock.unlock();
    call_handler([&] { ticket->callback(*ticket->outcome); });
    ticket->callback = nullptr;  // what it holds may need the lock to end
    lock.lock();
    core_->recycle(std::move(ticket));
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

}  // namespace odb::detail
