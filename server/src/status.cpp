// What a session answers to who asks how the server is.
#include <chrono>

#include "odb/server/server_core.h"
#include "odb/server/statistics.h"

namespace odb::server {

namespace {

template <class Number>
ServerFigure figure(const char* name, Number value) {
  return {name, static_cast<double>(value)};
}

}  // namespace

ServerStatus ServerCore::status() {
  const Statistics now = statistics();
  ServerStatus status;
  status.history = now.history;
  status.version = now.published;
  status.ids_below = next_id_;
  status.software = parts_.software;
  status.store = now.store;
  if (now.store_standing != StoreStanding::kReady) {
    status.store += ", " + std::string(to_string(now.store_standing)) + ": " + now.store_trouble;
  }
  const auto utc_ns = std::chrono::duration_cast<std::chrono::nanoseconds>(
                          std::chrono::system_clock::now().time_since_epoch())
                          .count();
  status.figures = {
      figure("uptime_seconds", (utc_ns - now.started_utc_ns) / 1'000'000'000),
      figure("version_accepted", now.accepted.value),
      figure("version_durable", now.durable.value),
      figure("version_horizon", now.horizon.value),
      figure("store_lag_versions", now.store_lag_versions),
      figure("store_lag_seconds", std::chrono::duration<double>(now.store_lag).count()),
      figure("sessions", now.sessions),
      figure("connections", now.connections),
      figure("subscriptions", now.subscriptions),
      figure("types", now.types),
      figure("objects", now.objects),
      figure("index_entries", now.index_entries),
      figure("retained_versions", now.retained_versions),
      figure("memory_rows_bytes", now.memory.rows),
      figure("memory_indexes_bytes", now.memory.indexes),
      figure("memory_retained_commits_bytes", now.memory.retained_commits),
      figure("memory_queues_bytes", now.memory.queues),
      figure("memory_resident_bytes", now.memory.resident),
      figure("connections_made_total", now.connections_made),
      figure("commits_total", now.commits),
      figure("schema_changes_total", now.schema_changes),
      figure("conflicts_total", now.conflicts),
  };
  for (const RefusalCount& refusal : now.refusals) {
    const auto code = static_cast<unsigned>(refusal.code);
    status.figures.push_back(
        figure(("refused_" + std::to_string(code) + "_total").c_str(), refusal.count));
  }
  return status;
}

}  // namespace odb::server
