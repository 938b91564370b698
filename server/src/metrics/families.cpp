#include "families.h"

#include <sys/resource.h>

#include <limits>
#include <map>
#include <string_view>

#include "odb/version.h"

namespace odb::server::metrics {

namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;
using Labels = std::vector<ClientMetric::Label>;

constexpr double kNanosecond = 1e-9;

double seconds(std::chrono::nanoseconds time) {
  return static_cast<double>(time.count()) * kNanosecond;
}

// Values of one name.
class Family {
 public:
  Family(std::string name, MetricType type, std::string help) {
    family_.name = std::move(name);
    family_.type = type;
    family_.help = std::move(help);
  }
  Family& add(double value, Labels labels = {}) {
    ClientMetric& metric = family_.metric.emplace_back();
    metric.label = std::move(labels);
    if (family_.type == MetricType::Counter) {
      metric.counter.value = value;
    } else {
      metric.gauge.value = value;
    }
    return *this;
  }
  Family& add(std::uint64_t value, Labels labels = {}) {
    return add(static_cast<double>(value), std::move(labels));
  }
  Family& add(const DurationHistogram& from, Labels labels) {
    ClientMetric& metric = family_.metric.emplace_back();
    metric.label = std::move(labels);
    std::uint64_t so_far = 0;
    for (std::size_t i = 0; i < from.buckets.size(); ++i) {
      so_far += from.buckets[i];
      const double bound = i < DurationHistogram::kBounds.size()
                               ? static_cast<double>(DurationHistogram::kBounds[i]) * kNanosecond
                               : std::numeric_limits<double>::infinity();
      metric.histogram.bucket.push_back({so_far, bound});
    }
    metric.histogram.sample_count = so_far;
    metric.histogram.sample_sum = seconds(from.sum);
    return *this;
  }
  operator MetricFamily() const { return family_; }  // NOLINT: that is what it is for

 private:
  MetricFamily family_;
};

Family counter(std::string name, std::string help) {
  return {std::move(name), MetricType::Counter, std::move(help)};
}
Family gauge(std::string name, std::string help) {
  return {std::move(name), MetricType::Gauge, std::move(help)};
}

void add_versions(std::vector<MetricFamily>& out, const Statistics& from) {
  out.push_back(gauge("odb_version",
                      "The newest accepted, durable and published version, and the "
                      "horizon: the oldest that can be read.")
                    .add(from.accepted.value, {{"mark", "accepted"}})
                    .add(from.durable.value, {{"mark", "durable"}})
                    .add(from.published.value, {{"mark", "published"}})
                    .add(from.horizon.value, {{"mark", "horizon"}}));
  out.push_back(gauge("odb_retained_versions", "Versions that stay readable behind the newest.")
                    .add(from.retained_versions));
}

void add_commits(std::vector<MetricFamily>& out, const Statistics& from) {
  out.push_back(counter("odb_commits_total", "Commits published, the server's own included.")
                    .add(from.commits));
  out.push_back(
      counter("odb_schema_changes_total", "Schema changes published.").add(from.schema_changes));
  out.push_back(counter("odb_commit_conflicts_total", "Commits that ended in a conflict.")
                    .add(from.conflicts));
  Family refusals = counter("odb_commit_refusals_total",
                            "Commits refused other than by a conflict, by the name of the error.");
  for (const RefusalCount& refusal : from.refusals) {
    refusals.add(refusal.count, {{"error", std::string(to_string(refusal.code))}});
  }
  out.push_back(refusals);
  out.push_back(
      Family("odb_commit_stage_seconds", MetricType::Histogram,
             "Time of commits, with the batch that they belong to: given to the store to durable, "
             "durable to published (deltas and outcomes queued), published to told (written to "
             "the sockets).")
          .add(from.stages.durable, {{"stage", "durable"}})
          .add(from.stages.published, {{"stage", "published"}})
          .add(from.stages.told, {{"stage", "told"}}));
}

void add_sessions(std::vector<MetricFamily>& out, const Statistics& from) {
  out.push_back(gauge("odb_sessions", "Authenticated sessions.").add(from.sessions));
  out.push_back(gauge("odb_connections", "Connections, with those that have no session yet.")
                    .add(from.connections));
  out.push_back(
      counter("odb_connections_made_total", "Connections made.").add(from.connections_made));
  out.push_back(
      gauge("odb_subscriptions", "Subscriptions of all sessions.").add(from.subscriptions));
  out.push_back(gauge("odb_session_queue_bytes", "What sessions have not read yet: all together.")
                    .add(from.memory.queues));
  out.push_back(gauge("odb_session_queue_bytes_max", "What the slowest session has not read yet.")
                    .add(from.queued_bytes_max));
}

void add_store(std::vector<MetricFamily>& out, const Statistics& from) {
  out.push_back(gauge("odb_store_ready", "1 when the store takes commits.")
                    .add(from.store_standing == StoreStanding::kReady ? 1.0 : 0.0));
  out.push_back(gauge("odb_store_lag_versions", "Versions that the store has not confirmed.")
                    .add(from.store_lag_versions));
  out.push_back(gauge("odb_store_lag_seconds", "How long the oldest of these has waited.")
                    .add(seconds(from.store_lag)));
}

void add_content(std::vector<MetricFamily>& out, const Statistics& from) {
  out.push_back(gauge("odb_types", "Types of all schemas.").add(from.types));
  out.push_back(gauge("odb_objects", "Objects that exist.").add(from.objects));
  out.push_back(
      gauge("odb_rows", "Rows in memory: objects with their before-images.").add(from.rows));
  out.push_back(
      gauge("odb_index_entries", "Entries of all indexes in memory, with those of before.")
          .add(from.index_entries));
  out.push_back(gauge("odb_memory_bytes",
                      "Memory by what it is for, from counters: without what long values take "
                      "outside of their rows.")
                    .add(from.memory.rows, {{"kind", "rows"}})
                    .add(from.memory.indexes, {{"kind", "indexes"}})
                    .add(from.memory.retained_commits, {{"kind", "retained commits"}})
                    .add(from.memory.queues, {{"kind", "queues"}}));
  out.push_back(
      gauge("odb_resident_bytes", "Resident memory of the process.").add(from.memory.resident));
}

}  // namespace

MetricFamily ConflictSeries::family(const std::vector<ConflictCount>& counts) {
  std::map<std::pair<std::string, std::string>, std::uint64_t> sums;
  for (const ConflictCount& each : counts) {
    const bool is_placed = each.kind != ConflictKind::kElsewhere;
    std::pair<std::string, std::string> key{is_placed ? to_string(each.type) : "other",
                                            std::string(to_string(each.kind))};
    if (is_placed && !shown_.contains(key)) {
      if (shown_.size() < series_max_) {
        shown_.insert(key);
      } else {
        key.first = "other";
      }
    }
    sums[std::move(key)] += each.count;
  }
  Family family = counter("odb_commit_conflicts_by_type_total",
                          "Commits that ended in a conflict, by the type and kind of read that "
                          "conflicted.");
  for (const auto& [key, sum] : sums) family.add(sum, {{"type", key.first}, {"kind", key.second}});
  return family;
}

std::vector<MetricFamily> families(const Statistics& statistics) {
  std::vector<MetricFamily> out;
  out.push_back(gauge("odb_start_time_seconds", "When the server started, since the epoch.")
                    .add(static_cast<double>(statistics.started_utc_ns) * kNanosecond));
  add_versions(out, statistics);
  add_commits(out, statistics);
  add_sessions(out, statistics);
  add_store(out, statistics);
  add_content(out, statistics);
  return out;
}

std::vector<MetricFamily> process_families(bool is_ready) {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto of = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
  };
  std::vector<MetricFamily> out;
  out.push_back(gauge("odb_build_info", "1; the version of the program is its label.")
                    .add(1.0, {{"version", kVersionText}}));
  out.push_back(gauge("odb_ready", "1 when the server takes commits, as /readyz says.")
                    .add(is_ready ? 1.0 : 0.0));
  out.push_back(counter("odb_cpu_seconds_total", "CPU time of the process, user and system.")
                    .add(of(usage.ru_utime) + of(usage.ru_stime)));
  return out;
}

}  // namespace odb::server::metrics
