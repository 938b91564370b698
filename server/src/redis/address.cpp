#include <charconv>
#include <limits>

#include "odb/server/redis_store.h"

namespace odb::server {

bool RedisAddress::is_private() const {
  return !unix_path.empty() || host == "localhost" || host == "::1" || host.starts_with("127.");
}

std::string RedisAddress::to_string() const {
  if (!unix_path.empty()) return "unix:" + unix_path;
  const bool is_v6 = host.find(':') != std::string::npos;
  return (is_v6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

Result<RedisAddress> RedisAddress::parse(const std::string& text) {
  const Error wrong{ErrorCode::kBadConfiguration, "expected HOST:PORT or unix:PATH"};
  RedisAddress address;
  if (text.starts_with("unix:")) {
    address.unix_path = text.substr(5);
    if (address.unix_path.empty()) return wrong;
    return address;
  }
  const std::size_t colon = text.rfind(':');
  if (colon == std::string::npos || colon == 0) return wrong;
  address.host = text.substr(0, colon);
  if (address.host.front() == '[' && address.host.back() == ']') {
    address.host = address.host.substr(1, address.host.size() - 2);
  } else if (address.host.find(':') != std::string::npos) {
    return wrong;
  }
  const char* end = text.data() + text.size();
  const auto [last, error] = std::from_chars(text.data() + colon + 1, end, address.port);
  if (error != std::errc() || last != end || address.port == 0 || address.host.empty())
    return wrong;
  return address;
}

}  // namespace odb::server
