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

}  // namespace

Worker::Worker(const RedisOptions& options, const Keys& keys, Link& link, Possession& possession,
               HistoryId history, Version version, Deliver deliver)
    : options_(options),
      keys_(keys),
      link_(link),
      possession_(possession),
      history_(history),
      deliver_(std::move(deliver)),
      appends_(version),
      renewed_at_(Clock::now()),
      retry_at_(Clock::now()),
      backoff_(kBackoffFirst),
      random_(std::random_device()()),
      thread_([this] { run(); }) {}

Worker::~Worker() { stop(); }

// ---- the server's thread ----

void Worker::append(Batch batch, std::uint64_t generation) {
  const std::lock_guard lock(mutex_);
  inbox_.emplace_back(std::move(batch), generation);
  if (takes_appends_) notify();
}

void Worker::reserve(ObjectId below) {
  const std::lock_guard lock(mutex_);
  ids_inbox_ = below;
  notify();
}

void Worker::stop() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    is_stopping_ = true;
    notify();
  }
  thread_.join();
}

// A worker that does not wait looks by itself.
void Worker::notify() {
  if (!std::exchange(is_waiting_, false)) return;
  link_.wake();
  changed_.notify_one();
}

// ---- the worker's thread ----

void Worker::run() {
  possession_.set_timeout(std::min(options_.store_timeout, kHandshakeTimeoutMax));
  for (;;) {
    take_inbox();
    {
      const std::lock_guard lock(mutex_);
      if (is_stopping_) break;
    }
    if (appends_.is_lost() || (!link_.is_open() && Clock::now() < retry_at_)) {
      wait_disconnected();
    } else if (!link_.is_open()) {
      reconnect();
    } else {
      talk();
    }
    check_time();
    tell_news();
  }
  // With answers outstanding the end of this process must be enough: see Possession::take().
  const bool is_clean = !appends_.is_lost() && !appends_.has_unsettled();
  if (expected_.empty()) {
    possession_.release(is_clean ? Possession::End::kClean : Possession::End::kUnclean);
  }
  link_.close();
}

void Worker::take_inbox() {
  std::vector<std::pair<Batch, std::uint64_t>> batches;
  std::optional<ObjectId> ids;
  {
    const std::lock_guard lock(mutex_);
    is_waiting_ = false;
    batches.swap(inbox_);
    ids = std::exchange(ids_inbox_, std::nullopt);
  }
  for (auto& [batch, generation] : batches) appends_.append(std::move(batch), generation);
  if (ids) appends_.reserve(*ids);
}

void Worker::talk() {
  send();
  milliseconds wait = time_left();
  {
    const std::lock_guard lock(mutex_);
    takes_appends_ = appends_.has_room();
    if ((inbox_.empty() || !takes_appends_) && !ids_inbox_ && !is_stopping_) {
      is_waiting_ = true;
    } else {
      wait = milliseconds{0};
    }
  }
  if (auto pumped = link_.pump(wait); !pumped) return lose_link(pumped.error());
  read_replies();
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
                            options_.log_versions_max);
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
    expected_.push_back({Awaited::kRenewal, now});
  }
}

void Worker::read_replies() {
  while (!appends_.is_lost()) {
    auto reply = link_.next();
    if (!reply) return lose_link(reply.error());
    if (!reply->has_value()) return;
    if (expected_.empty()) {
      return appends_.lose({ErrorCode::kUnavailable, "Redis answers what nobody asked"});
    }
    const Awaited what = expected_.front().what;
    expected_.pop_front();
    if (what == Awaited::kAppend) appends_.on_reply(**reply);
    if (what == Awaited::kRenewal) appends_.on_renewal(**reply);
  }
}

void Worker::check_time() {
  const auto now = Clock::now();
  if (!expected_.empty() && now - expected_.front().at > options_.store_timeout) {
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

void Worker::wait_disconnected() {
  std::unique_lock lock(mutex_);
  const auto is_due = [this] { return !inbox_.empty() || ids_inbox_ || is_stopping_; };
  is_waiting_ = true;
  takes_appends_ = true;
  // Now and then also to see what is overdue.
  const auto until = Clock::now() + kGlanceInterval;
  changed_.wait_until(lock, appends_.is_lost() ? until : std::min(until, retry_at_), is_due);
  is_waiting_ = false;
}

void Worker::reconnect() {
  if (auto connected = possession_.connect(Possession::Patience::kNone); !connected) {
    return lose_link(connected.error());
  }
  if (!resume()) return;
  renewed_at_ = Clock::now();
  backoff_ = kBackoffFirst;
  spdlog::info("Redis at {} is back at version {}", options_.address.to_string(),
               appends_.durable().value);
}

// Whether this server still owns the database, and everything is there.
bool Worker::resume() {
  const auto resumed = possession_.resume();
  if (!resumed) {
    lose_link(resumed.error());
    return false;
  }
  if (!resumed->is_owner) {
    appends_.lose_ownership(resumed->owner_name);
  } else if (resumed->history != to_text(history_) || !resumed->version) {
    appends_.lose({ErrorCode::kUnavailable, "Redis holds another database now"});
  } else {
    appends_.on_resumed(*resumed->version);
    // Should either fail, the next start is the more careful.
    const auto noted = appends_.is_lost() ? possession_.note_lost() : possession_.note_run();
    if (!noted) spdlog::debug("{}", noted.error().message);
  }
  return !appends_.is_lost();
}

void Worker::tell_news() {
  auto news = appends_.take_news();
  if (news.empty()) return;
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
  deliver_(std::move(news));
}

}  // namespace odb::server::redis
