// Whole databases through odb, the operator's tool.
#include <filesystem>
#include <string>
#include <vector>

#include "clock.h"
#include "figures.h"
#include "temporary_folder.h"

namespace odb::bench {

namespace {

constexpr char kFigure[] = "tool";

// Runs odb until it says what it has done: the seconds that it took.
double run_tool(const Run& run, std::vector<std::string> arguments) {
  const std::filesystem::path program =
      std::filesystem::path(run.options.server_path).parent_path() / "odb";
  arguments.insert(arguments.begin(), program.string());
  const std::int64_t begin = now_ns();
  Process tool({.arguments = std::move(arguments),
                .environment = {{"ODB_SERVICE_TOKEN", run.token}},
                .cpu = {}});
  tool.read_line();
  return seconds_since(begin);
}

}  // namespace

void measure_tool(Run& run) {
  const std::int64_t objects = run.scaled(1'000'000, 50'000);
  const auto add = [&](const std::string& what, double seconds, double goal) {
    run.report.line(kFigure, what, "objects/s", {Goal::Kind::kAtLeast, goal})
        .samples.push_back(static_cast<double>(objects) / seconds);
  };
  repeat(run, kFigure, [&](int) {
    const TemporaryFolder folder;
    const auto path = [&](const char* name) { return (folder.path() / name).string(); };
    {
      const ServerProcess server(run, {}, {"--data-dir", path("data")});
      server.run_worker("load-objects", {{"objects", objects}, {"indexed", 1}});
      const std::string address = "127.0.0.1:" + std::to_string(server.port());
      add("dump of a server that runs",
          run_tool(run, {"dump", path("from_server"), "--server", address}), 300'000);
    }
    add("dump of a data directory",
        run_tool(run, {"dump", path("dump"), "--data-dir", path("data")}), 300'000);
    add("restore into a data directory",
        run_tool(run, {"restore", path("dump"), "--data-dir", path("restored")}), 200'000);
    add("migrate from one data directory to another",
        run_tool(run, {"migrate", "--from", "data-dir:" + path("restored"), "--to",
                       "data-dir:" + path("migrated")}),
        200'000);
  });
}

}  // namespace odb::bench
