// Reactor: runs a function again whenever what it read has changed.
#pragma once

#include <chrono>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <optional>

#include "odb/client/database.h"
#include "odb/client/transaction.h"

namespace odb {

namespace detail {
class ReactorLoop;
}

enum class ReactorStart : std::uint8_t {
  kAtOnce,  // with a thread of its own, from the constructor on
  kByHand,  // start(), or next() without a thread
};

struct ReactorOptions {
  ReactorStart start = ReactorStart::kAtOnce;
  // After this long it runs again although nothing has changed. None: never for that reason.
  std::optional<std::chrono::milliseconds> sleep_max{};
  // How long after a run that called current_timestamp() the next one begins at the latest.
  std::chrono::milliseconds clock_interval{1000};
  // How often a run is tried before its conflict counts as an error.
  int attempts = 100;
  // Called on the reactor's thread with what the function threw; may throw, in vain. Without one a
  // line goes to stderr.
  std::function<void(std::exception_ptr)> on_error{};
  // The pause after an error; it doubles with each further error in a row, up to the maximum.
  std::chrono::milliseconds error_pause{100};
  std::chrono::milliseconds error_pause_max{10'000};
};

// A run gives the function a new transaction, commits what it wrote, and runs it again after a
// conflict, with jittered pauses, as Database::transact does. The function may commit or abort the
// transaction itself. Then the reactor sleeps until
//   - a commit, its own included, touches exactly what the run read: a cell that it read, the
//     existence of an object or one of its cells, a value or a range of an index, or which objects
//     a type has. Another field of the same object, another value of the index, or a key beside the
//     range does not wake it. A write counts, be the new value the old one. Or until
//   - a time that the run asked for has come, see current_timestamp(), or sleep_max has passed.
// Several such commits may be met by one run, and none is missed: what was committed while the
// function ran, after the version that it read, counts. A run that writes what it read is followed
// by another; one that always does never rests, so write only what differs.
//
// What it reads without a subscription that covers it is fetched, and subscribed to for as long as
// runs read it; other readers of the connection see it meanwhile. A first run that fetched and
// wrote nothing is followed by another at once, because nobody told of changes before the
// subscription was there. Subscriptions that begin or end later wake it not. What was marked as
// read by hand, and nothing covers, is an error (NotSubscribedError), and nothing is committed.
//
// A function that read nothing and asked for no time would sleep for ever: the reactor tells
// on_error so (UsageError) and ends, with will_never_wake().
//
// What the function throws goes to on_error, and the run is tried again after a pause. When the
// connection ends, the Database being destroyed included, the reactor ends and keeps the reason.
//
// Threads: the function runs on the reactor's thread, or on that of the caller of next(), never
// twice at a time. The members may be called from any thread, the function included; next() by one
// at a time. A reactor destroyed by its own function ends after that run.
class Reactor {
 public:
  using Function = std::function<void(Transaction&)>;
  using Condition = std::function<bool(Transaction&)>;
  using Timeout = std::optional<std::chrono::milliseconds>;
  using Timestamp = std::chrono::system_clock::time_point;

  Reactor(Database& db, Function function, ReactorOptions options = {});
  ~Reactor();  // stops it
  Reactor(const Reactor&) = delete;
  Reactor& operator=(const Reactor&) = delete;

  // Begins with a run. Does nothing while it is running; after stop() it begins anew. Throws
  // UsageError on the reactor's own thread.
  void start();
  // Returns when the run under way has ended and no other will begin; on the reactor's own thread
  // at once. Ends a wait in next().
  void stop();
  bool is_running() const;  // with a thread

  bool will_never_wake() const;
  std::optional<Error> end_reason() const;  // of the connection, once that has ended

  // Without a thread: waits until what the last run read has changed, then runs once; the first
  // time it runs at once, and so after an exception. False when the time is up, without one only
  // after stop(). Throws what the function throws, DisconnectedError, and UsageError when the
  // reactor has a thread, or when nothing could ever end a wait without timeout.
  bool next(Timeout timeout = {});

  // Evaluates the condition now, and again whenever what it read has changed, until it is true;
  // false when the time is up. On the calling thread; nothing is committed. Throws as next().
  static bool block_until_true(Database& db, const Condition& condition, Timeout timeout = {});

  // The time at which the run began; the reactor runs again ReactorOptions::clock_interval later.
  // In block_until_true a second later. Elsewhere: the time now.
  static Timestamp current_timestamp();
  // Whether the run began at `time` or later. When not, the reactor runs again at `time`, and not
  // before on account of this. Elsewhere: whether it is that late now.
  static bool current_timestamp_is_after(Timestamp time);

 private:
  std::shared_ptr<detail::ReactorLoop> loop_;
};

}  // namespace odb
