// Supervisor: tells whoever started the program how it stands, as systemd's Type=notify expects.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace odb::server {

// Does nothing unless NOTIFY_SOCKET names a socket. What is told is one datagram of lines
// NAME=value, see sd_notify(3): so little that libsystemd would only be one library more to load.
//
// Construct it before other threads exist. Any thread may tell.
class Supervisor {
 public:
  // Takes NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID out of the environment, as they are meant
  // for this process alone.
  Supervisor();

  // False when the supervisor could not be told; a program goes on without.
  bool tell(std::string_view lines) const;

  // Within which time it expects to be told WATCHDOG=1 again; nothing: never.
  std::optional<std::chrono::milliseconds> watchdog_interval() const { return watchdog_interval_; }

 private:
  std::string socket_;
  std::optional<std::chrono::milliseconds> watchdog_interval_;
};

}  // namespace odb::server
