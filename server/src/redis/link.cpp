#include "link.h"

#include <algorithm>
#include <utility>

namespace odb::server::redis {

Result<Reply> receive(Link& link, Clock::time_point deadline) {
  for (;;) {
    auto reply = link.next();
    if (!reply) return reply.error();
    if (reply->has_value()) return *std::move(*reply);
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
