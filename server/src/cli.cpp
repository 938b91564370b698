#include "cli.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <chrono>
#include <cstdlib>
#include <string_view>

#include "cli_embedded.h"
#include "cli_limits.h"
#include "cli_redis.h"
#include "cli_tokens.h"
#include "cli_values.h"
#include "odb/net/authentication.h"
#include "odb/version.h"

namespace odb::server {

namespace {

constexpr std::uint64_t kPortMax = 65'535;
constexpr const char* kSectionBegin = "++";  // what CLI11 calls the line
constexpr std::chrono::milliseconds kStandbyHeartbeatInterval{1'000};

// --tls-cert -> ODB_TLS_CERT
std::string environment_name(const std::string& option) {
  std::string name = "ODB_" + option.substr(option.find_first_not_of('-'));
  std::transform(name.begin(), name.end(), name.begin(), [](char c) {
    if (c == '-') return '_';
    return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  });
  return name;
}

bool is_set(const std::string& variable) {
  const char* value = std::getenv(variable.c_str());
  return value != nullptr && *value != '\0';
}

// Reads the file as CLI11 does, but lets the environment win over it and knows no stray keys.
class ConfigFile final : public CLI::ConfigTOML {
 public:
  explicit ConfigFile(const CLI::App& app) : app_(app) {}

  std::vector<CLI::ConfigItem> from_config(std::istream& in) const override {
    std::vector<CLI::ConfigItem> found = CLI::ConfigTOML::from_config(in);
    std::erase_if(found, [this](const CLI::ConfigItem& item) {
      const CLI::Option* option = find(item);
      if (option == nullptr && item.name == kSectionBegin) {
        throw CLI::ConfigError("keys stand in no section, found [" + item.parents.front() + "]");
      }
      if (option == nullptr) throw CLI::ConfigError("unknown key " + item.fullname());
      return is_set(option->get_envname());
    });
    return found;
  }

 private:
  const CLI::Option* find(const CLI::ConfigItem& item) const {
    if (!item.parents.empty()) return nullptr;
    const CLI::Option* option = app_.get_option_no_throw("--" + item.name);
    return option != nullptr ? option : app_.get_option_no_throw(item.name);
  }

  const CLI::App& app_;
};

class Parser {
 public:
  Parser() : app_("A server of the odb object store.", "odb_server") {
    add_place();
    add_store();
    add_tokens();
    add_tls();
    add_limits(app_, limits_);
    add_redis_limits(app_, redis_.options);
    add_general();
    for (CLI::Option* option : app_.get_options()) {
      if (option == app_.get_help_ptr() || option == app_.get_version_ptr()) continue;
      const std::vector<std::string>& names = option->get_lnames();
      option->envname(environment_name(names.empty() ? option->get_name() : names.front()));
    }
  }

  std::variant<CommandLine, Refusal> parse(std::vector<std::string> arguments) {
    try {
      refuse_unknown_options(arguments);
      name_config_file(arguments);
      std::reverse(arguments.begin(), arguments.end());  // as CLI11 wants them
      app_.parse(std::move(arguments));
      return result();
    } catch (const CLI::CallForHelp&) {
      return Refusal{ExitCode::kSuccess, app_.help()};
    } catch (const CLI::CallForVersion& version) {
      return Refusal{ExitCode::kSuccess, std::string(version.what()) + "\n"};
    } catch (const CLI::ExtrasError&) {
      return refuse("expected HOST and PORT and nothing more, found " +
                    std::to_string(app_.remaining_size()) + " arguments too many");
    } catch (const CLI::ConfigError& error) {
      return refuse("--config: " + std::string(error.what()));
    } catch (const CLI::FileError& error) {
      return refuse("--config: " + std::string(error.what()));
    } catch (const CLI::ParseError& error) {
      return refuse(error.what());
    }
  }

 private:
  void add_place() {
    // In the file their keys are in lower case like all others.
    app_.add_option("HOST", host_, "Name or address to listen on")->type_name("")->ignore_case();
    app_.add_option("PORT", port_, "Port to listen on, 0 for a free one")
        ->type_name("")
        ->ignore_case();
  }

  void add_store() {
    app_.add_flag("--inmem", is_inmem_, "Keep everything in memory; gone when the process ends")
        ->group("Store");
    app_.add_option("--restore", restore_file_,
                    "Begin with what a dump holds (odb dump); only with --inmem")
        ->type_name("FILE")
        ->group("Store");
    add_redis(app_, redis_);
    add_embedded(app_, embedded_);
  }

  void add_tokens() {
    token_option_ =
        app_.add_option("--service-token", token_,
                        "Token that clients must have. Without one, a strong one is made and\n"
                        "printed once on stderr. Other users of the machine can see a command\n"
                        "line: prefer the file or the environment")
            ->type_name("TOKEN")
            ->group("Tokens");
    token_file_option_ =
        app_.add_option("--service-token-file", token_file_,
                        "File with one token, or with a line `name token` for each\n"
                        "of several; the name tells who committed what")
            ->type_name("FILE")
            ->group("Tokens");
  }

  void add_tls() {
    app_.add_option("--tls-cert", certificate_file_,
                    "Certificate chain in PEM; without one, the server makes its own")
        ->type_name("FILE")
        ->group("TLS");
    app_.add_option("--tls-key", key_file_, "Private key of the certificate, in PEM")
        ->type_name("FILE")
        ->group("TLS");
  }

  void add_general() {
    app_.add_option("--metrics", metrics_,
                    "Serve /metrics for Prometheus, /healthz and /readyz there, by HTTP\n"
                    "and without a token: an address that only you can reach")
        ->type_name("HOST:PORT");
    app_.add_option("--log-level", log_level_, "How much to log on stderr")
        ->type_name("LEVEL")
        ->default_str("info")
        ->check(CLI::IsMember({"trace", "debug", "info", "warn", "error", "off"}));
    app_.set_help_flag("--help", "Show this help and end");
    app_.set_version_flag("--version", std::string("odb_server ") + kVersionText,
                          "Show the version and end");
    app_.set_config("--config", "", "File with a line `key = value` for each option")
        ->type_name("FILE");
    app_.config_formatter(std::make_shared<ConfigFile>(app_));
    app_.footer(
        "An option wins over its environment variable, which wins over its key in the file, for\n"
        "example `service-token-file = /etc/odb/token`. Sizes are bytes or carry KiB, MiB or GiB;\n"
        "times are milliseconds or carry ms, s, min or h.\n\n"
        "One line on stdout, ending in HOST:PORT, says that the server listens. SIGTERM and "
        "SIGINT\n"
        "stop it after what is in flight is finished; a second one ends it at once.");
  }

  // Before CLI11 sees them: it would take the value of a misspelt option for HOST and complain
  // about that, value included.
  void refuse_unknown_options(const std::vector<std::string>& arguments) const {
    for (std::size_t i = 0; i < arguments.size(); ++i) {
      const std::string& argument = arguments[i];
      if (argument == "--") return;
      if (argument.size() < 2 || argument[0] != '-') continue;
      const std::size_t equals = argument.find('=');
      const std::string name = argument.substr(0, equals);
      const CLI::Option* option = app_.get_option_no_throw(name);
      if (option == nullptr) throw CLI::ParseError("unknown option " + name, 2);
      if (equals == std::string::npos && option->get_items_expected_min() > 0) ++i;
    }
  }

  // CLI11 asks the environment only after it has read the file.
  static void name_config_file(std::vector<std::string>& arguments) {
    const bool is_given = std::any_of(arguments.begin(), arguments.end(), [](const std::string& a) {
      return a == "--config" || a.starts_with("--config=");
    });
    if (!is_given && is_set("ODB_CONFIG")) {
      arguments.insert(arguments.begin(), std::string("--config=") + std::getenv("ODB_CONFIG"));
    }
  }

  static Refusal refuse(std::string reason) {
    std::replace(reason.begin(), reason.end(), '\n', ' ');
    return {ExitCode::kBadCommandLine, "odb_server: " + reason + " (see odb_server --help)\n"};
  }

  std::variant<CommandLine, Refusal> result() {
    const int stores =
        (is_inmem_ ? 1 : 0) + (redis_.address.empty() ? 0 : 1) + (embedded_.folder.empty() ? 0 : 1);
    if (stores > 1) return refuse("--inmem, --redis and --data-dir exclude each other");
    if (stores == 0) return refuse("no store chosen: expected --inmem, --redis or --data-dir");
    if (!restore_file_.empty() && !is_inmem_) {
      return refuse("--restore needs --inmem; odb restore fills the other stores");
    }
    if (host_.empty() || port_.empty()) return refuse("expected HOST and PORT");
    const auto port = parse_count(port_);
    if (!port || *port > kPortMax) return refuse("PORT: expected a number from 0 to 65535");
    if (certificate_file_.empty() != key_file_.empty()) {
      return refuse("--tls-cert and --tls-key must be given together");
    }
    if (limits_.session_queue_bytes_max < limits_.commit_bytes_max) {
      return refuse("--session-queue-bytes-max must be at least --commit-bytes-max");
    }
    // Clients find out by its silence that an owner is gone.
    if (redis_.is_standby && app_.get_option("--heartbeat-interval")->count() == 0) {
      limits_.heartbeat_interval = std::min(limits_.heartbeat_interval, kStandbyHeartbeatInterval);
    }
    if (limits_.silence_timeout <= limits_.heartbeat_interval) {
      return refuse("--silence-timeout must be longer than --heartbeat-interval");
    }

    CommandLine result;
    auto redis = take_redis(redis_, result.warnings);
    if (!redis) return refuse(redis.error().message);
    result.redis = *std::move(redis);
    auto embedded = take_embedded(embedded_);
    if (!embedded) return refuse(embedded.error().message);
    result.embedded = *std::move(embedded);
    if (result.embedded) {
      result.embedded->store_timeout = redis_.options.store_timeout;
      result.embedded->retention = redis_.options.retention;
    }
    if (!metrics_.empty()) {
      result.metrics = parse_endpoint(metrics_);
      if (!result.metrics) return refuse("--metrics: expected HOST:PORT");
    }
    result.restore_file = restore_file_;
    result.log_level = spdlog::level::from_str(log_level_);
    result.options.host = host_;
    result.options.port = static_cast<std::uint16_t>(*port);
    result.options.tls_certificate_file = certificate_file_;
    result.options.tls_key_file = key_file_;
    result.options.limits = limits_;
    if (auto taken = take_tokens(result); !taken) return refuse(taken.error().message);
    return result;
  }

  Result<void> take_tokens(CommandLine& result) const {
    std::vector<net::NamedToken>& tokens = result.options.tokens;
    if (token_option_->count() > 0 && token_file_option_->count() > 0) {
      return Error{ErrorCode::kBadConfiguration,
                   "--service-token (or ODB_SERVICE_TOKEN) and --service-token-file (or "
                   "ODB_SERVICE_TOKEN_FILE) exclude each other"};
    }
    if (token_option_->count() > 0) {
      if (token_.empty()) return Error{ErrorCode::kBadConfiguration, "--service-token is empty"};
      tokens.push_back({.name = kServiceActor, .token = token_});
    } else if (token_file_option_->count() > 0) {
      auto read = read_token_file(token_file_);
      if (!read) return read.error();
      tokens = *std::move(read);
      if (is_readable_by_others(token_file_)) {
        result.warnings.push_back("token file " + token_file_ + " is readable by other users");
      }
    }
    for (const net::NamedToken& named : tokens) {
      if (!net::is_weak(named.token)) continue;
      result.warnings.push_back("the token of \"" + named.name + "\" is weak: with fewer than " +
                                std::to_string(net::kTokenCharactersMin) +
                                " characters it can be guessed");
    }
    return {};
  }

  CLI::App app_;
  std::string host_;
  std::string port_;
  bool is_inmem_ = false;
  std::string restore_file_;
  RedisArguments redis_;
  EmbeddedArguments embedded_;
  std::string token_;
  std::string token_file_;
  CLI::Option* token_option_ = nullptr;
  CLI::Option* token_file_option_ = nullptr;
  std::string certificate_file_;
  std::string key_file_;
  std::string metrics_;
  std::string log_level_ = "info";
  Limits limits_;
};

}  // namespace

std::variant<CommandLine, Refusal> parse_command_line(int argc, const char* const* argv) {
  return Parser().parse({argv + std::min(argc, 1), argv + argc});
}

}  // namespace odb::server
