// Removing a folder in which a process may still be writing.
#pragma once

#include <chrono>
#include <filesystem>
#include <system_error>
#include <thread>

namespace odb::test {

// A Redis that was killed while it rewrote its file leaves a child behind, which works in the
// folder for a moment yet. After two seconds the folder stays.
inline void remove_folder(const std::filesystem::path& folder) {
  for (int i = 0; i < 100; ++i) {
    std::error_code failed;
    std::filesystem::remove_all(folder, failed);
    if (!failed) return;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
}

}  // namespace odb::test
