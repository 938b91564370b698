// System: Redis and odb_server as real processes, to be killed and started again.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include "bench/process.h"
#include "options.h"

namespace odb::crash {

// Belongs to the thread that made it; what it runs never outlives that. Failures throw
// std::runtime_error.
class System {
 public:
  // Keeps logs and data in `folder`.
  System(const Options& options, std::filesystem::path folder, std::string token);
  System(const System&) = delete;
  System& operator=(const System&) = delete;

  void kill(Victim victim);                     // or stop it; returns when they are gone
  void start(Victim victim);                    // or let it go on; returns when they answer
  std::uint16_t port() const { return port_; }  // stays the same
  // Throws when one of them has ended by itself, or Redis could not take its own file as it was.
  void check_healthy() const;
  // The end of what the server has written to stderr.
  std::string log_tail() const;

 private:
  void start_redis();
  std::unique_ptr<bench::Process> run_redis(const std::string& socket) const;
  bool redis_answers() const;
  void start_server();
  std::unique_ptr<bench::Process> run(std::vector<std::string> arguments,
                                      const std::string& log) const;

  const Options& options_;
  const std::filesystem::path folder_;
  const std::string token_;
  std::uint16_t port_ = 0;
  std::unique_ptr<bench::Process> redis_;
  std::unique_ptr<bench::Process> server_;
};

}  // namespace odb::crash
