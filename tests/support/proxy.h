// A TCP proxy whose links can be cut, to break what is between a client and a server.
#pragma once

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "odb/net/socket.h"

namespace odb::test {

// One thread forwards everything. The members may be called from any thread.
class Proxy {
 public:
  explicit Proxy(std::uint16_t server_port)
      : server_port_(server_port),
        listeners_(*net::listen_tcp({"127.0.0.1", 0})),
        thread_([this] { run(); }) {}
  ~Proxy() {
    stopping_ = true;
    thread_.join();
  }
  Proxy(const Proxy&) = delete;
  Proxy& operator=(const Proxy&) = delete;

  std::uint16_t port() const { return net::local_port(listeners_.front()); }
  // From now on new links go there.
  void set_server(std::uint16_t port) { server_port_ = port; }
  // Breaks every link; with `refusing`, new ones are closed at once until allow().
  void cut(bool refusing) {
    refusing_ = refusing;
    const std::lock_guard lock(mutex_);
    cutting_ = true;
  }
  void allow() { refusing_ = false; }
  // Links stand, new ones too, but nothing passes until release().
  void hold() { holding_ = true; }
  void release() { holding_ = false; }

 private:
  using Link = std::pair<net::Socket, net::Socket>;

  static bool forward(const net::Socket& from, const net::Socket& to) {
    std::array<char, 65536> buffer;
    const ssize_t count = ::recv(from.descriptor(), buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (count <= 0) return count < 0 && (errno == EAGAIN || errno == EINTR);
    for (ssize_t sent = 0; sent < count;) {
      const ssize_t more = ::send(to.descriptor(), buffer.data() + sent,
                                  static_cast<std::size_t>(count - sent), MSG_NOSIGNAL);
      if (more > 0) {
        sent += more;
        continue;
      }
      if (errno != EAGAIN && errno != EINTR) return false;
      pollfd writable{.fd = to.descriptor(), .events = POLLOUT, .revents = 0};
      ::poll(&writable, 1, 20);
    }
    return true;
  }

  void run() {
    std::vector<Link> links;
    while (!stopping_) {
      {
        const std::lock_guard lock(mutex_);
        if (std::exchange(cutting_, false)) links.clear();
      }
      std::vector<pollfd> polled{
          {.fd = listeners_.front().descriptor(), .events = POLLIN, .revents = 0}};
      const bool is_held = holding_;
      for (const auto& [client, server] : links) {
        if (is_held) break;
        polled.push_back({.fd = client.descriptor(), .events = POLLIN, .revents = 0});
        polled.push_back({.fd = server.descriptor(), .events = POLLIN, .revents = 0});
      }
      ::poll(polled.data(), polled.size(), 5);
      std::erase_if(links, [is_held](const Link& link) {
        if (is_held) return false;
        return !forward(link.first, link.second) || !forward(link.second, link.first);
      });
      auto accepted = net::accept_tcp(listeners_.front());
      if (!accepted || !*accepted || refusing_) continue;
      auto server = net::connect_tcp({"127.0.0.1", server_port_},
                                     std::chrono::steady_clock::now() + std::chrono::seconds(2));
      if (server) links.emplace_back(*std::move(*accepted), *std::move(server));
    }
  }

  std::atomic<std::uint16_t> server_port_;
  std::vector<net::Socket> listeners_;
  std::atomic<bool> stopping_ = false;
  std::atomic<bool> refusing_ = false;
  std::atomic<bool> holding_ = false;
  std::mutex mutex_;
  bool cutting_ = false;
  std::thread thread_;
};

}  // namespace odb::test
