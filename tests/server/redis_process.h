// A redis-server of the test's own, on a unix socket in a folder of its own.
#pragma once

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <initializer_list>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "redis/link.h"
#include "support/remove_folder.h"

namespace odb::test {

class RedisProcess {
 public:
  explicit RedisProcess(std::string appendfsync = "always") : appendfsync_(std::move(appendfsync)) {
    std::array<char, 32> name{"/tmp/odb_redis_XXXXXX"};
    if (::mkdtemp(name.data()) == nullptr) ADD_FAILURE() << "no folder";
    folder_ = name.data();
    start();
  }
  ~RedisProcess() {
    kill();
    remove_folder(folder_);
  }
  RedisProcess(const RedisProcess&) = delete;
  RedisProcess& operator=(const RedisProcess&) = delete;

  server::RedisAddress address() const {
    server::RedisAddress address;
    address.unix_path = folder_ + "/socket";
    return address;
  }
  const std::string& folder() const { return folder_; }

  void start(std::vector<std::string> more = {}) {
    std::vector<std::string> arguments = {"redis-server",
                                          "--port",
                                          "0",
                                          "--unixsocket",
                                          folder_ + "/socket",
                                          "--dir",
                                          folder_,
                                          "--save",
                                          "",
                                          "--appendonly",
                                          "yes",
                                          "--appendfsync",
                                          appendfsync_,
                                          "--logfile",
                                          folder_ + "/log"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    std::vector<char*> raw;
    raw.reserve(arguments.size() + 1);
    for (std::string& argument : arguments) raw.push_back(argument.data());
    raw.push_back(nullptr);
    launch(raw);
    for (int i = 0; i < 500; ++i) {
      // One that was killed while it began a new file repairs the old one and ends.
      if (::waitpid(process_, nullptr, WNOHANG) == process_) launch(raw);
      auto link = server::redis::make_link();
      if (link->connect(address(), std::chrono::milliseconds(1000))) {
        auto reply = server::redis::call(*link, {"PING"}, std::chrono::milliseconds(1000));
        if (reply && !reply->is_error()) return;
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    ADD_FAILURE() << "redis-server does not start; is it installed?";
  }
  void signal(int number) const { ::kill(process_, number); }
  void kill() {
    if (process_ <= 0) return;
    ::kill(process_, SIGKILL);
    ::waitpid(process_, nullptr, 0);
    process_ = -1;
  }
  void restart() {
    kill();
    start();
  }

  server::redis::Reply ask(std::initializer_list<std::string_view> command) const {
    auto link = server::redis::make_link();
    EXPECT_TRUE(link->connect(address(), std::chrono::milliseconds(5000)));
    auto reply = server::redis::call(*link, command, std::chrono::milliseconds(5000));
    EXPECT_TRUE(reply) << (reply ? "" : reply.error().message);
    return reply ? *std::move(reply) : server::redis::Reply();
  }

 private:
  void launch(const std::vector<char*>& arguments) {
    process_ = ::fork();
    if (process_ == 0) {
      ::execvp(arguments[0], arguments.data());
      ::_exit(127);
    }
  }

  const std::string appendfsync_;
  std::string folder_;
  pid_t process_ = -1;
};

}  // namespace odb::test
