#include "listeners.h"

#include <spdlog/spdlog.h>

#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <memory>
#include <utility>

namespace odb::server {

namespace {

// Descriptors ran out: how long to leave new connections in the kernel's queue.
constexpr std::chrono::milliseconds kAcceptPause{100};
constexpr int kAcceptsPerTurn = 64;

}  // namespace

Listeners::Listeners(boost::asio::io_context& io, net::Endpoint endpoint,
                     std::vector<net::Socket> sockets,
                     std::function<void(net::Socket)> on_connection)
    : io_(io),
      endpoint_(std::move(endpoint)),
      sockets_(std::move(sockets)),
      on_connection_(std::move(on_connection)) {
  endpoint_.port = sockets_.empty() ? std::uint16_t{0} : net::local_port(sockets_.front());
}

Result<void> Listeners::listen() {
  if (endpoint_.port == 0) return {};
  return net::start_listening(sockets_, endpoint_);
}

void Listeners::accept() {
  ++turn_;
  for (net::Socket& socket : sockets_) listeners_.emplace_back(io_, socket.descriptor());
  for (std::size_t i = 0; i < listeners_.size(); ++i) await(i);
}

void Listeners::stop_accepting() {
  ++turn_;
  for (auto& listener : listeners_) listener.release();  // the socket owns the descriptor
  listeners_.clear();
}

void Listeners::refuse() {
  stop_accepting();
  if (sockets_.empty()) return;
  sockets_.clear();
  auto bound = net::bind_tcp(endpoint_);
  if (bound) {
    sockets_ = *std::move(bound);
  } else {
    spdlog::error("{}", bound.error().message);
  }
}

void Listeners::close() {
  stop_accepting();
  sockets_.clear();
}

void Listeners::await(std::size_t listener) {
  listeners_[listener].async_wait(
      boost::asio::posix::descriptor_base::wait_read,
      [this, listener, turn = turn_](const boost::system::error_code& error) {
        if (!error && turn == turn_) take_waiting(listener);
      });
}

void Listeners::take_waiting(std::size_t listener) {
  for (int i = 0; i < kAcceptsPerTurn; ++i) {
    auto accepted = net::accept_tcp(sockets_[listener]);
    if (!accepted) {
      spdlog::warn("cannot accept connections for now: {}", accepted.error().message);
      auto pause = std::make_shared<boost::asio::steady_timer>(io_, kAcceptPause);
      pause->async_wait(
          [this, listener, pause, turn = turn_](const boost::system::error_code& error) {
            if (!error && turn == turn_) await(listener);
          });
      return;
    }
    if (!accepted->has_value()) break;
    on_connection_(std::move(**accepted));
  }
  await(listener);
}

}  // namespace odb::server
