#include "odb/client/reactor.h"

#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <utility>

#include "connection.h"
#include "odb/client/detail/run_clock.h"
#include "odb/client/detail/watched_interests.h"
#include "reactor_loop.h"

namespace odb {
namespace detail {

namespace {

constexpr std::chrono::milliseconds kConditionClockInterval{1000};

UsageError wrong_use(const char* message) { return UsageError({ErrorCode::kNone, message}); }

UsageError sleeps_for_ever() {
  return wrong_use("a reactor's function read nothing and asked for no time: it would never wake");
}

// Fails when the server would not tell of a change to something that was read.
void require_watched(Transaction& transaction, const ReadSet& reads) {
  const TransactionState& state = transaction.state();
  auto unwatched = find_unwatched(state.snapshot(), state.fetched_coverage(), reads);
  if (!unwatched) return;
  throw NotSubscribedError({unwatched->code, "a reactor cannot wait for this to change: " +
                                                 std::move(unwatched->message)});
}

[[noreturn]] void throw_end(const ReadWatch& watch) { throw_error(watch.end_reason().value()); }

std::chrono::milliseconds error_pause(const ReactorOptions& options, int failures) {
  std::chrono::milliseconds pause = options.error_pause;
  for (int i = 1; i < failures && pause < options.error_pause_max; ++i) pause *= 2;
  return std::min(pause, options.error_pause_max);
}

}  // namespace

ReactorLoop::ReactorLoop(std::shared_ptr<Connection> connection, Reactor::Function function,
                         ReactorOptions options)
    : registration_(connection, std::make_shared<ReadWatch>()),
      watched_(std::move(connection)),
      function_(std::move(function)),
      options_(std::move(options)),
      process_(::getpid()) {}

ReactorLoop::~ReactorLoop() {
  // Ended and joined, unless its own thread drops it last.
  if (thread_.joinable()) thread_.detach();
}

bool ReactorLoop::is_running() const {
  const std::lock_guard lock(mutex_);
  return running_;
}

void ReactorLoop::start() {
  const std::shared_ptr<ReactorLoop> self = shared_from_this();  // the function may drop it
  {
    const std::lock_guard lock(mutex_);
    if (thread_id_ == std::this_thread::get_id()) {
      throw wrong_use("a reactor cannot be started by its own function");
    }
  }
  const std::lock_guard control(control_mutex_);
  {
    const std::lock_guard lock(mutex_);
    if (running_ && !watch().is_stopped()) return;
  }
  join();
  watch().resume();
  {
    const std::lock_guard lock(mutex_);
    running_ = true;
  }
  // Signals are for the program's own threads.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  thread_ = std::thread([self] { self->run_thread(); });
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

void ReactorLoop::stop() {
  if (process_ != ::getpid()) return;
  const std::shared_ptr<ReactorLoop> self = shared_from_this();
  {
    const std::lock_guard lock(mutex_);
    if (thread_id_ == std::this_thread::get_id()) return watch().stop();
  }
  const std::lock_guard control(control_mutex_);
  watch().stop();
  join();
}

// With control_mutex_ held.
void ReactorLoop::join() {
  if (thread_.joinable()) thread_.join();
}

void ReactorLoop::run_thread() {
  {
    const std::lock_guard lock(mutex_);
    thread_id_ = std::this_thread::get_id();
  }
  int failures = 0;
  while (run_on_thread(failures) == Next::kRun) {
  }
  watched_.end();
  const std::lock_guard lock(mutex_);
  running_ = false;
  thread_id_ = {};
}

ReactorLoop::Next ReactorLoop::run_on_thread(int& failures) {
  if (watch().is_stopped() || watch().end_reason()) return Next::kEnd;
  try {
    run();
    failures = 0;
  } catch (...) {
    // Whatever was met because the connection has ended: its reason is kept.
    if (watch().end_reason()) return Next::kEnd;
    report(std::current_exception());
    return watch().pause(error_pause(options_, ++failures), {}) ? Next::kRun : Next::kEnd;
  }
  if (will_never_wake()) {
    report(std::make_exception_ptr(sleeps_for_ever()));
    return Next::kEnd;
  }
  const ReadWatch::Wake wake = watch().wait({}, {});
  const bool ends = wake == ReadWatch::Wake::kStopped || wake == ReadWatch::Wake::kDisconnected;
  return ends ? Next::kEnd : Next::kRun;
}

void ReactorLoop::run() {
  try {
    int attempt = 1;
    for (;;) {
      const Outcome outcome = try_to_run(attempt);
      if (outcome == Outcome::kDone || watch().is_stopped()) return;
      // Cut short by stop() or the end of the link, which the next attempt or its caller meets.
      if (outcome == Outcome::kConflict) watch().pause(pause_after_conflict(attempt++), {});
    }
  } catch (...) {
    watch().abandon();
    throw;
  }
}

ReactorLoop::Outcome ReactorLoop::try_to_run(int attempt) {
  watch().begin();
  Transaction transaction(registration_.connection(), registration_.connection()->snapshot());
  RunClock clock(std::chrono::system_clock::now());
  if (options_.sleep_max) clock.wake_at(clock.now() + *options_.sleep_max);
  function_(transaction);
  ReadSet reads = transaction.reads();
  require_watched(transaction, reads);
  const bool has_ended = transaction.state().has_ended();
  const bool has_fetched = watched_.watch(transaction.state());
  // What was fetched may have changed before the subscription to it was there. A commit that comes
  // after that says no; without one the function reads again.
  if (has_fetched && (has_ended || !transaction.state().has_writes())) return Outcome::kReadAgain;
  if (!has_ended) {
    try {
      transaction.commit();
    } catch (const ConflictError&) {
      if (attempt >= options_.attempts) throw;
      return Outcome::kConflict;
    }
  }
  ReadTrigger trigger;
  trigger.add(std::move(reads), transaction.version());
  watched_.keep_only(trigger);
  watch().arm(std::move(trigger), clock.wake_time(options_.clock_interval));
  return Outcome::kDone;
}

bool ReactorLoop::next(Reactor::Timeout timeout) {
  if (is_running()) throw wrong_use("next() is for a reactor without a thread: stop it first");
  watch().resume();
  if (watch().is_armed()) {
    if (!timeout && watch().will_never_wake()) throw sleeps_for_ever();
    const ReadWatch::Wake wake = watch().wait(timeout, registration_.while_waiting());
    if (wake == ReadWatch::Wake::kDisconnected) throw_end(watch());
    if (wake == ReadWatch::Wake::kTimeout || wake == ReadWatch::Wake::kStopped) return false;
  } else if (watch().end_reason()) {
    throw_end(watch());
  }
  run();
  return true;
}

void ReactorLoop::report(std::exception_ptr error) const {
  try {
    if (options_.on_error) return options_.on_error(error);
    std::rethrow_exception(error);
  } catch (const std::exception& thrown) {
    std::fprintf(stderr, "odb: a reactor failed: %s\n", thrown.what());
  } catch (...) {
    std::fprintf(stderr, "odb: a reactor failed\n");
  }
}

}  // namespace detail

Reactor::Reactor(Database& db, Function function, ReactorOptions options) {
  const bool at_once = options.start == ReactorStart::kAtOnce;
  loop_ = std::make_shared<detail::ReactorLoop>(db.connection(), std::move(function),
                                                std::move(options));
  if (at_once) loop_->start();
}

Reactor::~Reactor() { loop_->stop(); }

void Reactor::start() { loop_->start(); }
void Reactor::stop() { loop_->stop(); }
bool Reactor::is_running() const { return loop_->is_running(); }
bool Reactor::will_never_wake() const { return loop_->will_never_wake(); }
std::optional<Error> Reactor::end_reason() const { return loop_->end_reason(); }
bool Reactor::next(Timeout timeout) { return loop_->next(timeout); }

bool Reactor::block_until_true(Database& db, const Condition& condition, Timeout timeout) {
  using Wake = detail::ReadWatch::Wake;
  const auto begun = std::chrono::steady_clock::now();
  const detail::WatchRegistration registration(db.connection(),
                                               std::make_shared<detail::ReadWatch>());
  detail::WatchedInterests watched(db.connection());
  detail::ReadWatch& watch = registration.watch();
  for (;;) {
    if (watch.end_reason()) detail::throw_end(watch);
    watch.begin();
    {
      Transaction transaction = db.transaction();
      detail::RunClock clock(std::chrono::system_clock::now());
      const bool is_true = condition(transaction);
      ReadSet reads = transaction.reads();
      detail::require_watched(transaction, reads);
      if (is_true) return true;
      if (watched.watch(transaction.state())) continue;
      detail::ReadTrigger trigger;
      trigger.add(std::move(reads), transaction.version());
      watched.keep_only(trigger);
      watch.arm(std::move(trigger), clock.wake_time(detail::kConditionClockInterval));
    }
    if (!timeout && watch.will_never_wake()) throw detail::sleeps_for_ever();
    Timeout left;
    if (timeout) {
      const auto passed =
          std::chrono::floor<std::chrono::milliseconds>(std::chrono::steady_clock::now() - begun);
      left = std::max(*timeout - passed, std::chrono::milliseconds{0});
    }
    switch (watch.wait(left, registration.while_waiting())) {
      case Wake::kTouched:
      case Wake::kTime:
        continue;
      case Wake::kTimeout:
      case Wake::kStopped:
        return false;
      case Wake::kDisconnected:
        detail::throw_end(watch);
    }
  }
}

Reactor::Timestamp Reactor::current_timestamp() {
  detail::RunClock* const clock = detail::RunClock::current();
  if (clock == nullptr) return std::chrono::system_clock::now();
  clock->note_read();
  return clock->now();
}

bool Reactor::current_timestamp_is_after(Timestamp time) {
  detail::RunClock* const clock = detail::RunClock::current();
  if (clock == nullptr) return std::chrono::system_clock::now() >= time;
  return clock->is_after(time);
}

}  // namespace odb
