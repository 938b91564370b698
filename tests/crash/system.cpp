#include "system.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstring>
#include <fstream>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <string_view>
#include <thread>
#include <utility>

namespace odb::crash {

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr seconds kStartTimeout{30};
constexpr milliseconds kPollInterval{10};
constexpr const char* kStoreTimeout = "1s";  // shorter than some stalls
constexpr int kServerStartsMax = 20;         // its port may have been taken for a moment

void kill_now(std::unique_ptr<bench::Process>& process) {
  if (process == nullptr) return;
  ::kill(process->id(), SIGKILL);
  process.reset();  // waits for its end
}

std::optional<siginfo_t> end_of(const bench::Process& process) {
  siginfo_t ended{};
  const auto id = static_cast<id_t>(process.id());
  if (::waitid(P_PID, id, &ended, WEXITED | WNOHANG | WNOWAIT) != 0 || ended.si_pid == 0) return {};
  return ended;
}

bool has_ended(const bench::Process& process) { return end_of(process).has_value(); }

void check_alive(const bench::Process& process, const char* name) {
  const auto ended = end_of(process);
  if (!ended) return;
  throw std::runtime_error(std::string(name) + " has ended by itself, with " +
                           (ended->si_code == CLD_EXITED ? "status " : "signal ") +
                           std::to_string(ended->si_status));
}

std::string read_file(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

bool kills_server(Victim victim) { return victim == Victim::kServer || victim == Victim::kBoth; }
bool kills_redis(Victim victim) { return victim == Victim::kRedis || victim == Victim::kBoth; }

}  // namespace

System::System(const Options& options, std::filesystem::path folder, std::string token)
    : options_(options), folder_(std::move(folder)), token_(std::move(token)) {
  if (options_.store == StoreKind::kRedis) start_redis();
  start_server();
}

void System::kill(Victim victim) {
  if (kills_redis(victim)) kill_now(redis_);
  if (kills_server(victim)) kill_now(server_);
  if (victim == Victim::kStall) ::kill(redis_->id(), SIGSTOP);
}

void System::start(Victim victim) {
  if (victim == Victim::kStall) ::kill(redis_->id(), SIGCONT);
  if (kills_redis(victim)) start_redis();
  if (kills_server(victim)) start_server();
}

void System::check_healthy() const {
  if (redis_ != nullptr) check_alive(*redis_, "redis-server");
  if (server_ != nullptr) check_alive(*server_, "odb_server");
  const std::string log = read_file(folder_ / "redis.log");
  const std::size_t at = log.find("== CRITICAL ==");
  if (at == std::string::npos) return;
  throw std::runtime_error("Redis says: " + log.substr(at, log.find('\n', at) - at));
}

// By a shell that becomes the program, so that its stderr goes to a file.
std::unique_ptr<bench::Process> System::run(std::vector<std::string> arguments,
                                            const std::string& log) const {
  bench::ProcessOptions process;
  process.arguments = {"/bin/sh", "-c", "exec \"$@\" 2>>\"$0\"", (folder_ / log).string()};
  process.arguments.insert(process.arguments.end(), arguments.begin(), arguments.end());
  process.environment = {{"ODB_SERVICE_TOKEN", token_}};
  return std::make_unique<bench::Process>(process);
}

void System::start_redis() {
  const std::string socket = (folder_ / "redis.sock").string();
  redis_ = run_redis(socket);
  const auto deadline = std::chrono::steady_clock::now() + kStartTimeout;
  while (!redis_answers()) {
    if (std::chrono::steady_clock::now() > deadline) {
      throw std::runtime_error("redis-server does not start; is it installed?");
    }
    // One that was killed while it began a new file repairs the old one and ends.
    if (has_ended(*redis_)) redis_ = run_redis(socket);
    std::this_thread::sleep_for(kPollInterval);
  }
}

std::unique_ptr<bench::Process> System::run_redis(const std::string& socket) const {
  return run({options_.redis_path, "--port", "0", "--unixsocket", socket, "--save", "", "--dir",
              folder_.string(), "--appendonly", "yes", "--appendfsync", "always", "--logfile",
              (folder_ / "redis.log").string()},
             "redis.stderr");
}

bool System::redis_answers() const {
  const int socket = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, (folder_ / "redis.sock").c_str(), sizeof address.sun_path - 1);
  char answer[5] = {};
  const bool answers =
      ::connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 &&
      ::send(socket, "PING\r\n", 6, MSG_NOSIGNAL) == 6 &&
      ::read(socket, answer, sizeof answer) == 5 && std::string_view(answer, 5) == "+PONG";
  ::close(socket);
  return answers;
}

void System::start_server() {
  std::vector<std::string> arguments = {options_.server_path};
  if (options_.store == StoreKind::kRedis) {
    arguments.insert(arguments.end(), {"--redis", "unix:" + (folder_ / "redis.sock").string(),
                                       "--store-timeout", kStoreTimeout});
  } else if (options_.store == StoreKind::kEmbedded) {
    arguments.insert(arguments.end(), {"--data-dir", (folder_ / "data").string()});
  }
  arguments.insert(arguments.end(), options_.server_options.begin(), options_.server_options.end());
  arguments.insert(arguments.end(), {"127.0.0.1", std::to_string(port_)});
  for (int starts = 1;; ++starts) {
    server_ = run(arguments, "server.log");
    try {
      const std::string line = server_->read_line(kStartTimeout);  // "... on 127.0.0.1:8000"
      port_ = static_cast<std::uint16_t>(std::stoul(line.substr(line.rfind(':') + 1)));
      return;
    } catch (const std::exception& error) {
      kill_now(server_);
      if (starts == kServerStartsMax) {
        throw std::runtime_error(std::string(error.what()) + "\n" + log_tail());
      }
      std::this_thread::sleep_for(10 * kPollInterval);
    }
  }
}

std::string System::log_tail() const {
  constexpr std::size_t kBytesMax = 4'000;
  const std::string all = read_file(folder_ / "server.log");
  return all.substr(all.size() - std::min(all.size(), kBytesMax));
}

}  // namespace odb::crash
