#include "cli_embedded.h"

#include <CLI/CLI.hpp>
#include <chrono>
#include <string_view>

#include "cli_values.h"

namespace odb::server {

namespace {

constexpr std::string_view kInterval = "interval=";
constexpr std::chrono::milliseconds kIntervalMax = std::chrono::hours(1);

Error bad(std::string what) { return {ErrorCode::kBadConfiguration, std::move(what)}; }

}  // namespace

void add_embedded(CLI::App& app, EmbeddedArguments& arguments) {
  app.add_option("--data-dir", arguments.folder,
                 "Keep everything in files in this directory; see docs/embedded.md")
      ->type_name("DIR")
      ->group("Store");
  app.add_option("--durability", arguments.durability,
                 "When a commit in a data directory counts as durable: commit (on\n"
                 "the disk; the default), interval=TIME (written, on the disk a TIME\n"
                 "later), os (written)")
      ->type_name("WHEN")
      ->group("Store");
}

Result<std::optional<EmbeddedOptions>> take_embedded(const EmbeddedArguments& arguments) {
  if (arguments.folder.empty()) {
    if (!arguments.durability.empty()) return bad("--durability needs --data-dir");
    return std::optional<EmbeddedOptions>();
  }
  EmbeddedOptions options;
  options.folder = arguments.folder;
  const std::string_view when = arguments.durability;
  if (when.empty() || when == "commit") return std::optional(std::move(options));
  if (when == "os") {
    options.durability = Durability::kOs;
    return std::optional(std::move(options));
  }
  const auto interval =
      when.starts_with(kInterval) ? parse_duration(when.substr(kInterval.size())) : std::nullopt;
  if (!interval || interval->count() < 1 || *interval > kIntervalMax) {
    return bad("--durability: expected commit, interval=TIME with 1ms to " +
               duration_text(kIntervalMax) + ", or os");
  }
  options.durability = Durability::kInterval;
  options.sync_interval = *interval;
  return std::optional(std::move(options));
}

}  // namespace odb::server
