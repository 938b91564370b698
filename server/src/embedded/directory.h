// Directory: a data directory, owned by one process at a time.
#pragma once

#include <memory>
#include <string>

#include "odb/core/error.h"

namespace odb::server::embedded {

// What this program writes; it reads every older one. 1: each commit wrote all rows that it touched
// and its own record of the log. 2: rows may be behind the log, and a record holds several commits.
inline constexpr int kFormat = 2;

// Owns the directory as long as it lives. docs/embedded.md says what stands in it.
class Directory {
 public:
  // Makes the directory when it does not exist; puts nothing into one that it refuses.
  // kBadConfiguration: it is none, cannot be written, belongs to something else, or has a newer
  // format. kServerAlreadyRunning names the process that owns it.
  static Result<std::unique_ptr<Directory>> open(const std::string& path);
  ~Directory();
  Directory(const Directory&) = delete;
  Directory& operator=(const Directory&) = delete;

  std::string tables() const { return path_ + "/tables"; }
  std::string mark() const { return path_ + "/mark"; }
  const std::string& path() const { return path_; }

  // From here on it is a data directory of kFormat, durably. Does nothing when it was one before.
  Result<void> claim();
  // Whatever has been put into it since is found again after the machine failed.
  Result<void> sync() const;

 private:
  Directory(std::string path, int format, int lock)
      : path_(std::move(path)), format_(format), lock_(lock) {}

  const std::string path_;
  int format_;      // 0: not a data directory yet
  const int lock_;  // a descriptor
};

// Of this machine, since it was started; empty when that is not known.
std::string boot_id();

}  // namespace odb::server::embedded
