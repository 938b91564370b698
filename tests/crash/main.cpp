// odb_crash_loop: kills servers under load, and checks that nothing is lost.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <map>
#include <string>

#include "bench/process.h"
#include "loop.h"
#include "support/remove_folder.h"

namespace odb::crash {

namespace {

namespace fs = std::filesystem;

constexpr int kFound = 1;
constexpr int kCannotRun = 2;

fs::path make_folder() {
  std::string name = (fs::temp_directory_path() / "odb_crash_XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("cannot make a folder " + name);
  return name;
}

int run_in(const fs::path& folder, const Options& options) {
  Loop loop(options, folder);
  std::vector<std::string> found;
  try {
    found = loop.run();
  } catch (const std::exception& error) {
    found = loop.findings();
    found.emplace_back(error.what());
  }
  if (found.empty()) return 0;
  std::fprintf(stderr, "odb_crash_loop: %zu findings\n", found.size());
  for (const std::string& what : found) std::fprintf(stderr, "- %s\n", what.c_str());
  std::fprintf(stderr, "the end of the server's log:\n%s\nlogs and data are kept in %s\n",
               loop.log_tail().c_str(), folder.c_str());
  return kFound;
}

int run(int argc, char** argv) {
  Options options;
  options.server_path = (fs::path(bench::own_path()).parent_path() / "odb_server").string();

  CLI::App app(
      "Clients commit at full speed, the server or its Redis is killed and comes back, and nothing "
      "may be lost, done twice, done by halves or seen too late.");
  app.set_help_flag("--help", "Show this and end");
  app.add_option("--rounds", options.rounds, "How often something is killed")
      ->check(CLI::Range(1, 1'000'000))
      ->capture_default_str();
  app.add_option("--seed", options.seed, "Of what clients do and when something is killed")
      ->capture_default_str();
  const std::map<std::string, Mode> modes{{"server", Mode::kServer}, {"redis", Mode::kRedis},
                                          {"both", Mode::kBoth},     {"links", Mode::kLinks},
                                          {"stall", Mode::kStall},   {"mixed", Mode::kMixed}};
  app.add_option("--mode", options.mode,
                 "What goes: server, redis, both at once, links of clients, stall (Redis answers "
                 "nothing for "
                 "a while), or mixed")
      ->transform(CLI::Transformer(modes))
      ->default_str("mixed");
  const std::map<std::string, StoreKind> stores{
      {"redis", StoreKind::kRedis}, {"embedded", StoreKind::kEmbedded}, {"own", StoreKind::kOwn}};
  app.add_option("--store", options.store,
                 "redis: run one. embedded: a data directory. own: --server-option names a store "
                 "that survives the server")
      ->transform(CLI::Transformer(stores))
      ->default_str("redis");
  app.add_option("--clients", options.clients, "How many commit at a time")
      ->check(CLI::Range(1, 1'000))
      ->capture_default_str();
  app.add_option("--in-flight", options.commits_in_flight, "Commits under way of each client")
      ->check(CLI::Range(1, 10'000))
      ->capture_default_str();
  app.add_option("--load-min", options.load_ms_min, "Milliseconds of load before a kill, at least")
      ->capture_default_str();
  app.add_option("--load-max", options.load_ms_max, "... and at most")->capture_default_str();
  app.add_option("--server", options.server_path, "The odb_server to run")->capture_default_str();
  app.add_option("--redis-server", options.redis_path, "The redis-server to run")
      ->capture_default_str();
  app.add_option("--server-option", options.server_options,
                 "One more argument of odb_server; may be given several times")
      ->expected(1)
      ->take_all();
  app.add_flag("--keep", options.keeps_folder, "Keep logs and data even if all is well");
  CLI11_PARSE(app, argc, argv);
  const bool is_without_redis =
      options.mode == Mode::kServer || options.mode == Mode::kLinks || options.mode == Mode::kMixed;
  if (options.store != StoreKind::kRedis && !is_without_redis) {
    std::fputs("odb_crash_loop: that store has no Redis that could be killed\n", stderr);
    return kCannotRun;
  }

  const fs::path folder = make_folder();
  const int status = run_in(folder, options);
  if (status == 0 && !options.keeps_folder) test::remove_folder(folder);
  return status;
}

}  // namespace

}  // namespace odb::crash

int main(int argc, char** argv) {
  try {
    return odb::crash::run(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "odb_crash_loop: %s\n", error.what());
    return 2;
  }
}
