// Worker: the thread that talks to Redis once the database is loaded.
#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <random>
#include <thread>
#include <vector>

#include "appends.h"
#include "keys.h"
#include "link.h"
#include "possession.h"

namespace odb::server::redis {

// Owns link and possession from start() to stop(). Appends and reservations come from the server's
// thread; news goes to `deliver`, on the worker's own.
class Worker {
 public:
  using Deliver = std::function<void(std::vector<News>)>;

  Worker(const RedisOptions& options, const Keys& keys, Link& link, Possession& possession,
         HistoryId history, Version version, Deliver deliver);
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  void append(Batch batch, std::uint64_t generation);
  void reserve(ObjectId below);
  // Gives up possession when everything is settled, and ends the thread.
  void stop();

 private:
  enum class Awaited : std::uint8_t { kAppend, kRenewal, kScript };
  struct Expected {
    Awaited what;
    Clock::time_point at;
  };

  void run();
  void take_inbox();
  void talk();
  void send();
  void read_replies();
  void check_time();
  void lose_link(const Error& reason);
  void reconnect();
  bool resume();
  void tell_news();
  milliseconds time_left() const;
  void wait_disconnected();
  void notify();

  const RedisOptions& options_;
  const Keys& keys_;
  Link& link_;
  Possession& possession_;
  const HistoryId history_;
  const Deliver deliver_;

  // The worker thread's own.
  Appends appends_;
  std::deque<Expected> expected_;
  Clock::time_point renewed_at_;
  Clock::time_point retry_at_;
  milliseconds backoff_;
  std::minstd_rand random_;

  std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  std::vector<std::pair<Batch, std::uint64_t>> inbox_;
  std::optional<ObjectId> ids_inbox_;
  bool is_waiting_ = false;
  bool takes_appends_ = true;  // else an append need not end the wait: answers will
  bool is_stopping_ = false;

  std::thread thread_;
};

}  // namespace odb::server::redis
