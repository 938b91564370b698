#include "cli_limits.h"

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

#include "cli_values.h"
#include "odb/wire/codec.h"

namespace odb::server {

namespace {

using std::chrono::milliseconds;
using namespace std::chrono_literals;

constexpr std::uint64_t kCountMax = std::numeric_limits<std::uint32_t>::max();
constexpr std::uint64_t kBytesMax = std::uint64_t{1} << 40;
constexpr std::uint64_t kCommitBytesMin = 1024;
constexpr std::uint64_t kCommitBytesMax = wire::kMessageBytesMax - kMessageSlackBytes;
constexpr milliseconds kDurationMax = 24h;
constexpr milliseconds kLongDurationMax = 10 * 365 * 24h;

template <class T>
struct Range {
  T min;
  T max;
};

CLI::Option* add_option(CLI::App& app, const std::string& name, const std::string& type,
                        const std::string& default_text, const std::string& meaning,
                        const std::function<void(const std::string&)>& set) {
  return app.add_option_function<std::string>(name, set, meaning)
      ->type_name(type)
      ->default_str(default_text)
      ->group("Limits");
}

[[noreturn]] void refuse(const std::string& name, const std::string& min, const std::string& max,
                         const std::string& found) {
  throw CLI::ValidationError(name, "expected " + min + " to " + max + ", found " + found);
}

template <class T>
void add_count(CLI::App& app, const std::string& name, T& limit, const std::string& meaning) {
  add_option(app, name, "COUNT", std::to_string(limit), meaning,
             [name, &limit](const std::string& text) {
               const auto count = parse_count(text);
               if (!count || *count < 1 || *count > kCountMax) {
                 refuse(name, "1", std::to_string(kCountMax), text);
               }
               limit = static_cast<T>(*count);
             });
}

void add_size(CLI::App& app, const std::string& name, std::size_t& limit,
              const std::string& meaning, Range<std::uint64_t> range = {1, kBytesMax}) {
  add_option(app, name, "SIZE", size_text(limit), meaning,
             [name, &limit, range](const std::string& text) {
               const auto bytes = parse_size(text);
               if (!bytes || *bytes < range.min || *bytes > range.max) {
                 refuse(name, size_text(range.min), size_text(range.max), text);
               }
               limit = static_cast<std::size_t>(*bytes);
             });
}

void add_duration(CLI::App& app, const std::string& name, milliseconds& limit,
                  const std::string& meaning, Range<milliseconds> range = {1ms, kDurationMax}) {
  add_option(app, name, "TIME", duration_text(limit), meaning,
             [name, &limit, range](const std::string& text) {
               const auto duration = parse_duration(text);
               if (!duration || *duration < range.min || *duration > range.max) {
                 refuse(name, duration_text(range.min), duration_text(range.max), text);
               }
               limit = *duration;
             });
}

}  // namespace

void add_limits(CLI::App& app, Limits& limits) {
  add_size(app, "--commit-bytes-max", limits.commit_bytes_max,
           "Largest commit, value and delta on the wire", {kCommitBytesMin, kCommitBytesMax});
  add_count(app, "--commit-credits", limits.commit_credits,
            "Commits that one session may have in flight");
  add_size(app, "--session-queue-bytes-max", limits.session_queue_bytes_max,
           "What may wait in one session's send queue; a subscriber that does\n"
           "not read is dropped beyond it");
  add_count(app, "--sessions-max", limits.sessions_max, "Sessions at a time");
  add_count(app, "--subscriptions-per-session-max", limits.subscriptions_per_session_max,
            "Subscriptions that one session may hold");
  add_count(app, "--ids-per-request-max", limits.ids_per_request_max,
            "Identities granted to a session at once");
  add_count(app, "--retained-versions-max", limits.retained_versions_max,
            "Versions that stay readable behind the newest");
  add_size(app, "--retained-bytes-max", limits.retained_bytes_max,
           "Size of the commits that stay readable behind the newest");
  add_size(app, "--held-bytes-max", limits.held_bytes_max,
           "Size of the commits that stay because a client still reads versions\n"
           "as old");
  add_duration(app, "--held-time-max", limits.held_time_max,
               "How long a client may hold back one version");
  add_count(app, "--outcome-clients-max", limits.outcome_clients_max,
            "Clients whose accepted commits are remembered");
  add_count(app, "--outcomes-per-client-max", limits.outcomes_per_client_max,
            "Accepted commits that are remembered of one client");
  add_count(app, "--loads-per-session-max", limits.loads_per_session_max,
            "Loads as of a version that one session may have under way");
  add_duration(app, "--authentication-deadline", limits.authentication_deadline,
               "A connection that has not proven its token by then is closed");
  add_duration(app, "--heartbeat-interval", limits.heartbeat_interval,
               "How often a side that has nothing to say sends a heartbeat");
  add_duration(app, "--silence-timeout", limits.silence_timeout,
               "A peer that sends no byte for so long counts as dead");
  add_duration(app, "--connection-grace", limits.connection_grace,
               "How long the object of a connection whose link broke waits for its\n"
               "client to come back",
               {0ms, kDurationMax});
  add_duration(app, "--linger", limits.linger,
               "How long a closing connection may take to send what is left", {0ms, kDurationMax});
}

void add_count_limit(CLI::App& app, const std::string& name, std::uint64_t& limit,
                     const std::string& meaning) {
  add_count(app, name, limit, meaning);
}

void add_duration_limit(CLI::App& app, const std::string& name, milliseconds& limit,
                        const std::string& meaning) {
  add_duration(app, name, limit, meaning);
}

void add_long_duration(CLI::App& app, const std::string& name, milliseconds& limit,
                       const std::string& meaning) {
  add_duration(app, name, limit, meaning, {0ms, kLongDurationMax});
}

}  // namespace odb::server
