// TlsLink: one end of a link over the project's own TLS stream, whose calls wait. What the floors
// and the peers are driven through, so that all of them pay for the same TLS.
#pragma once

#include <poll.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "odb/core/error.h"
#include "odb/net/socket.h"
#include "odb/net/tls_context.h"
#include "odb/net/tls_stream.h"

namespace odb::bench {

struct LinkGone : std::runtime_error {
  LinkGone() : std::runtime_error("the other end of the link has gone") {}
};

// Belongs to one thread. Every call throws LinkGone when the peer has gone.
class TlsLink {
 public:
  // To a server on this machine.
  explicit TlsLink(std::uint16_t port);
  // A server's end.
  TlsLink(const net::TlsServerContext& context, net::Socket accepted);

  // What has arrived; nothing when nothing has.
  std::size_t read_arrived(std::span<std::byte> out);
  // Waits until something has.
  std::size_t read(std::span<std::byte> out);
  void write(std::span<const std::byte> bytes);
  void write(const std::string& text) { write(std::as_bytes(std::span(text))); }

  int descriptor() const { return stream_->descriptor(); }
  bool has_buffered_input() const { return stream_->has_buffered_input(); }

 private:
  void shake_hands();
  bool is_done(const net::StreamProgress& progress);

  std::unique_ptr<net::TlsStream> stream_;
};

// A listener on a free port of this machine, and the next client to connect there.
class TlsListener {
 public:
  TlsListener();
  std::uint16_t port() const;
  TlsLink accept() const;

 private:
  const net::TlsServerContext context_;
  net::Socket listener_;
};

// A port that nothing listens on; another program may take it before the caller does.
std::uint16_t free_port();

void wait_for(int descriptor, short events);

// A server's loop: `answer(client)` whenever something arrived on `client.link`, until all clients
// have gone.
template <class Client, class Answer>
void serve(std::vector<Client>& clients, Answer&& answer) {
  std::vector<pollfd> waits;
  waits.reserve(clients.size());
  for (const Client& client : clients) {
    waits.push_back({.fd = client.link.descriptor(), .events = POLLIN, .revents = 0});
  }
  // How many clients have gone thereby: one or none.
  const auto answer_one = [&](std::size_t place) -> std::size_t {
    try {
      answer(clients[place]);
      return 0;
    } catch (const LinkGone&) {
      waits[place].fd = -1;  // poll() passes over it
      return 1;
    }
  };
  std::size_t gone = 0;
  for (std::size_t i = 0; i < clients.size(); ++i) {
    // The first request may have come in the same packet as the end of the handshake.
    if (clients[i].link.has_buffered_input()) gone += answer_one(i);
  }
  while (gone < clients.size()) {
    ::poll(waits.data(), waits.size(), -1);
    for (std::size_t i = 0; i < clients.size(); ++i) {
      if (waits[i].fd >= 0 && waits[i].revents != 0) gone += answer_one(i);
    }
  }
}

template <class T>
T value_or_throw(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().message);
  return *std::move(result);
}

}  // namespace odb::bench
