// Link: one connection to Redis. Its implementation is the only code that knows hiredis.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "odb/core/error.h"
#include "odb/server/redis_store.h"
#include "resp.h"

namespace odb::server::redis {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

// One thread, but for wake().
class Link {
 public:
  virtual ~Link() = default;
  // kConnectFailed says why. What was there before is closed first.
  virtual Result<void> connect(const RedisAddress& address, milliseconds timeout) = 0;
  virtual void close() = 0;
  virtual bool is_open() const = 0;

  // Commands to send: append to it, then pump.
  virtual std::string& output() = 0;
  // Writes and reads as much as goes; when there is nothing to read, waits up to `wait` for
  // something, for room to write or for wake(). kDisconnected: the connection is gone, and closed.
  virtual Result<void> pump(milliseconds wait) = 0;
  // The next whole reply; kMalformedMessage when the peer does not speak Redis's language.
  virtual Result<std::optional<Reply>> next() = 0;

  // Ends a wait, now or the next one. Any thread.
  virtual void wake() = 0;
};

std::unique_ptr<Link> make_link();

// Waits for one reply.
Result<Reply> receive(Link& link, Clock::time_point deadline);
// Sends a command and waits for its reply, which may be an error. Nothing else may be under way.
Result<Reply> call(Link& link, const Arguments& command, milliseconds timeout);
Result<Reply> call(Link& link, std::initializer_list<std::string_view> command,
                   milliseconds timeout);

}  // namespace odb::server::redis
