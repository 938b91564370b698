#include "temporary_folder.h"

#include <unistd.h>

#include <string>
#include <system_error>

namespace odb::bench {

namespace {

std::filesystem::path new_folder() {
  static int made = 0;
  return std::filesystem::temp_directory_path() /
         ("odb_bench_" + std::to_string(::getpid()) + "_" + std::to_string(++made));
}

}  // namespace

TemporaryFolder::TemporaryFolder() : path_(new_folder()) {
  std::filesystem::remove_all(path_);
  std::filesystem::create_directories(path_);
  std::filesystem::permissions(path_, std::filesystem::perms::owner_all);
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace odb::bench
