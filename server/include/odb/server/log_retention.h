// LogRetention: which versions stay in the log that a store keeps.
#pragma once

#include <chrono>
#include <cstdint>

namespace odb::server {

// A version stays while it is one of the newest `versions` or younger than `time`, whichever says
// so; but never more than `versions_max` stay. Each about: what leaves does so in steps.
struct LogRetention {
  std::uint64_t versions = 100'000;
  std::chrono::milliseconds time{0};
  std::uint64_t versions_max = 10'000'000;
};

}  // namespace odb::server
