// Worker: talks to Redis once the database is loaded.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <random>
#include <thread>
#include <vector>

#include "appends.h"
#include "keys.h"
#include "lease_clock.h"
#include "link.h"
#include "possession.h"
#include "retention.h"

namespace odb::server::redis {

// Owns link and possession from start() to stop(). Has a thread of its own, which makes broken
// connections again, renews the lease and looks after the time. While a connection stands, the
// server's thread sends appends itself and, when it watches the connection, takes in the answers: a
// commit then waits for Redis alone and for no other thread.
class Worker {
 public:
  enum class Watching : std::uint8_t { kNo, kYes };

  // `on_news` runs on the worker's thread: take_news() and take_watch() have something.
  Worker(const RedisOptions& options, const Keys& keys, Link& link, Possession& possession,
         HistoryId history, Version version, Watching watching, std::function<void()> on_news);
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  // ---- the server's thread ----

  void append(const Batch& batch, std::uint64_t generation);
  void reserve(ObjectId below);
  std::vector<News> take_news();

  // A new connection to be watched; on_readable() takes its number.
  struct Watch {
    int descriptor = -1;  // the caller's to close
    std::uint64_t link = 0;
  };
  std::optional<Watch> take_watch();
  // Takes in what has come; news may have come of it. False: that connection is over.
  bool on_readable(std::uint64_t link);

  // Whether the lease cannot have run out yet. Any thread.
  bool is_surely_owned() const { return LeaseClock::now() < owned_until_.load(); }

  // Gives up possession when everything is settled, and ends the thread.
  void stop();

 private:
  using Lock = std::unique_lock<std::mutex>;

  enum class Awaited : std::uint8_t { kAppend, kRenewal, kScript };
  struct Expected {
    Awaited what;
    Clock::time_point at;
    LeaseClock::time_point sent{};  // of a renewal
  };

  // The worker's thread.
  void run();
  void await_answers();
  void talk(Lock& lock);
  void wait(Lock& lock, const Link::Awaited& awaited, milliseconds limit);
  void reconnect(Lock& lock);
  void check_time();
  void lose_link(const Error& reason);
  milliseconds time_left() const;

  // Either thread, with the mutex.
  void send();
  void send_later();
  void wake();
  void note_renewed(LeaseClock::time_point sent);
  void read_replies();
  void break_link(Error reason);
  bool resume(const Possession::Resumed& resumed);

  const RedisOptions& options_;
  const Keys& keys_;
  Link& link_;
  Possession& possession_;
  const HistoryId history_;
  const Watching watching_;
  const std::function<void()> on_news_;

  std::mutex mutex_;  // guards what follows; and link and possession while it is talking
  Appends appends_;
  Retention retention_;
  std::deque<Expected> expected_;
  bool is_talking_ = true;          // else link and possession are the worker thread's
  std::optional<Error> broken_;     // why it is not, until the worker's thread has seen it
  std::uint64_t link_number_ = 1;   // of the connection
  std::uint64_t watched_link_ = 0;  // the newest one that the server's thread watches
  bool is_waiting_ = false;
  bool is_stopping_ = false;
  Clock::time_point renewed_at_;
  Clock::time_point retry_at_;
  milliseconds backoff_;
  std::minstd_rand random_;

  std::atomic<LeaseClock::time_point> owned_until_{};

  std::thread thread_;
};

}  // namespace odb::server::redis
