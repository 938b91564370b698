#include "tls_link.h"

#include <poll.h>

#include <chrono>
#include <optional>
#include <utility>
#include <vector>

namespace odb::bench {

namespace {

constexpr std::chrono::seconds kConnectTimeout{10};

std::unique_ptr<net::TlsStream> connect_stream(std::uint16_t port) {
  const net::Endpoint server{"127.0.0.1", port};
  // Streams keep what they need of it.
  const auto context = value_or_throw(net::TlsClientContext::create());
  auto socket =
      value_or_throw(net::connect_tcp(server, std::chrono::steady_clock::now() + kConnectTimeout));
  return std::make_unique<net::TlsStream>(context, std::move(socket), server);
}

}  // namespace

void wait_for(int descriptor, short events) {
  pollfd wait{.fd = descriptor, .events = events, .revents = 0};
  ::poll(&wait, 1, -1);
}

TlsLink::TlsLink(std::uint16_t port) : stream_(connect_stream(port)) { shake_hands(); }

TlsLink::TlsLink(const net::TlsServerContext& context, net::Socket accepted)
    : stream_(std::make_unique<net::TlsStream>(context, std::move(accepted))) {
  shake_hands();
}

void TlsLink::shake_hands() {
  while (!is_done(stream_->handshake())) {
  }
}

std::size_t TlsLink::read_arrived(std::span<std::byte> out) {
  const net::StreamProgress progress = stream_->read(out);
  if (progress.status == net::StreamStatus::kOk) return progress.bytes;
  if (progress.status == net::StreamStatus::kWantsRead) return 0;
  throw LinkGone();
}

std::size_t TlsLink::read(std::span<std::byte> out) {
  for (;;) {
    if (!stream_->has_buffered_input()) wait_for(stream_->descriptor(), POLLIN);
    if (const std::size_t bytes = read_arrived(out); bytes > 0) return bytes;
  }
}

void TlsLink::write(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const net::StreamProgress progress = stream_->write(bytes);
    bytes = bytes.subspan(progress.bytes);
    if (!bytes.empty()) is_done(progress);
  }
}

bool TlsLink::is_done(const net::StreamProgress& progress) {
  switch (progress.status) {
    case net::StreamStatus::kOk:
      return true;
    case net::StreamStatus::kWantsRead:
      wait_for(stream_->descriptor(), POLLIN);
      return false;
    case net::StreamStatus::kWantsWrite:
      wait_for(stream_->descriptor(), POLLOUT);
      return false;
    default:
      throw LinkGone();
  }
}

TlsListener::TlsListener()
    : context_(net::TlsServerContext::self_signed()),
      listener_(std::move(value_or_throw(net::listen_tcp({"127.0.0.1", 0})).front())) {}

std::uint16_t TlsListener::port() const { return net::local_port(listener_); }

TlsLink TlsListener::accept() const {
  for (;;) {
    wait_for(listener_.descriptor(), POLLIN);
    if (auto accepted = value_or_throw(net::accept_tcp(listener_))) {
      return {context_, *std::move(accepted)};
    }
  }
}

std::uint16_t free_port() {
  return net::local_port(value_or_throw(net::listen_tcp({"127.0.0.1", 0})).front());
}

}  // namespace odb::bench
