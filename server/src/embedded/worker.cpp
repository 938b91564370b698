#include "worker.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

#include "keys.h"
#include "wal.h"

namespace odb::server::embedded {

namespace {

using std::chrono::milliseconds;

constexpr std::size_t kGroupBytesMax = 8 * 1024 * 1024;
constexpr milliseconds kBackoffFirst{50};
constexpr milliseconds kBackoffMax{2'000};
// After so long without a commit the marks are brought up to date on the disk.
constexpr milliseconds kRestAfter{1'000};
constexpr milliseconds kGlanceInterval{500};
// Without a sync for each write, marks are not written for each either.
constexpr milliseconds kNoteInterval{5};
// The log is cut when it is too long by one part in so many.
constexpr std::uint64_t kLogSlack = 16;

}  // namespace

Worker::Worker(const EmbeddedOptions& options, Parts parts, std::function<void()> on_news)
    : options_(options),
      on_news_(std::move(on_news)),
      place_(std::move(parts.place)),
      mark_path_(std::move(parts.mark_path)),
      lagging_(parts.lagging),
      retention_(options.retention),
      backoff_(kBackoffFirst),
      written_at_(Clock::now()),
      tables_(std::move(parts.tables)),
      marks_(std::move(parts.marks)),
      mark_(std::move(parts.mark)),
      synced_(mark_.synced),
      writer_([this] { write_loop(); }),
      watcher_([this] { watch_loop(); }) {}

Worker::~Worker() { stop(); }

// ---- the server's thread ----

void Worker::append(const CommitBatch& batch, std::uint64_t generation) {
  const Lock lock(mutex_);
  if (is_lost_ || generation != generation_) return;  // its failure is on its way already
  const std::size_t being_written = is_writing_ ? 1 : 0;
  if (queue_.size() <= being_written || queue_.back().writes.size_bytes() >= kGroupBytesMax) {
    Group& fresh = queue_.emplace_back();
    fresh.first = batch.records.front()->version;
    fresh.since = Clock::now();
  }
  Group& group = queue_.back();
  if (options_.filling) {
    group.writes.add_unlogged(batch);
    if (!is_writing_) to_write_.notify_one();
    return;
  }
  group.writes.add(batch, lagging_);
  // What some rows lack stays in the log, however short that is to be.
  const Version cut_to = std::min(
      retention_.cut(batch.last(), retention_.needs_time() ? Clock::now() : Clock::time_point()),
      group.writes.rows_up_to());
  if (cut_to.value > log_cut_.value + (batch.last().value - cut_to.value) / kLogSlack) {
    group.writes.cut_log(std::exchange(log_cut_, cut_to), cut_to);
  }
  if (!is_writing_) to_write_.notify_one();
}

void Worker::reserve(ObjectId below) {
  const Lock lock(mutex_);
  ids_wanted_ = std::max(ids_wanted_.value_or(ObjectId{}), below);
  to_write_.notify_one();
}

std::vector<News> Worker::take_news() {
  const Lock lock(mutex_);
  return std::exchange(news_, {});
}

void Worker::stop() {
  if (!writer_.joinable()) return;
  {
    const Lock lock(mutex_);
    is_stopping_ = true;
    to_write_.notify_one();
    to_watch_.notify_one();
  }
  watcher_.join();
  writer_.join();
  end();
}

// ---- either thread ----

void Worker::tell(News news) {
  news_.push_back(std::move(news));
  if (news_.size() == 1) on_news_();  // whoever takes one takes all
}

void Worker::fail_queue(const Error& reason) {
  if (queue_.empty()) return;
  const Version from = queue_.front().first;
  std::vector<LaggingRows::Item> rows;
  for (const Group& group : queue_) {
    rows.insert(rows.end(), group.writes.rows_taken().begin(), group.writes.rows_taken().end());
  }
  lagging_.give_back(rows, Version{from.value - 1});
  queue_.clear();
  log_cut_ = Version{};
  tell(Failed{from, reason, ++generation_});
}

Result<void> Worker::note(Mark::State state) {
  mark_.state = state;
  ++mark_.number;
  return marks_->write(mark_);
}

// ---- the writer ----

void Worker::write_loop() {
  Lock lock(mutex_);
  for (;;) {
    if (is_lost_) return to_write_.wait(lock, [this] { return is_stopping_; });
    if (is_away_) {
      to_write_.wait_until(lock, retry_at_, [this] { return is_stopping_; });
      if (is_stopping_) return;
      if (Clock::now() >= retry_at_) come_back(lock);
      continue;
    }
    to_write_.wait(
        lock, [this] { return is_stopping_ || sync_error_ || ids_wanted_ || !queue_.empty(); });
    if (sync_error_) {
      go_away(*std::exchange(sync_error_, std::nullopt));
    } else if (ids_wanted_ || !queue_.empty()) {
      write_next(lock);
    } else {
      return;
    }
  }
}

void Worker::write_next(Lock& lock) {
  std::optional<Group> ids_only;
  if (queue_.empty()) ids_only.emplace();
  Group& group = ids_only ? *ids_only : queue_.front();
  const std::optional<ObjectId> ids = std::exchange(ids_wanted_, std::nullopt);
  is_writing_ = !ids_only;
  lock.unlock();
  const Version last = group.writes.last();
  group.writes.finish(writes_);
  if (ids) {
    std::string below;
    append_number(below, ids->value);
    writes_.put(kIdsBelow, below);
  }
  const auto written = write(writes_);
  lock.lock();
  is_writing_ = false;
  if (!written) {
    if (ids) ids_wanted_ = std::max(ids_wanted_.value_or(ObjectId{}), *ids);
    has_failed_ = !ids_only;
    go_away(written.error());
    return;
  }
  written_at_ = Clock::now();
  is_at_rest_ = false;
  if (options_.durability == Durability::kInterval && !unsynced_since_) {
    unsynced_since_ = written_at_;
    to_watch_.notify_one();
  }
  if (ids) tell(IdsReserved{*ids});
  if (ids_only) return;
  queue_.pop_front();
  tell(Durable{last});
}

Result<void> Worker::write(const Writes& writes) {
  const bool is_synced = options_.durability == Durability::kCommit;
  const Lock io(io_mutex_);
  if (mark_.state == Mark::State::kAtRest) {
    if (auto woken = wake_up(); !woken) return woken;
  }
  if (auto written = tables_->write(writes, is_synced ? Sync::kYes : Sync::kNo); !written) {
    return written;
  }
  mark_.acknowledged = tables_->sequence();
  if (is_synced) {
    mark_.synced = mark_.acknowledged;
  } else {
    const Lock lock(mutex_);
    mark_.synced = synced_;
  }
  // Older ones are true as well, only less so.
  const auto now = Clock::now();
  if (!is_synced && now - noted_at_ < kNoteInterval) return {};
  noted_at_ = now;
  // What the mark is for is found out after the next end. Should it fail, that will know less.
  if (auto noted = note(Mark::State::kServing); !noted) {
    spdlog::warn("cannot write {}: {}", mark_path_, noted.error().message);
  }
  return {};
}

// Before anything may be acknowledged that is not on the disk, the disk says so.
Result<void> Worker::wake_up() {
  if (auto noted = note(Mark::State::kServing); !noted) return noted;
  return marks_->sync();
}

void Worker::go_away(const Error& reason) {
  spdlog::warn("the data directory cannot be written, commits are refused: {}", reason.message);
  is_away_ = true;
  retry_at_ = Clock::now();
  backoff_ = kBackoffFirst;
  // First, so that nothing that fails is judged anew in vain.
  tell(Away{reason});
}

void Worker::come_back(Lock& lock) {
  lock.unlock();
  auto opened = open_anew();
  lock.lock();
  if (is_lost_) return;
  if (!opened) {
    spdlog::debug("the data directory still cannot be written: {}", opened.error().message);
    retry_at_ = Clock::now() + backoff_;
    backoff_ = std::min(backoff_ * 2, kBackoffMax);
    return;
  }
  is_away_ = false;
  unsynced_since_.reset();
  spdlog::info("the data directory can be written again");
  tell(Back{});
}

// As a start does after the process was killed, only that it is known what was acknowledged: what
// stands behind that is cut off, and so has surely not been committed.
Result<void> Worker::open_anew() {
  const std::scoped_lock io(sync_mutex_, io_mutex_);
  tables_.reset();
  auto cut = find_cut(place_.folder, mark_.acknowledged);
  if (!cut) return cut.error();
  if (*cut) {
    if (auto done = Tables::cut_off(place_, **cut); !done) return done;
  }
  {
    const Lock lock(mutex_);
    if (std::exchange(has_failed_, false)) {
      fail_queue({ErrorCode::kUnavailable, "the data directory could not be written"});
    }
  }
  auto tables = Tables::open(place_);
  if (!tables) return tables.error();
  const std::uint64_t sequence = (*tables)->sequence();
  if (sequence != mark_.acknowledged) {
    const Lock lock(mutex_);
    is_lost_ = true;
    const Error reason{ErrorCode::kUnavailable,
                       "the data directory ends at " + std::to_string(sequence) + ", but " +
                           std::to_string(mark_.acknowledged) + " was acknowledged"};
    spdlog::error("the store is lost: {}", reason.message);
    tell(Lost{reason});
    return reason;
  }
  auto marks = MarkFile::open(mark_path_, place_);
  if (!marks) return marks.error();
  tables_ = *std::move(tables);
  marks_ = *std::move(marks);
  // What was in the log is in the tables now, on the disk.
  mark_.synced = mark_.acknowledged;
  {
    const Lock lock(mutex_);
    synced_ = mark_.synced;
  }
  return note(Mark::State::kServing);
}

void Worker::end() {
  if (is_away_ || is_lost_ || tables_ == nullptr) return;
  if (auto synced = tables_->sync(); !synced) {
    spdlog::warn("cannot sync the data directory: {}", synced.error().message);
    return;
  }
  if (auto flushed = tables_->flush(); !flushed) {
    spdlog::debug("cannot flush the data directory: {}", flushed.error().message);
  }
  mark_.acknowledged = mark_.synced = tables_->sequence();
  tables_.reset();
  auto noted = note(Mark::State::kEnded);
  if (noted) noted = marks_->sync();
  if (!noted) spdlog::warn("cannot write {}: {}", mark_path_, noted.error().message);
}

// ---- the one that looks after the time ----

void Worker::watch_loop() {
  Lock lock(mutex_);
  while (!is_stopping_) {
    const auto now = Clock::now();
    find_overdue(now);
    auto wake_at = now + std::min(kGlanceInterval, options_.store_timeout / 4 + milliseconds{1});
    if (!is_away_ && !is_lost_ && unsynced_since_) {
      const auto sync_at = *unsynced_since_ + options_.sync_interval;
      if (now >= sync_at) {
        sync(lock);
        continue;
      }
      wake_at = std::min(wake_at, sync_at);
    } else if (!is_away_ && !is_lost_ && !is_at_rest_ && now >= written_at_ + kRestAfter) {
      rest(lock);
      continue;
    }
    to_watch_.wait_until(lock, wake_at);
  }
}

void Worker::sync(Lock& lock) {
  unsynced_since_.reset();
  lock.unlock();
  Result<void> synced;
  std::uint64_t sequence = 0;
  {
    const Lock files(sync_mutex_);
    if (tables_ != nullptr) {
      sequence = tables_->sequence();
      synced = tables_->sync();
    }
  }
  lock.lock();
  if (synced) {
    synced_ = std::max(synced_, sequence);
  } else {
    sync_error_ = synced.error();
    to_write_.notify_one();
  }
}

// Nothing has come for a while: the marks that were only written go to the disk, so that a machine
// that fails now is known to have lost nothing.
void Worker::rest(Lock& lock) {
  is_at_rest_ = true;
  lock.unlock();
  Result<void> noted;
  {
    const Lock io(io_mutex_);
    bool is_still = false;
    {
      const Lock again(mutex_);
      is_still = is_at_rest_ && !is_away_ && !unsynced_since_ && marks_ != nullptr;
      mark_.synced = std::max(mark_.synced, synced_);
    }
    const bool all_is_synced = mark_.synced == mark_.acknowledged;
    const bool is_at_rest = options_.durability == Durability::kInterval && all_is_synced;
    if (is_still) noted = note(is_at_rest ? Mark::State::kAtRest : Mark::State::kServing);
    if (is_still && noted && options_.durability != Durability::kOs) noted = marks_->sync();
  }
  lock.lock();
  if (!noted) spdlog::warn("cannot write {}: {}", mark_path_, noted.error().message);
}

void Worker::find_overdue(Clock::time_point now) {
  std::optional<Version> up_to;
  for (Group& group : queue_) {
    if (group.is_overdue || group.since > now - options_.store_timeout) continue;
    group.is_overdue = true;
    up_to = group.writes.last();
  }
  if (!up_to) return;
  spdlog::warn("the data directory has not taken commits in time: their outcome is unknown");
  tell(Overdue{*up_to});
}

}  // namespace odb::server::embedded
