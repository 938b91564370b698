// ReadWatch: sleeps until a commit touches what was read, a time has come, or there is no more to
// wait for.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "odb/client/database.h"
#include "odb/client/detail/read_trigger.h"
#include "odb/core/error.h"

namespace odb::detail {

// One reader at a time; note(), note_end() and stop() may be called from any thread.
//
// From begin() on every change is kept until arm() tells what was read; from then on each is judged
// as it comes in. Nothing is lost between the two: begin() comes before the snapshot that is read,
// and a change that the snapshot shows already is told by its version.
class ReadWatch {
 public:
  using SystemTime = std::chrono::system_clock::time_point;
  using Timeout = std::optional<std::chrono::milliseconds>;
  enum class Wake {
    kTouched,
    kTime,          // the time given to arm() has come
    kTimeout,       // that given to wait() has passed
    kStopped,       // stop()
    kDisconnected,  // end_reason() tells why
  };

  // Of so many objects and index entries changes are kept. When more come in before arm(), the
  // reads count as touched without being looked at.
  static constexpr std::size_t kKeptMax = 1 << 16;

  // ---- the connection's side: called with its mutex held, so these do not use it ----
  void note(const Change& change);
  void note_end(const Error& reason);

  // ---- the reader's side ----
  void begin();
  void arm(ReadTrigger reads, std::optional<SystemTime> wake_at);
  void abandon();  // nothing is waited for, and nothing kept, until begin()
  bool is_armed() const;
  // Whether nothing that was read, and no time, can end a wait.
  bool will_never_wake() const;
  // Requires arm(). Calls `while_waiting`, if there is one, every now and then; passes on what it
  // throws.
  Wake wait(Timeout timeout, const std::function<void()>& while_waiting);
  // Until the time is up (true) or there is a reason to wait no longer.
  bool pause(std::chrono::microseconds time, const std::function<void()>& while_waiting);

  void stop();  // ends what waits now, and what waits later until resume()
  void resume();
  bool is_stopped() const;
  std::optional<Error> end_reason() const;  // once the connection has ended

 private:
  enum class State { kIdle, kReading, kArmed };
  using Lock = std::unique_lock<std::mutex>;
  using SteadyTime = std::chrono::steady_clock::time_point;

  void wait_a_while(Lock& lock, std::optional<SteadyTime> deadline,
                    std::optional<SystemTime> wake_at, const std::function<void()>& while_waiting);
  void reset(State state);

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  State state_ = State::kIdle;
  ReadTrigger reads_;
  std::optional<SystemTime> wake_at_;
  bool touched_ = false;
  std::vector<Change> kept_;
  std::size_t kept_size_ = 0;
  bool stopped_ = false;
  std::optional<Error> end_reason_;
};

// A watch that a connection feeds as long as this lives.
class WatchRegistration {
 public:
  // The watch of a connection that has ended is told so at once.
  WatchRegistration(std::shared_ptr<Connection> connection, std::shared_ptr<ReadWatch> watch);
  ~WatchRegistration();
  WatchRegistration(const WatchRegistration&) = delete;
  WatchRegistration& operator=(const WatchRegistration&) = delete;

  void end();  // before the end of its life

  ReadWatch& watch() const { return *watch_; }
  const std::shared_ptr<Connection>& connection() const { return connection_; }
  // ConnectOptions::while_waiting.
  const std::function<void()>& while_waiting() const;

 private:
  std::shared_ptr<Connection> connection_;
  std::shared_ptr<ReadWatch> watch_;
};

// How long to pause before the next attempt after a conflict; longer, and more random, the later it
// is.
std::chrono::microseconds pause_after_conflict(int attempt);

}  // namespace odb::detail
