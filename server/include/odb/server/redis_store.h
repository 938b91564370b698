// A store in Redis; docs/redis.md describes what it keeps there and what survives what.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "odb/core/error.h"
#include "odb/server/log_retention.h"
#include "odb/server/store.h"

namespace odb::server {

struct RedisAddress {
  std::string host;
  std::uint16_t port = 0;
  std::string unix_path;  // instead of host and port

  // Nobody else can listen in.
  bool is_private() const;
  std::string to_string() const;
  // "HOST:PORT", "[::1]:PORT" or "unix:PATH"; kBadConfiguration.
  static Result<RedisAddress> parse(const std::string& text);
};

struct RedisOptions {
  RedisAddress address;
  std::string user;  // empty: Redis's default user
  std::string password;
  std::uint32_t database = 0;
  std::string prefix = "odb:";  // of all keys: several databases may share one Redis
  // How long an append may stay unconfirmed before its authors are told that its outcome is
  // unknown, and how long Redis may leave anything unanswered before the connection is given up.
  std::chrono::milliseconds store_timeout{10'000};
  // How long possession lasts without being renewed, and how long to wait at the start for a server
  // that has it.
  std::chrono::milliseconds lease_time{5'000};
  std::chrono::milliseconds lease_wait{15'000};
  LogRetention retention;            // of the log; nothing needs that to start
  std::optional<Filling> filling{};  // whoever fills it says so
};

std::unique_ptr<Store> make_redis_store(RedisOptions options);

}  // namespace odb::server
