// RedisServer: a redis-server of our own, gone with the bench.
#pragma once

#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>

#include "process.h"

namespace odb::bench {

class RedisServer {
 public:
  explicit RedisServer(const std::string& appendfsync)
      : folder_(std::filesystem::temp_directory_path() /
                ("odb_bench_" + std::to_string(::getpid()))),
        socket_((folder_ / "socket").string()),
        process_(make(appendfsync)) {
    wait();
  }
  ~RedisServer() {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }
  const std::string& socket() const { return socket_; }

 private:
  ProcessOptions make(const std::string& appendfsync) const {
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
    ProcessOptions options;
    options.arguments = {"/usr/bin/redis-server",
                         "--port",
                         "0",
                         "--unixsocket",
                         socket_,
                         "--dir",
                         folder_.string(),
                         "--save",
                         "",
                         "--appendonly",
                         "yes",
                         "--appendfsync",
                         appendfsync,
                         "--logfile",
                         (folder_ / "log").string()};
    return options;
  }
  void wait() const {
    for (int i = 0; i < 500; ++i) {
      if (std::filesystem::exists(socket_)) return;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    throw std::runtime_error("redis-server does not start");
  }

  const std::filesystem::path folder_;
  const std::string socket_;
  Process process_;
};

}  // namespace odb::bench
