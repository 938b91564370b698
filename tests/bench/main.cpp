// odb_bench: measures odb, and what it stands on, on this machine.
#include <CLI/CLI.hpp>
#include <array>
#include <boost/json/serialize.hpp>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <fstream>

#include "figures.h"
#include "machine.h"
#include "odb/net/authentication.h"
#include "plots.h"

namespace odb::bench {

namespace {

constexpr std::array kFigures{
    Figure{"commit-latency", measure_commit_latency},
    Figure{"commit-throughput", measure_commit_throughput},
    Figure{"pipelined", measure_pipelined},
    Figure{"indexed", measure_indexed},
    Figure{"load-sweep", measure_load_sweep},
    Figure{"clients", measure_clients},
    Figure{"contention", measure_contention},
    Figure{"instructions", measure_instructions},
    Figure{"snapshot", measure_snapshot},
    Figure{"create", measure_create},
    Figure{"fan-out", measure_fan_out},
    Figure{"local-reads", measure_local_reads},
    Figure{"python-access", measure_python_access},
    Figure{"python-commits", measure_python_commits},
    Figure{"first-reads", measure_first_reads},
    Figure{"reactor-wake", measure_reactor_wake},
    Figure{"commit-cost", measure_commit_cost},
    Figure{"connections", measure_connections},
    Figure{"server-start", measure_server_start},
    Figure{"index-interest", measure_index_interest},
    Figure{"memory", measure_memory},
    Figure{"metrics-cost", measure_metrics_cost},
    Figure{"redis-commits", measure_redis_commits},
    Figure{"redis-restart", measure_redis_restart},
    Figure{"embedded-commits", measure_embedded_commits},
    Figure{"embedded-restart", measure_embedded_restart},
    Figure{"resume", measure_resume},
    Figure{"steady-load", measure_steady_load},
    Figure{"tool", measure_tool},
};

struct Output {
  std::string json_file;
  std::string update_file;
  std::string plots_folder;
  bool is_markdown = false;
};

std::string as_document(const Machine& machine, const Run& run) {
  std::string out = to_text(machine) + "- repetitions: " + std::to_string(run.options.repetitions);
  out += run.options.quick ? ", **quick: not to be reported**\n\n" : "\n\n";
  return out + run.report.markdown();
}

void write(const Output& output, const Machine& machine, const Run& run) {
  const std::string text =
      output.is_markdown ? as_document(machine, run) : to_text(machine) + "\n" + run.report.table();
  std::fputs(text.c_str(), stdout);
  const json::object all{{"machine", to_json(machine)},
                         {"repetitions", run.options.repetitions},
                         {"quick", run.options.quick},
                         {"figures", run.report.to_json()}};
  if (!output.json_file.empty()) {
    std::ofstream file(output.json_file);
    if (!(file << json::serialize(all) << "\n")) {
      throw std::runtime_error("cannot write " + output.json_file);
    }
  }
  if (!output.plots_folder.empty()) draw_plots(all, output.plots_folder);
  if (!output.update_file.empty()) {
    std::string document = as_document(machine, run);
    if (!output.plots_folder.empty()) {
      document += show_plots(output.plots_folder, output.update_file);
    }
    update_between_markers(output.update_file, document);
  }
}

void measure(Run& run) {
  for (const Figure& figure : kFigures) {
    if (!run.options.only.empty() && run.options.only != figure.name) continue;
    try {
      figure.measure(run);
    } catch (const std::exception& error) {
      std::fprintf(stderr, "odb_bench: %s: %s\n", figure.name, error.what());
      run.report.skip(std::string(figure.name) + " (rest)", error.what());
    }
  }
}

int run(int argc, char** argv) {
  Run run;
  Output output;
  const std::filesystem::path folder = std::filesystem::path(own_path()).parent_path();
  run.options.server_path = (folder / "odb_server").string();
  run.options.python_package = (folder.parent_path() / "python").string();

  CLI::App app("Measures odb on this machine, beside the floor: TLS over loopback by itself.");
  app.set_help_flag("--help", "Show this and end");
  std::vector<std::string> names;
  names.reserve(kFigures.size());
  for (const Figure& figure : kFigures) names.emplace_back(figure.name);
  app.add_option("--only", run.options.only, "The one figure to measure")
      ->check(CLI::IsMember(names));
  app.add_option("--repetitions", run.options.repetitions, "Each figure is the median of so many")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  app.add_flag("--quick", run.options.quick, "Small and short: to try it, not to report");
  app.add_option("--server", run.options.server_path, "The odb_server to measure")
      ->capture_default_str();
  app.add_option("--python", run.options.python_package, "Where object_database is imported from")
      ->capture_default_str();
  app.add_option("--json", output.json_file, "Also write all samples there");
  app.add_flag("--markdown", output.is_markdown, "Print the table as Markdown");
  app.add_option("--plots", output.plots_folder, "Draw plots into this folder, as SVG");
  app.add_option("--update", output.update_file, "Put the table between the markers of this file");

  CLI::App* worker = app.add_subcommand("worker", "One of the processes that take part")->group("");
  std::string worker_name;
  std::string worker_arguments;
  worker->add_option("name", worker_name)->required();
  worker->add_option("arguments", worker_arguments)->required();
  CLI11_PARSE(app, argc, argv);
  if (worker->parsed()) return run_worker(worker_name, worker_arguments);
  if (!output.update_file.empty() && !run.options.only.empty()) {
    std::fputs("odb_bench: --update wants all figures, not --only one\n", stderr);
    return 2;
  }

  const Machine machine = describe_machine();
  // Of nothing: what is missing for plots shows now, not when all has been measured.
  if (!output.plots_folder.empty()) {
    draw_plots({{"figures", json::object()}}, output.plots_folder);
  }
  raise_descriptor_limit();
  run.token = net::make_token();
  measure(run);
  write(output, machine, run);
  return 0;
}

}  // namespace

}  // namespace odb::bench

int main(int argc, char** argv) {
  try {
    return odb::bench::run(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "odb_bench: %s\n", error.what());
    return 1;
  }
}
