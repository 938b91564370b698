// Worker: writes to a data directory once the database is loaded.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "lagging_rows.h"
#include "mark_file.h"
#include "odb/server/embedded_store.h"
#include "retention.h"
#include "store_news.h"
#include "tables.h"
#include "writes.h"

namespace odb::server::embedded {

// Two threads. One writes: all that has come while it wrote and synced goes out together next;
// after an error it opens everything anew, behind what was acknowledged. The other looks after the
// time: it syncs (with Durability::kInterval), notes when all is at rest, and finds what takes too
// long.
class Worker {
 public:
  struct Parts {
    Place place;
    std::string mark_path;
    std::unique_ptr<Tables> tables;
    std::unique_ptr<MarkFile> marks;
    Mark mark;  // the newest
    LaggingRows::Limits lagging;
  };

  // `on_news` runs on either thread: take_news() has something.
  Worker(const EmbeddedOptions& options, Parts parts, std::function<void()> on_news);
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  // ---- the server's thread ----

  void append(const CommitBatch& batch, std::uint64_t generation);
  void reserve(ObjectId below);
  std::vector<News> take_news();
  // Writes what is left, and ends in an orderly way if it can.
  void stop();

 private:
  using Clock = std::chrono::steady_clock;
  using Lock = std::unique_lock<std::mutex>;

  // Appends that go out together.
  struct Group {
    AppendedWrites writes;
    Version first;  // 0: identities only
    Clock::time_point since;
    bool is_overdue = false;
  };

  // The writer.
  void write_loop();
  void write_next(Lock& lock);
  Result<void> write(const Writes& writes);
  Result<void> wake_up();
  void go_away(const Error& reason);
  void come_back(Lock& lock);
  Result<void> open_anew();
  void end();

  // The other.
  void watch_loop();
  void sync(Lock& lock);
  void rest(Lock& lock);
  void find_overdue(Clock::time_point now);

  // Either, with the mutex.
  void tell(News news);
  void fail_queue(const Error& reason);
  // Either, with io_mutex_.
  Result<void> note(Mark::State state);

  const EmbeddedOptions& options_;
  const std::function<void()> on_news_;
  const Place place_;
  const std::string mark_path_;

  // What is on its way. The files are not touched under it.
  std::mutex mutex_;
  std::condition_variable to_write_;
  std::condition_variable to_watch_;
  std::deque<Group> queue_;  // the first one is being written when is_writing_
  bool is_writing_ = false;
  std::optional<ObjectId> ids_wanted_;
  std::uint64_t generation_ = 0;
  LaggingRows lagging_;
  Version log_cut_;
  Retention retention_;
  std::vector<News> news_;
  bool is_stopping_ = false;
  bool is_away_ = false;
  bool is_lost_ = false;
  bool has_failed_ = false;  // what is in the queue will not be written
  std::optional<Error> sync_error_;
  Clock::time_point retry_at_;
  std::chrono::milliseconds backoff_;
  std::optional<Clock::time_point> unsynced_since_;
  bool is_at_rest_ = false;
  Clock::time_point written_at_;

  // Whoever needs several takes them in this order: sync_mutex_, io_mutex_, mutex_.
  std::mutex sync_mutex_;  // held while tables_ are synced, so that they are not closed meanwhile
  std::mutex io_mutex_;    // guards the marks, and is held while something is written
  std::unique_ptr<Tables> tables_;
  std::unique_ptr<MarkFile> marks_;
  Mark mark_;
  Clock::time_point noted_at_;
  std::uint64_t synced_ = 0;  // with mutex_

  Writes writes_;  // the writer's own, kept for their memory
  std::thread writer_;
  std::thread watcher_;
};

}  // namespace odb::server::embedded
