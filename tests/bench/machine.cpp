#include "machine.h"

#include <openssl/crypto.h>
#include <sys/utsname.h>

#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <memory>
#include <string_view>
#include <thread>

namespace odb::bench {

namespace {

std::string cpu_model() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    const std::size_t colon = line.find(": ");
    if (line.starts_with("model name") && colon != std::string::npos) return line.substr(colon + 2);
  }
  return "unknown";
}

// The line in which redis-server tells its version, without what it says about its build.
std::string redis_version() {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> out(
      ::popen("/usr/bin/redis-server --version 2>&1", "r"), &::pclose);
  char line[256];
  if (!out || std::fgets(line, sizeof line, out.get()) == nullptr) return "unknown";
  const std::string_view text(line);
  const std::size_t version = text.find("v=");
  if (version == std::string_view::npos) return "none";
  const std::string_view rest = text.substr(version + 2);
  return std::string(rest.substr(0, rest.find(' ')));
}

std::string today() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  gmtime_r(&now, &parts);
  char text[16];
  std::strftime(text, sizeof text, "%Y-%m-%d", &parts);
  return text;
}

}  // namespace

Machine describe_machine() {
  Machine machine;
  machine.cpu = cpu_model();
  machine.cores = std::thread::hardware_concurrency();
  utsname system{};
  if (::uname(&system) == 0) machine.kernel = std::string("Linux ") + system.release;
#ifdef __clang__
  machine.compiler = "Clang " __clang_version__;
#else
  machine.compiler = "GCC " __VERSION__;
#endif
#ifdef NDEBUG
  machine.compiler += ", optimised";
#else
  machine.compiler += ", with assertions";
#endif
  machine.openssl = OpenSSL_version(OPENSSL_VERSION);
  machine.redis = redis_version();
  machine.date = today();
  if (::getloadavg(&machine.load, 1) != 1) machine.load = 0;
  return machine;
}

boost::json::object to_json(const Machine& machine) {
  return {{"cpu", machine.cpu},           {"cores", machine.cores},     {"kernel", machine.kernel},
          {"compiler", machine.compiler}, {"openssl", machine.openssl}, {"redis", machine.redis},
          {"date", machine.date},         {"load_before", machine.load}};
}

std::string to_text(const Machine& machine) {
  char load[32];
  std::snprintf(load, sizeof load, "%.2f", machine.load);
  return "- date: " + machine.date + "\n- processor: " + machine.cpu + ", " +
         std::to_string(machine.cores) + " cores\n- kernel: " + machine.kernel +
         "\n- compiler: " + machine.compiler + "\n- TLS: " + machine.openssl + "\n- peer: Redis " +
         machine.redis + "\n- load average before the run: " + load + "\n";
}

}  // namespace odb::bench
