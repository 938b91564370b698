#include "link.h"

#include <algorithm>
#include <utility>

namespace odb::server::redis {

Result<void> Link::pump(milliseconds limit) {
  const auto exchange = [this]() -> Result<bool> {
    if (auto wrote = write(); !wrote) return wrote.error();
    return read();
  };
  auto done = exchange();
  if (done && !*done && limit > milliseconds{0}) {
    wait(awaited(Await::kReading), limit);
    done = exchange();
  }
  if (!done) return done.error();
  return {};
}

Result<Reply> receive(Link& link, Clock::time_point deadline) {
  for (;;) {
    auto reply = link.next();
    if (!reply) return reply.error();
    if (reply->has_value()) return *std::move(*reply);
    if (link.is_interrupted()) {
      return Error{ErrorCode::kShuttingDown, "the server stops waiting for Redis"};
    }
    const auto left = std::chrono::ceil<milliseconds>(deadline - Clock::now());
    if (left <= milliseconds{0}) {
      return Error{ErrorCode::kTimeout, "Redis does not answer in time"};
    }
    if (auto pumped = link.pump(left); !pumped) return pumped.error();
  }
}

Result<Reply> call(Link& link, const Arguments& command, milliseconds timeout) {
  append_command(link.output(), command);
  return receive(link, Clock::now() + timeout);
}

Result<Reply> call(Link& link, std::initializer_list<std::string_view> command,
                   milliseconds timeout) {
  append_command(link.output(), command);
  return receive(link, Clock::now() + timeout);
}

}  // namespace odb::server::redis
