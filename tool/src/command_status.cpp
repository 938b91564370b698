// odb status: how a server is.
#include <CLI/CLI.hpp>
#include <array>
#include <boost/json.hpp>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <map>
#include <memory>
#include <thread>
#include <vector>

#include "command.h"
#include "odb/tool/dump_lines.h"
#include "odb/tool/source.h"

namespace odb::tool {

namespace {

using Clock = std::chrono::steady_clock;

struct Arguments {
  PlaceArguments place;
  double over_s = 1;
};

// Counters, of which the rate is of interest.
bool is_counter(const std::string& name) { return name.ends_with("_total"); }

std::string figure_text(const std::string& name, double value) {
  if (name.ends_with("_bytes")) return with_unit(value);
  std::array<char, 48> text{};
  const bool is_time = name.ends_with("_seconds");
  std::snprintf(text.data(), text.size(), is_time ? "%.6g s" : "%.12g", value);
  return text.data();
}

Result<ExitCode> show(const Arguments& given, Output output) {
  auto place = take_place(given.place, Places::kServers);
  if (!place) return place.error();
  Database database = connect_to(std::get<ServerPlace>(*place));
  const ServerStatus before = database.status();
  const auto begin = Clock::now();
  const auto until = begin + std::chrono::duration_cast<Clock::duration>(
                                 std::chrono::duration<double>(given.over_s));
  for (auto now = begin; now < until && !is_interrupted(); now = Clock::now()) {
    constexpr std::chrono::milliseconds kGlance{50};
    std::this_thread::sleep_for(std::min<Clock::duration>(kGlance, until - now));
  }
  if (is_interrupted()) return interrupted();
  const ServerStatus status = given.over_s > 0 ? database.status() : before;
  const double seconds = std::chrono::duration<double>(Clock::now() - begin).count();
  std::map<std::string, double> rates;
  if (given.over_s > 0) {
    rates["versions"] = static_cast<double>(status.version.value - before.version.value) / seconds;
    std::map<std::string, double> earlier;
    for (const ServerFigure& figure : before.figures) earlier[figure.name] = figure.value;
    for (const ServerFigure& figure : status.figures) {
      if (!is_counter(figure.name)) continue;
      rates[figure.name] = (figure.value - earlier[figure.name]) / seconds;
    }
  }
  if (output == Output::kJson) {
    boost::json::object figures, rate;
    for (const ServerFigure& figure : status.figures) figures[figure.name] = figure.value;
    for (const auto& [name, value] : rates) rate[name] = value;
    auto printed = print(boost::json::object{{"software", status.software},
                                             {"history", to_text(status.history)},
                                             {"version", status.version.value},
                                             {"ids_below", status.ids_below.value},
                                             {"store", status.store},
                                             {"schemas", boost::json::value_from(status.schemas)},
                                             {"figures", std::move(figures)},
                                             {"rates", std::move(rate)}});
    if (!printed) return printed.error();
    return ExitCode::kSuccess;
  }
  std::string schemas;
  for (const std::string& schema : status.schemas)
    schemas += (schemas.empty() ? "" : ", ") + schema;
  std::vector<std::vector<std::string>> rows = {
      {"server", std::get<ServerPlace>(*place).to_string()},
      {"software", status.software},
      {"version", std::to_string(status.version.value)},
      {"history", to_text(status.history)},
      {"store", status.store},
      {"schemas", schemas}};
  for (const ServerFigure& figure : status.figures) {
    rows.push_back({figure.name, figure_text(figure.name, figure.value)});
  }
  for (const auto& [name, value] : rates) {
    rows.push_back({name + " a second", std::to_string(std::llround(value))});
  }
  if (auto printed = print(table(rows)); !printed) return printed.error();
  return ExitCode::kSuccess;
}

}  // namespace

void add_status(Program& program) {
  auto given = std::make_shared<Arguments>();
  CLI::App& command = program.add(
      "status", "Show how a server is: version, history, store, sessions, memory, rates",
      [given](Output output) { return show(*given, output); });
  add_place(command, given->place, Places::kServers);
  command.add_option("--over", given->over_s, "Rates over so many seconds, 0 for none")
      ->type_name("SECONDS")
      ->capture_default_str();
}

}  // namespace odb::tool
