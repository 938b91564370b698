#include <chrono>

#include "cluster.h"

namespace odb::sim {

Weather::Weather(Random& random, const ClusterOptions& options) {
  using std::chrono::milliseconds;
  clients = 3 + below(random, 3);
  limits.heartbeat_interval = milliseconds(40);
  limits.silence_timeout = milliseconds(300);
  limits.authentication_deadline = milliseconds(300);
  limits.linger = milliseconds(50);
  limits.connection_grace = milliseconds(below(random, 3) * 10);
  limits.commit_credits =
      chance(random, 30) ? 1 + static_cast<std::uint32_t>(below(random, 4)) : 64;
  if (chance(random, 40)) limits.retained_versions_max = chance(random, 50) ? 50 : 3;
  if (chance(random, 20)) limits.ids_per_request_max = 3;
  // What is queued counts kQueueScale times.
  const std::size_t queue_bytes = chance(random, 30) ? 4096 : 64 * 1024;
  limits.session_queue_bytes_max = queue_bytes * SimConnection::kQueueScale;
  if (chance(random, 80)) snapshot_piece.rows_max = 1 + below(random, 3);

  link_capacity_bytes = chance(random, 50) ? 512 : 16 * 1024;
  small_deliveries = chance(random, 40);
  breaks_per_100k = chance(random, 70) ? static_cast<std::uint32_t>(below(random, 60)) : 0;
  freezes_per_100k = chance(random, 50) ? static_cast<std::uint32_t>(below(random, 60)) : 0;
  failures_per_10k = chance(random, 60) ? static_cast<std::uint32_t>(below(random, 60)) : 0;
  refusals_per_100k = chance(random, 30) ? static_cast<std::uint32_t>(below(random, 60)) : 0;
  store_percent = 2 + static_cast<std::uint32_t>(below(random, 40));
  snapshot_percent = 5 + static_cast<std::uint32_t>(below(random, 60));
  grows_schema = chance(random, 40);

  if (chance(random, 60)) crashes_per_100k = 4 + static_cast<std::uint32_t>(below(random, 28));
  if (chance(random, 30)) stops_per_100k = 4 + static_cast<std::uint32_t>(below(random, 16));
  if (chance(random, 50)) hangs_per_100k = 10 + static_cast<std::uint32_t>(below(random, 60));
  const std::size_t kind = below(random, 100);
  durability = kind < 70 ? Durability::kStrict : kind < 90 ? Durability::kWeak : Durability::kNone;
  if (options.one_history) durability = Durability::kStrict;
  if (chance(random, 10)) {
    limits.outcome_clients_max = 1 + below(random, 3);
    limits.outcomes_per_client_max = 1 + below(random, 4);
    forgets_outcomes = true;
  }
  if (durability != Durability::kNone && chance(random, 50)) {
    absences_per_100k = 10 + static_cast<std::uint32_t>(below(random, 50));
  }
  if (options.many_absences) absences_per_100k = 300;
}

}  // namespace odb::sim
