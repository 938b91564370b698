// redis-server processes of our own, gone with the bench.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "process.h"
#include "temporary_folder.h"

namespace odb::bench {

// One that writes all to an append-only file: what odb keeps its data in.
class RedisServer {
 public:
  explicit RedisServer(const std::string& appendfsync);
  const std::string& socket() const { return socket_; }

 private:
  const TemporaryFolder folder_;
  const std::string socket_;
  Process process_;
};

// One that keeps everything in memory and speaks TLS, with a certificate made as odb_server makes
// its own: what odb is compared with.
class RedisTlsServer {
 public:
  explicit RedisTlsServer(std::optional<int> cpu = {});
  std::uint16_t port() const { return port_; }
  Process& process() { return process_; }

 private:
  const TemporaryFolder folder_;
  const std::uint16_t port_;
  Process process_;
};

}  // namespace odb::bench
