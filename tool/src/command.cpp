#include "command.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <cerrno>
#include <cstdio>
#include <system_error>
#include <utility>

namespace odb::tool {

CLI::App& Program::add(const std::string& name, const std::string& meaning, Action action) {
  CLI::App* const command = app.add_subcommand(name, meaning);
  command->set_help_flag("--help", "Show this help and end");
  command->add_flag_callback(
      "--json", [this] { output = Output::kJson; }, "Write JSON, also of an error");
  command->callback([this, action = std::move(action)] { run = action; });
  return *command;
}

Result<void> print(const std::string& line) {
  const bool is_written = std::fwrite(line.data(), 1, line.size(), stdout) == line.size() &&
                          std::fputc('\n', stdout) != EOF && std::fflush(stdout) == 0;
  if (is_written) return {};
  return Error{ErrorCode::kBadConfiguration,
               "cannot write to stdout: " + std::generic_category().message(errno)};
}

Result<void> print(const boost::json::object& json) { return print(boost::json::serialize(json)); }

std::string table(const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string text;
  for (const auto& row : rows) {
    if (!text.empty()) text += '\n';
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      line += row[i];
      if (i + 1 < row.size()) line.append(widths[i] - row[i].size() + 2, ' ');
    }
    text += line;
  }
  return text;
}

std::string with_unit(double bytes) {
  constexpr std::array<const char*, 5> kUnits = {"B", "KiB", "MiB", "GiB", "TiB"};
  std::size_t unit = 0;
  for (; bytes >= 1024 && unit + 1 < kUnits.size(); ++unit) bytes /= 1024;
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), unit == 0 ? "%.0f %s" : "%.1f %s", bytes, kUnits[unit]);
  return text.data();
}

}  // namespace odb::tool
