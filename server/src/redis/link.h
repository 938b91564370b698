// Link: one connection to Redis. Its implementation is the only code that knows hiredis.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "odb/core/error.h"
#include "odb/server/redis_store.h"
#include "resp.h"

namespace odb::server::redis {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

// One thread at a time, but for wake() and wait().
class Link {
 public:
  virtual ~Link() = default;
  // kConnectFailed says why. What was there before is closed first.
  virtual Result<void> connect(const RedisAddress& address, milliseconds timeout) = 0;
  virtual void close() = 0;
  virtual bool is_open() const = 0;

  // Commands to send: append to it, then write.
  virtual std::string& output() = 0;
  // As much as goes without waiting. kDisconnected: the connection is gone, and closed.
  virtual Result<void> write() = 0;
  virtual Result<bool> read() = 0;  // whether anything had come
  // The next whole reply; kMalformedMessage when the peer does not speak Redis's language.
  virtual Result<std::optional<Reply>> next() = 0;

  // What to wait for: room to write what is left of the output, or also something to read.
  enum class Await : std::uint8_t { kWriting, kReading };
  struct Awaited {
    int descriptor = -1;  // none: for wake() only
    bool is_reading = false;
    bool is_writing = false;
  };
  virtual Awaited awaited(Await what) const = 0;
  // For that, or for wake(). Any thread, meanwhile others may use the link.
  virtual void wait(const Awaited& awaited, milliseconds limit) = 0;
  // Ends a wait, now or the next one. Any thread.
  virtual void wake() = 0;

  // From now on nothing is waited for, and receive() says kShuttingDown; until set_patient(). Any
  // thread.
  void interrupt() {
    is_interrupted_ = true;
    wake();
  }
  void set_patient() { is_interrupted_ = false; }
  bool is_interrupted() const { return is_interrupted_; }

  // Writes and reads; when there is nothing to read, waits and tries again.
  Result<void> pump(milliseconds limit);
  // Another descriptor of the connection, to watch it; the caller closes it. Nothing: the process
  // has too many.
  virtual std::optional<int> duplicate() const = 0;

 private:
  std::atomic<bool> is_interrupted_ = false;
};

std::unique_ptr<Link> make_link();

// Waits for one reply.
Result<Reply> receive(Link& link, Clock::time_point deadline);
// Sends a command and waits for its reply, which may be an error. Nothing else may be under way.
Result<Reply> call(Link& link, const Arguments& command, milliseconds timeout);
Result<Reply> call(Link& link, std::initializer_list<std::string_view> command,
                   milliseconds timeout);

}  // namespace odb::server::redis
