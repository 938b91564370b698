// What the crash loop is asked to do.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace odb::crash {

enum class Victim : std::uint8_t {
  kServer,
  kRedis,
  kBoth,   // server and Redis
  kLinks,  // those of every other client; nothing is killed
  kStall,  // Redis is stopped for a while, sometimes for longer than the server waits for it
};
inline constexpr std::size_t kVictims = 5;

enum class Mode : std::uint8_t {
  kServer,
  kRedis,
  kBoth,
  kLinks,
  kStall,
  kMixed,  // another each round
};
enum class StoreKind : std::uint8_t {
  kRedis,     // the loop runs one, with appendfsync always
  kEmbedded,  // a data directory of the loop's
  kOwn,       // the server's options name a store that outlives it
};

struct Options {
  int rounds = 10;
  std::uint64_t seed = 1;
  Mode mode = Mode::kMixed;
  StoreKind store = StoreKind::kRedis;
  int clients = 8;
  int commits_in_flight = 8;  // of each client
  int load_ms_min = 150;      // before the kill
  int load_ms_max = 700;
  std::string server_path;
  std::string redis_path = "redis-server";
  std::vector<std::string> server_options;
  bool keeps_folder = false;
};

}  // namespace odb::crash
