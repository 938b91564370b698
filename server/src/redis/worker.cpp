#include "worker.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

namespace odb::server::redis {

namespace {

constexpr milliseconds kBackoffFirst{50};
constexpr milliseconds kBackoffMax{2'000};
constexpr milliseconds kHandshakeTimeoutMax{1'000};
constexpr milliseconds kGlanceInterval{100};
// At the end, for what Redis has been asked and not answered yet.
constexpr milliseconds kLastAnswersTimeout{500};

}  // namespace

Worker::Worker(const RedisOptions& options, const Keys& keys, Link& link, Possession& possession,
               HistoryId history, Version version, Watching watching, std::function<void()> on_news)
    : options_(options),
      keys_(keys),
      link_(link),
      possession_(possession),
      history_(history),
      watching_(watching),
      on_news_(std::move(on_news)),
      appends_(version),
      retention_(options.retention),
      renewed_at_(Clock::now() - options.lease_time),
      retry_at_(Clock::now()),
      backoff_(kBackoffFirst),
      random_(std::random_device()()),
      thread_([this] { run(); }) {}

Worker::~Worker() { stop(); }

// ---- the server's thread ----

void Worker::append(const Batch& batch, std::uint64_t generation) {
  const Lock lock(mutex_);
  const bool has_room = appends_.has_room();
  appends_.append(batch, generation);
  // Without room it goes out when an answer has come.
  if (has_room || appends_.has_news()) send_later();
}

void Worker::reserve(ObjectId below) {
  const Lock lock(mutex_);
  appends_.reserve(below);
  send_later();
}

std::vector<News> Worker::take_news() {
  std::vector<News> news;
  {
    const Lock lock(mutex_);
    news = appends_.take_news();
  }
  for (const News& item : news) {
    if (const auto* lost = std::get_if<Lost>(&item)) {
      spdlog::error("the store is lost: {}", lost->reason.message);
    } else if (const auto* failed = std::get_if<Failed>(&item)) {
      spdlog::debug("commits from version {} on failed: {}", failed->from.value,
                    failed->reason.message);
    } else if (std::holds_alternative<Overdue>(item)) {
      spdlog::warn("Redis has not confirmed commits in time: their outcome is unknown");
    }
  }
  return news;
}

std::optional<Worker::Watch> Worker::take_watch() {
  const Lock lock(mutex_);
  if (watching_ == Watching::kNo || !is_talking_ || watched_link_ == link_number_) return {};
  const std::optional<int> descriptor = link_.duplicate();
  if (!descriptor) return {};  // the worker's thread goes on doing it
  watched_link_ = link_number_;
  wake();  // to leave it to this thread
  return Watch{*descriptor, link_number_};
}

bool Worker::on_readable(std::uint64_t link) {
  const Lock lock(mutex_);
  if (!is_talking_ || link != link_number_) return false;
  if (auto read = link_.read(); !read) {
    break_link(read.error());
  } else {
    read_replies();
  }
  if (is_talking_) send();
  return is_talking_;
}

void Worker::stop() {
  if (!thread_.joinable()) return;
  {
    const Lock lock(mutex_);
    is_stopping_ = true;
    wake();
  }
  thread_.join();
}

// ---- either thread, with the mutex ----

// What may go out goes out: now when this thread takes in the answers, else by the worker's.
void Worker::send_later() {
  if (is_talking_ && watched_link_ == link_number_) {
    send();
    if (appends_.has_news()) wake();
  } else {
    wake();
  }
}

void Worker::send() {
  const auto now = Clock::now();
  if (appends_.needs_scripts()) {
    possession_.append_scripts(link_.output());
    expected_.insert(expected_.end(), 2, Expected{Awaited::kScript, now});
    appends_.scripts_loaded();
  }
  for (;;) {
    const Appends::Sendable next = appends_.next_to_send(now);
    if (next.batch != nullptr) {
      next.batch->append_to(link_.output(), possession_.append_digest(), possession_.fence(), keys_,
                            retention_.cut(next.batch->last(), now));
    } else if (next.ids) {
      possession_.append_ids(link_.output(), *next.ids);
    } else {
      break;
    }
    expected_.push_back({Awaited::kAppend, now});
  }
  if (now - renewed_at_ >= options_.lease_time / 3) {
    renewed_at_ = now;
    possession_.append_renewal(link_.output());
    expected_.push_back({Awaited::kRenewal, now, LeaseClock::now()});
  }
  if (auto wrote = link_.write(); !wrote) return break_link(wrote.error());
  // The worker's thread waits for room, and for the time to try again.
  const bool is_left = link_.awaited(Link::Await::kWriting).is_writing;
  if (is_left || appends_.waits_to_retry()) wake();
}

void Worker::read_replies() {
  while (!appends_.is_lost()) {
    auto reply = link_.next();
    if (!reply) return break_link(reply.error());
    if (!reply->has_value()) return;
    if (expected_.empty()) {
      return appends_.lose({ErrorCode::kUnavailable, "Redis answers what nobody asked"});
    }
    const Expected answered = expected_.front();
    expected_.pop_front();
    if (answered.what == Awaited::kAppend) appends_.on_reply(**reply);
    if (answered.what == Awaited::kRenewal) {
      appends_.on_renewal(**reply);
      if (!(*reply)->is_error()) note_renewed(answered.sent);
    }
  }
}

// From when it was asked for, as Redis set it later; less what clocks may differ in their pace.
void Worker::note_renewed(LeaseClock::time_point sent) {
  owned_until_ = sent + options_.lease_time - options_.lease_time / 10;
}

void Worker::break_link(Error reason) {
  is_talking_ = false;
  broken_ = std::move(reason);
  wake();
}

// A thread that does not wait looks by itself.
void Worker::wake() {
  if (std::exchange(is_waiting_, false)) link_.wake();
}

// ---- the worker's thread ----

void Worker::run() {
  Lock lock(mutex_);
  possession_.set_timeout(std::min(options_.store_timeout, kHandshakeTimeoutMax));
  while (!is_stopping_) {
    if (broken_) {
      lose_link(*std::exchange(broken_, std::nullopt));
    } else if (appends_.is_lost()) {
      wait(lock, {}, kGlanceInterval);
    } else if (is_talking_) {
      talk(lock);
    } else if (const auto now = Clock::now(); now < retry_at_) {
      const auto left = std::chrono::ceil<milliseconds>(retry_at_ - now);
      wait(lock, {}, std::min(left, kGlanceInterval));  // now and then to see what is overdue
    } else {
      reconnect(lock);
    }
    check_time();
    const bool is_unwatched =
        watching_ == Watching::kYes && is_talking_ && watched_link_ != link_number_;
    if (!appends_.has_news() && !is_unwatched) continue;
    lock.unlock();
    on_news_();
    lock.lock();
  }
  await_answers();
  is_talking_ = false;
  // With answers outstanding the end of this process must be enough: see Possession::take().
  const bool is_clean = !appends_.is_lost() && !appends_.has_unsettled();
  if (expected_.empty()) {
    possession_.release(is_clean ? Possession::End::kClean : Possession::End::kUnclean);
  }
  link_.close();
}

// So that possession can be given up: whoever waits for it need not wait for the lease.
void Worker::await_answers() {
  const auto deadline = Clock::now() + kLastAnswersTimeout;
  while (is_talking_ && !expected_.empty() && !appends_.is_lost() && Clock::now() < deadline) {
    if (auto pumped = link_.pump(kGlanceInterval); !pumped) return break_link(pumped.error());
    read_replies();
  }
}

void Worker::talk(Lock& lock) {
  send();
  if (!is_talking_) return;
  const bool is_watched = watched_link_ == link_number_;
  wait(lock, link_.awaited(is_watched ? Link::Await::kWriting : Link::Await::kReading),
       is_watched ? std::min(time_left(), kGlanceInterval) : time_left());
  if (!is_talking_ || watched_link_ == link_number_) return;
  if (auto read = link_.read(); !read) return break_link(read.error());
  read_replies();
}

void Worker::wait(Lock& lock, const Link::Awaited& awaited, milliseconds limit) {
  is_waiting_ = true;
  lock.unlock();
  link_.wait(awaited, limit);
  lock.lock();
  is_waiting_ = false;
}

void Worker::check_time() {
  const auto now = Clock::now();
  if (is_talking_ && !expected_.empty() && now - expected_.front().at > options_.store_timeout) {
    lose_link({ErrorCode::kTimeout, "Redis does not answer"});
  }
  appends_.find_overdue(now - options_.store_timeout);
}

milliseconds Worker::time_left() const {
  auto until = renewed_at_ + options_.lease_time / 3;
  if (!expected_.empty()) until = std::min(until, expected_.front().at + options_.store_timeout);
  if (appends_.waits_to_retry()) until = std::min(until, Clock::now() + Appends::kRetryInterval);
  const auto left = std::chrono::ceil<milliseconds>(until - Clock::now());
  return std::max(left, milliseconds{1});
}

void Worker::lose_link(const Error& reason) {
  is_talking_ = false;
  link_.close();
  expected_.clear();
  if (appends_.is_lost()) return;
  if (!appends_.is_away()) {
    spdlog::warn("Redis at {} is away, commits are refused: {}", options_.address.to_string(),
                 reason.message);
  }
  appends_.on_gone(reason);
  // Jittered, so that several servers do not come all at once.
  const auto half = backoff_.count() / 2;
  retry_at_ = Clock::now() + milliseconds{half + static_cast<long>(random_()) % (half + 1)};
  backoff_ = std::min(backoff_ * 2, kBackoffMax);
}

void Worker::reconnect(Lock& lock) {
  lock.unlock();
  const auto begun = LeaseClock::now();
  const auto connected = possession_.connect(Possession::Patience::kNone);
  auto resumed = connected ? possession_.resume() : connected.error();
  lock.lock();
  if (!resumed) return lose_link(resumed.error());
  if (!resume(*resumed)) return;
  const bool is_lost = appends_.is_lost();
  lock.unlock();
  // Should either fail, the next start is the more careful.
  const auto noted = is_lost ? possession_.note_lost() : possession_.note_run();
  if (!noted) spdlog::debug("{}", noted.error().message);
  lock.lock();
  if (is_lost) return;
  note_renewed(begun);
  renewed_at_ = Clock::now();
  backoff_ = kBackoffFirst;
  ++link_number_;
  is_talking_ = link_.is_open();
  if (!is_talking_) return lose_link({ErrorCode::kDisconnected, "Redis closed the connection"});
  spdlog::info("Redis at {} is back at version {}", options_.address.to_string(),
               appends_.durable().value);
}

// Whether it is still this server's database.
bool Worker::resume(const Possession::Resumed& resumed) {
  if (!resumed.is_owner) {
    appends_.lose_ownership(resumed.owner_name);
  } else if (resumed.history != to_text(history_) || !resumed.version) {
    appends_.lose({ErrorCode::kUnavailable, "Redis holds another database now"});
  } else {
    appends_.on_resumed(*resumed.version);
    return true;
  }
  return false;
}

}  // namespace odb::server::redis
