#include "run.h"

#include <charconv>
#include <cstdio>
#include <stdexcept>

namespace odb::bench {

namespace {

// The server's one line on stdout ends in HOST:PORT.
std::uint16_t port_in(const std::string& line) {
  const std::size_t colon = line.rfind(':');
  std::uint16_t port = 0;
  if (colon != std::string::npos) {
    std::from_chars(line.data() + colon + 1, line.data() + line.size(), port);
  }
  if (port == 0) throw std::runtime_error("no port in what odb_server says: " + line);
  return port;
}

}  // namespace

std::vector<Pinning> pinnings() {
  const std::vector<int> cpus = allowed_cpus();
  std::vector<Pinning> all{{"unpinned", {}, {}}, {"same core", cpus.front(), cpus.front()}};
  if (cpus.size() > 1) all.push_back({"across cores", cpus[0], cpus[1]});
  return all;
}

void show_progress(const std::string& figure, int repetition, int repetitions) {
  std::fprintf(stderr, "odb_bench: %s, repetition %d of %d\n", figure.c_str(), repetition,
               repetitions);
}

namespace {

std::vector<std::string> server_command(const Run& run, const std::vector<std::string>& store) {
  std::vector<std::string> command = {run.options.server_path};
  command.insert(command.end(), store.begin(), store.end());
  command.insert(command.end(), {"127.0.0.1", "0", "--log-level", "error"});
  return command;
}

}  // namespace

ServerProcess::ServerProcess(const Run& run, std::optional<int> cpu, std::vector<std::string> store)
    : token_(run.token),
      process_({.arguments = server_command(run, store),
                .environment = {{"ODB_SERVICE_TOKEN", run.token}},
                .cpu = cpu}),
      port_(port_in(process_.read_line())) {}

Worker ServerProcess::start_worker(const std::string& name, json::object arguments,
                                   std::optional<int> cpu) const {
  arguments["port"] = port_;
  return Worker(name, arguments, cpu, token_);
}

json::object ServerProcess::run_worker(const std::string& name, json::object arguments,
                                       std::optional<int> cpu) const {
  return start_worker(name, std::move(arguments), cpu).read();
}

}  // namespace odb::bench
