#include "durability.h"

namespace odb::server::redis {

std::string describe(const Durability& durability) {
  if (!durability.is_known) return "its durability is unknown: CONFIG GET is forbidden";
  if (durability.appendonly == "yes") {
    return "appendonly with appendfsync " + durability.appendfsync;
  }
  if (durability.save.empty()) return "it keeps nothing on disk";
  return "it saves snapshots (" + durability.save + ")";
}

std::vector<std::string> warnings(const Durability& durability) {
  std::vector<std::string> lines;
  if (!durability.is_known) {
    lines.push_back("cannot tell whether acknowledged commits survive the end of Redis");
  } else if (durability.appendonly != "yes") {
    lines.push_back(
        durability.save.empty()
            ? "acknowledged commits are lost when Redis ends: set appendonly yes"
            : "acknowledged commits since the last snapshot are lost when Redis ends: set "
              "appendonly yes");
  } else if (durability.appendfsync == "no") {
    lines.push_back(
        "acknowledged commits of half a minute may be lost when Redis's machine fails: set "
        "appendfsync always, or everysec");
  } else if (durability.appendfsync != "always") {
    lines.push_back(
        "acknowledged commits of the last second or two may be lost when Redis's machine fails: "
        "set appendfsync always to prevent that");
  }
  if (durability.is_known && !durability.maxmemory_policy.empty() &&
      durability.maxmemory_policy != "noeviction" &&
      !durability.maxmemory_policy.starts_with("volatile")) {
    lines.push_back(
        "Redis may evict objects when its memory is full: set maxmemory-policy "
        "noeviction");
  }
  return lines;
}

std::string info_field(const std::string& info, const std::string& name) {
  const std::string start = name + ":";
  for (std::size_t at = 0; at < info.size();) {
    std::size_t end = info.find('\n', at);
    if (end == std::string::npos) end = info.size();
    if (info.compare(at, start.size(), start) == 0) {
      std::string value = info.substr(at + start.size(), end - at - start.size());
      while (!value.empty() && (value.back() == '\r' || value.back() == '\n')) value.pop_back();
      return value;
    }
    at = end + 1;
  }
  return {};
}

}  // namespace odb::server::redis
