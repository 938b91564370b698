#include "profile.h"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <string_view>
#include <system_error>

namespace odb::tool {

namespace {

constexpr std::array<std::string_view, 11> kKeys = {
    "server", "token",      "token-file",          "ca-file",      "fingerprint",   "data-dir",
    "redis",  "redis-user", "redis-password-file", "redis-prefix", "redis-database"};

Error bad(std::string what) { return {ErrorCode::kBadConfiguration, std::move(what)}; }

std::string trimmed(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r";
  const std::size_t begin = text.find_first_not_of(kSpace);
  if (begin == std::string_view::npos) return {};
  text = text.substr(begin, text.find_last_not_of(kSpace) - begin + 1);
  if (text.size() >= 2 && text.front() == '"' && text.back() == '"') {
    text = text.substr(1, text.size() - 2);
  }
  return std::string(text);
}

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string() : std::string(value);
}

}  // namespace

std::string profiles_file() {
  if (std::string named = environment("ODB_PROFILES"); !named.empty()) return named;
  std::string folder = environment("XDG_CONFIG_HOME");
  if (folder.empty()) folder = environment("HOME") + "/.config";
  return folder + "/odb/profiles";
}

Result<std::map<std::string, std::string>> read_profile(const std::string& file,
                                                        const std::string& name) {
  struct stat status {};
  if (::stat(file.c_str(), &status) != 0) {
    return bad("profile " + name + ": cannot read " + file + ": " +
               std::generic_category().message(errno));
  }
  if ((status.st_mode & 077) != 0) {
    return bad("profile " + name + ": others than its owner may use " + file +
               ", which may hold tokens: expected mode 0600 (chmod 600)");
  }
  std::ifstream in(file);
  std::map<std::string, std::string> found;
  bool is_here = false;
  bool is_found = false;
  std::string line;
  for (int number = 1; std::getline(in, line); ++number) {
    line = trimmed(line);
    if (line.empty() || line.front() == '#') continue;
    const std::string where = file + ", line " + std::to_string(number) + ": ";
    if (line.front() == '[' && line.back() == ']') {
      is_here = line.substr(1, line.size() - 2) == name;
      is_found = is_found || is_here;
      continue;
    }
    const std::size_t equals = line.find('=');
    if (equals == std::string::npos) return bad(where + "expected [NAME] or key = value");
    const std::string key = trimmed(std::string_view(line).substr(0, equals));
    if (std::find(kKeys.begin(), kKeys.end(), key) == kKeys.end()) {
      return bad(where + "unknown key " + key.substr(0, 40));
    }
    if (is_here) found[key] = trimmed(std::string_view(line).substr(equals + 1));
  }
  if (!is_found) return bad("there is no profile " + name + " in " + file);
  return found;
}

}  // namespace odb::tool
