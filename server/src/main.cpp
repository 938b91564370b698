// odb_server: an odb::server::Server with a command line, logs and signals around it.

#include <malloc.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdio>
#include <exception>
#include <memory>
#include <optional>
#include <utility>

#include "cli.h"
#include "main_signals.h"
#include "main_supervisor.h"
#include "metrics/metrics_server.h"
#include "odb/net/socket.h"
#include "odb/server/embedded_store.h"
#include "odb/server/redis_store.h"
#include "odb/server/server.h"
#include "odb/tool/dump_reader.h"
#include "odb/version.h"

namespace odb::server {

namespace {

// Descriptors beside the sessions: listeners, logs, polling.
constexpr rlim_t kOtherDescriptors = 64;

int as_status(ExitCode code) { return static_cast<int>(code); }

void start_log(spdlog::level::level_enum level) {
  auto logger = std::make_shared<spdlog::logger>("odb_server",
                                                 std::make_shared<spdlog::sinks::stderr_sink_mt>());
  logger->set_pattern("%Y-%m-%dT%H:%M:%S.%eZ %l %v", spdlog::pattern_time_type::utc);
  logger->set_level(level);
  spdlog::set_default_logger(std::move(logger));
}

// Each session takes a descriptor; the usual soft limit of 1024 is meant for programs that use
// select().
void raise_descriptor_limit(std::size_t sessions_max) {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  if (setrlimit(RLIMIT_NOFILE, &limit) != 0) getrlimit(RLIMIT_NOFILE, &limit);
  if (limit.rlim_cur < sessions_max + kOtherDescriptors) {
    spdlog::info("open files are limited to {}, less than what {} sessions take", limit.rlim_cur,
                 sessions_max);
  }
}

// Nearly all memory is taken by the one thread of the server, a few hundred bytes at a time, and
// kept. An arena of its own would grow by one system call a page.
void prepare_memory() {
  constexpr int kGrowthBytes = 16 * 1024 * 1024;
  mallopt(M_ARENA_MAX, 1);
  mallopt(M_TOP_PAD, kGrowthBytes);
}

// Where programs are in each other's way.
void log_conflicts(const Server& server) {
  constexpr std::size_t kShownMax = 10;
  const std::vector<ConflictCount> counts = server.conflict_counts();
  for (std::size_t i = 0; i < std::min(counts.size(), kShownMax); ++i) {
    spdlog::info("commits conflicted on {}", to_string(counts[i]));
  }
}

// Until it is told to stop. Meanwhile the supervisor is told that the server's thread answers, if
// it wants to know.
void wait_for_end(const Server& server, ShutdownSignals& signals, const Supervisor& supervisor) {
  const auto interval = supervisor.watchdog_interval();
  if (!interval) return signals.wait();
  while (!signals.wait_for(*interval / 3)) {
    if (server.statistics_within(*interval / 3)) supervisor.tell("WATCHDOG=1");
  }
}

// Asks nothing of the server that is about to go.
struct MetricsEnd {
  void operator()(metrics::MetricsServer* server) const { server->serve_no_more(); }
};

// What it does, ending in HOST:PORT.
std::string describe(Role role, const net::Endpoint& endpoint) {
  return (role == Role::kOwner ? "listens on " : "waits as standby for ") +
         net::to_string(endpoint);
}

// One line, for who waits for it.
void tell_role(Role role, const net::Endpoint& endpoint) {
  const std::string line = "odb_server " + describe(role, endpoint);
  if (std::printf("%s\n", line.c_str()) < 0 || std::fflush(stdout) != 0) {
    spdlog::warn("cannot write to stdout: {}", line);
  }
}

int serve(CommandLine command_line, ShutdownSignals& signals, const Supervisor& supervisor) {
  start_log(command_line.log_level);
  const std::size_t sessions_max = command_line.options.limits.sessions_max;
  const bool makes_token = command_line.options.tokens.empty();
  const std::string host = command_line.options.host;
  std::atomic<bool> is_store_lost = false;
  std::atomic<bool> has_failed = false;
  if (command_line.redis && command_line.redis->is_standby) {
    command_line.options.standby = StandbyOptions{
        .make_store = [redis = *command_line.redis] { return make_redis_store(redis); },
        .on_role =
            [host, &supervisor](Role role, std::uint16_t port) {
              tell_role(role, {host, port});
              supervisor.tell("STATUS=" + describe(role, {host, port}));
            },
        .on_failed =
            [&](const Error& reason) {
              std::fprintf(stderr, "odb_server: %s\n", reason.message.c_str());
              has_failed = true;
              signals.stop();
            }};
  } else if (command_line.redis) {
    command_line.options.store = make_redis_store(*std::move(command_line.redis));
  }
  if (command_line.embedded)
    command_line.options.store = make_embedded_store(*std::move(command_line.embedded));
  if (!command_line.restore_file.empty()) {
    auto dump = tool::DumpSource::open(command_line.restore_file);
    if (!dump) {
      std::fprintf(stderr, "odb_server: --restore: %s\n", dump.error().message.c_str());
      return as_status(ExitCode::kStartFailed);
    }
    command_line.options.store = tool::make_restored_memory_store(*std::move(dump));
  }
  const bool is_standby = command_line.options.standby.has_value();
  command_line.options.on_store_lost = [&](const Error&) {
    is_store_lost = true;
    signals.stop();
  };
  std::unique_ptr<metrics::MetricsServer> metrics;
  if (command_line.metrics) {
    auto started = metrics::MetricsServer::start(*command_line.metrics);
    if (!started) {
      std::fprintf(stderr, "odb_server: %s\n", started.error().message.c_str());
      return as_status(ExitCode::kStartFailed);
    }
    metrics = *std::move(started);
    spdlog::info("metrics at http://{}/metrics",
                 net::to_string(net::Endpoint{command_line.metrics->host, metrics->port()}));
  }
  // It may own the store before start() has returned.
  if (is_standby && !signals.begin_serving()) return as_status(ExitCode::kSuccess);
  auto server = Server::start(std::move(command_line.options));
  if (!server) {
    std::fprintf(stderr, "odb_server: %s\n", server.error().message.c_str());
    return as_status(ExitCode::kStartFailed);
  }
  if (!signals.begin_serving()) return as_status(ExitCode::kSuccess);
  for (const std::string& warning : command_line.warnings) spdlog::warn("{}", warning);
  raise_descriptor_limit(sessions_max);
  if (metrics) metrics->serve(**server);
  const std::unique_ptr<metrics::MetricsServer, MetricsEnd> asking(metrics.get());

  // Not through the log: it may be switched off, and it may be kept for long.
  if (makes_token)
    std::fprintf(stderr, "odb_server: made a token: %s\n", (*server)->token().c_str());
  spdlog::info("odb {} keeps everything in {}; certificate SHA-256 {}", kVersionText,
               (*server)->store_name(), (*server)->certificate_fingerprint());
  if (!is_standby) tell_role(Role::kOwner, {host, (*server)->port()});
  const std::string status = describe((*server)->role(), {host, (*server)->port()});
  if (!supervisor.tell("READY=1\nSTATUS=" + status)) {
    spdlog::warn("cannot tell the supervisor at NOTIFY_SOCKET");
  }

  wait_for_end(**server, signals, supervisor);
  supervisor.tell("STOPPING=1");
  if (metrics) metrics->begin_stop();
  spdlog::info("stopping, {} connections are open", (*server)->session_count());
  (*server)->stop();
  log_conflicts(**server);
  if (has_failed) return as_status(ExitCode::kStartFailed);
  if (is_store_lost) {
    std::fprintf(stderr, "odb_server: ended because its store is lost\n");
    return as_status(ExitCode::kStoreLost);
  }
  spdlog::info("stopped");
  return as_status(ExitCode::kSuccess);
}

int run(int argc, const char* const* argv) {
  prepare_memory();
  const Supervisor supervisor;
  ShutdownSignals signals;
  std::signal(SIGPIPE, SIG_IGN);
  auto parsed = parse_command_line(argc, argv);
  if (const auto* refusal = std::get_if<Refusal>(&parsed)) {
    const bool is_error = refusal->exit_code != ExitCode::kSuccess;
    std::fputs(refusal->text.c_str(), is_error ? stderr : stdout);
    return as_status(refusal->exit_code);
  }
  return serve(std::get<CommandLine>(std::move(parsed)), signals, supervisor);
}

}  // namespace

}  // namespace odb::server

int main(int argc, char** argv) {
  try {
    return odb::server::run(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "odb_server: %s\n", error.what());
    return 1;
  }
}
