#include "process.h"

#include <unistd.h>

#include <array>
#include <fstream>
#include <sstream>

namespace odb::server::redis {

namespace {

std::string first_line(const std::string& file) {
  std::ifstream in(file);
  std::string line;
  std::getline(in, line);
  return line;
}

// In clock ticks since the boot; empty when there is no such process.
std::string start_time(const std::string& process) {
  const std::string status = first_line("/proc/" + process + "/stat");
  const std::size_t name_end = status.rfind(')');  // the name may contain anything
  if (name_end == std::string::npos) return {};
  std::istringstream fields(status.substr(name_end + 1));
  std::string field;
  fields >> field;
  if (field == "Z" || field == "X") return {};   // ended, only not yet waited for
  for (int i = 0; i < 19; ++i) fields >> field;  // the 22nd of all
  return field;
}

std::string machine_mark() {
  const std::string boot = first_line("/proc/sys/kernel/random/boot_id");
  std::array<char, 64> space{};
  const auto size = ::readlink("/proc/self/ns/pid", space.data(), space.size() - 1);
  if (boot.empty() || size <= 0) return {};
  return boot + "/" + space.data();
}

}  // namespace

std::string process_name() {
  std::array<char, 256> host{};
  if (::gethostname(host.data(), host.size() - 1) != 0) host[0] = '?';
  return std::string(host.data()) + ":" + std::to_string(::getpid());
}

std::string process_mark() {
  const std::string machine = machine_mark();
  const std::string start = start_time("self");
  if (machine.empty() || start.empty()) return {};
  return machine + "/" + std::to_string(::getpid()) + "/" + start;
}

bool is_dead(const std::string& mark) {
  const std::string machine = machine_mark();
  if (machine.empty() || !mark.starts_with(machine + "/")) return false;
  std::istringstream rest(mark.substr(machine.size() + 1));
  std::string process;
  std::string start;
  if (!std::getline(rest, process, '/') || !std::getline(rest, start) || start.empty())
    return false;
  return start_time(process) != start;
}

}  // namespace odb::server::redis
