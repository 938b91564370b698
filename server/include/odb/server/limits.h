// Everything in the server that can grow, with its limit.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace odb::server {

// Each has an option of the same name (docs/limits.md) and a test that reaches it.
struct Limits {
  // One commit on the wire. Also the largest value and the largest delta.
  std::size_t commit_bytes_max = 64 * 1024 * 1024;
  // Commits that one session may have in flight.
  std::uint32_t commit_credits = 1024;
  // What may wait in one session's send queue before the next message; a subscriber that lets more
  // pile up is dropped with kSlowSubscriber. At least commit_bytes_max.
  std::size_t session_queue_bytes_max = 256 * 1024 * 1024;
  std::size_t sessions_max = 20'000;
  std::size_t subscriptions_per_session_max = 10'000;
  std::uint64_t ids_per_request_max = 1'000'000;
  // Versions that stay readable behind the newest, by count and by size of their commits.
  std::size_t retained_versions_max = 100'000;
  std::size_t retained_bytes_max = 16 * 1024 * 1024;

  // Beyond these, versions stay while a client still reads them, up to this size and this long.
  std::size_t held_bytes_max = 1024 * 1024 * 1024;
  std::chrono::milliseconds held_time_max{10 * 60'000};
  // Clients whose accepted commits are remembered, so that one sent again is not applied again, and
  // how many of each.
  std::size_t outcome_clients_max = 100'000;
  std::size_t outcomes_per_client_max = 4096;
  // Loads of objects as of a version that one session may have under way.
  std::size_t loads_per_session_max = 1024;

  std::chrono::milliseconds authentication_deadline{10'000};
  // How often a side that has nothing to say sends a heartbeat, and after how long without a byte
  // the other side counts as dead.
  std::chrono::milliseconds heartbeat_interval{5'000};
  std::chrono::milliseconds silence_timeout{30'000};
  // How long the object of a connection whose link broke, and what it owns, waits for its client to
  // come back.
  std::chrono::milliseconds connection_grace{2'000};
  // How long a closing connection may take to send what is left.
  std::chrono::milliseconds linger{2'000};
};

// Messages before authentication are small.
inline constexpr std::size_t kUnauthenticatedMessageBytesMax = 4096;
// A commit's own size plus the envelope around it.
inline constexpr std::size_t kMessageSlackBytes = 64 * 1024;
// A snapshot pauses while this much waits in the session's queue.
inline constexpr std::size_t kSnapshotQueueBytes = 512 * 1024;

// A piece of a snapshot ends after this many rows or about this many bytes, well within one frame
// for small rows. Tests make pieces small.
struct SnapshotPiece {
  std::size_t rows_max = 2048;
  std::size_t bytes_max = 128 * 1024;
};

}  // namespace odb::server
