#include "directory.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <string_view>
#include <system_error>
#include <utility>

namespace odb::server::embedded {

namespace {

namespace fs = std::filesystem;

constexpr std::string_view kFormatFile = "format";
constexpr std::string_view kNewFormatFile = "format.new";
constexpr std::string_view kLockFile = "lock";
constexpr std::string_view kFormatWords = "odb data directory ";

Error bad(std::string what) { return {ErrorCode::kBadConfiguration, std::move(what)}; }
std::string last_error() { return std::generic_category().message(errno); }

std::string first_line(const std::string& file) {
  std::ifstream in(file);
  std::string line;
  std::getline(in, line);
  return line;
}

std::string in(const std::string& path, std::string_view name) {
  return path + "/" + std::string(name);
}

// "odb_server, process 4711 on machine": not its arguments, which may hold a token.
std::string own_name() {
  std::array<char, 256> host{};
  if (::gethostname(host.data(), host.size() - 1) != 0) host[0] = '?';
  const std::string program = first_line("/proc/self/comm");
  return (program.empty() ? "odb" : program) + ", process " + std::to_string(::getpid()) + " on " +
         host.data();
}

// Something that was never begun, or is another program's.
Result<int> check_new(const std::string& path) {
  std::error_code failed;
  for (fs::directory_iterator entry(path, failed), end; !failed && entry != end;
       entry.increment(failed)) {
    const std::string name = entry->path().filename().string();
    if (name == kLockFile || name == kNewFormatFile || name == "lost+found") continue;
    return bad("--data-dir: " + path + " is not odb's: it holds " + name.substr(0, 80) +
               "; expected an empty directory, or one that odb_server has made");
  }
  if (failed) return bad("--data-dir: cannot read " + path + ": " + failed.message());
  return 0;
}

Result<int> check_format(const std::string& path) {
  const std::string file = in(path, kFormatFile);
  const std::string line = first_line(file);
  int format = 0;
  const char* end = line.data() + line.size();
  const bool is_ours = line.starts_with(kFormatWords);
  if (is_ours) {
    const auto [last, error] = std::from_chars(line.data() + kFormatWords.size(), end, format);
    if (error != std::errc() || last != end) format = 0;
  }
  if (format <= 0) return bad("--data-dir: " + file + " is damaged, or " + path + " is not odb's");
  if (format > kFormat) {
    return bad("--data-dir: " + path + " has format " + std::to_string(format) +
               ", this version knows those up to " + std::to_string(kFormat) +
               ": it was written by a newer odb_server");
  }
  return format;
}

Result<int> take_lock(const std::string& path) {
  const std::string file = in(path, kLockFile);
  const int lock = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (lock < 0) return bad("--data-dir: cannot write in " + path + ": " + last_error());
  if (::flock(lock, LOCK_EX | LOCK_NB) == 0) {
    const std::string name = own_name() + "\n";
    // Only for people: the lock itself is the kernel's, and ends with the process.
    if (::ftruncate(lock, 0) == 0 &&
        ::pwrite(lock, name.data(), name.size(), 0) != static_cast<::ssize_t>(name.size())) {
      static_cast<void>(::ftruncate(lock, 0));
    }
    return lock;
  }
  const bool is_owned = errno == EWOULDBLOCK;
  const std::string why = last_error();
  ::close(lock);
  if (!is_owned) return bad("--data-dir: cannot lock " + file + ": " + why);
  std::string owner = first_line(file);
  if (owner.empty()) owner = "a process that has not said its name";
  return Error{ErrorCode::kServerAlreadyRunning, "--data-dir: " + path + " is in use by " + owner};
}

Result<void> sync_path(const std::string& path) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  const bool is_synced = file >= 0 && ::fsync(file) == 0;
  const std::string why = is_synced ? "" : last_error();
  if (file >= 0) ::close(file);
  if (!is_synced) return bad("--data-dir: cannot sync " + path + ": " + why);
  return {};
}

}  // namespace

Result<std::unique_ptr<Directory>> Directory::open(const std::string& path) {
  if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) {
    return bad("--data-dir: cannot make " + path + ": " + last_error());
  }
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) {
    return bad("--data-dir: cannot use " + path + ": " + last_error());
  }
  if (!S_ISDIR(status.st_mode)) return bad("--data-dir: " + path + " is not a directory");
  if (::access(path.c_str(), R_OK | W_OK | X_OK) != 0) {
    return bad("--data-dir: cannot write in " + path + ": " + last_error());
  }
  std::error_code ignored;
  const bool is_new = !fs::exists(in(path, kFormatFile), ignored);
  const auto format = is_new ? check_new(path) : check_format(path);
  if (!format) return format.error();
  auto lock = take_lock(path);
  if (!lock) return lock.error();
  return std::unique_ptr<Directory>(new Directory(path, *format, *lock));
}

Directory::~Directory() { ::close(lock_); }

Result<void> Directory::claim() {
  if (format_ == kFormat) return {};
  const std::string file = in(path_, kFormatFile);
  std::error_code failed;
  const std::string fresh = in(path_, kNewFormatFile);
  {
    std::ofstream out(fresh, std::ios::trunc);
    out << kFormatWords << kFormat << "\n";
    out.flush();
    if (!out) return bad("--data-dir: cannot write " + fresh + ": " + last_error());
  }
  if (auto synced = sync_path(fresh); !synced) return synced;
  fs::rename(fresh, file, failed);
  if (failed) return bad("--data-dir: cannot write " + file + ": " + failed.message());
  if (auto synced = sync_path(path_); !synced) return synced;
  format_ = kFormat;
  return sync_path(fs::absolute(path_).parent_path().string());
}

Result<void> Directory::sync() const { return sync_path(path_); }

std::string boot_id() { return first_line("/proc/sys/kernel/random/boot_id"); }

}  // namespace odb::server::embedded
