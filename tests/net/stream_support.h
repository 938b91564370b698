// Both ends of a stream in one thread: connected sockets, a courier that carries bytes between them
// as a test decides, and pumps.
#pragma once

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <memory>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "odb/net/byte_stream.h"
#include "odb/net/socket.h"
#include "odb/net/tls_stream.h"
#include "odb/wire/frame.h"

namespace odb::net {

// A test that would wait longer than this has failed.
inline constexpr int kPatienceMs = 5000;

inline void PrintTo(StreamStatus status, std::ostream* out) {
  constexpr const char* kNames[] = {"kOk", "kWantsRead", "kWantsWrite", "kClosed", "kFailed"};
  *out << kNames[static_cast<int>(status)];
}

inline Deadline soon() {
  return std::chrono::steady_clock::now() + std::chrono::milliseconds(kPatienceMs);
}

struct SocketPair {
  Socket client;
  Socket server;
};

inline SocketPair make_tcp_pair() {
  const std::vector<Socket> listeners = std::move(listen_tcp({"127.0.0.1", 0}).value());
  SocketPair pair;
  pair.client = std::move(connect_tcp({"127.0.0.1", local_port(listeners[0])}, soon()).value());
  pollfd wanted{listeners[0].descriptor(), POLLIN, 0};
  ODB_CHECK(::poll(&wanted, 1, kPatienceMs) == 1);
  pair.server = std::move(*accept_tcp(listeners[0]).value());
  return pair;
}

inline SocketPair make_unix_pair() {
  int ends[2];
  ODB_CHECK(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) == 0);
  return {Socket(ends[0]), Socket(ends[1])};
}

inline void set_send_buffer(const Socket& socket, int bytes) {
  setsockopt(socket.descriptor(), SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
}

// Waits for what the stream asked for.
inline void wait_for(const ByteStream& stream, StreamStatus status) {
  pollfd wanted{stream.descriptor(), 0, 0};
  wanted.events = status == StreamStatus::kWantsWrite ? POLLOUT : POLLIN;
  ODB_CHECK(::poll(&wanted, 1, kPatienceMs) == 1);
}

inline bool is_waiting(StreamStatus status) {
  return status == StreamStatus::kWantsRead || status == StreamStatus::kWantsWrite;
}

struct HandshakeOutcome {
  StreamStatus client = StreamStatus::kWantsRead;
  StreamStatus server = StreamStatus::kWantsRead;
};

// Runs both handshakes to their ends. An end that fails closes, as its owner would.
inline HandshakeOutcome shake_hands(ByteStream& client, ByteStream& server) {
  HandshakeOutcome outcome;
  while (is_waiting(outcome.client) || is_waiting(outcome.server)) {
    for (auto [stream, status] :
         {std::pair(&client, &outcome.client), std::pair(&server, &outcome.server)}) {
      if (!is_waiting(*status)) continue;
      *status = stream->handshake().status;
      if (*status == StreamStatus::kFailed) stream->close();
    }
  }
  return outcome;
}

// A TLS connection whose handshake is done.
struct TlsPair {
  std::unique_ptr<TlsStream> client;
  std::unique_ptr<TlsStream> server;
};

inline const TlsServerContext& shared_server_context() {
  static const TlsServerContext context = TlsServerContext::self_signed();
  return context;
}

inline const TlsClientContext& trusting_client_context() {
  static const TlsClientContext context = std::move(TlsClientContext::create().value());
  return context;
}

inline TlsPair make_tls_pair(SocketPair sockets,
                             const TlsServerContext& server = shared_server_context(),
                             const TlsClientContext& client = trusting_client_context()) {
  TlsPair pair{
      std::make_unique<TlsStream>(client, std::move(sockets.client), Endpoint{"localhost", 8000}),
      std::make_unique<TlsStream>(server, std::move(sockets.server))};
  const HandshakeOutcome outcome = shake_hands(*pair.client, *pair.server);
  EXPECT_EQ(outcome.client, StreamStatus::kOk) << pair.client->error().message;
  EXPECT_EQ(outcome.server, StreamStatus::kOk) << pair.server->error().message;
  return pair;
}

inline TlsPair make_tls_pair() { return make_tls_pair(make_tcp_pair()); }

// Carries bytes between a client's socket and a server's, as many at a time as it is told.
class Courier {
 public:
  Courier() {
    SocketPair first = make_unix_pair();
    SocketPair second = make_unix_pair();
    ends_ = {std::move(first.client), std::move(second.server)};
    to_client_ = std::move(first.server);
    to_server_ = std::move(second.client);
  }

  SocketPair take_ends() { return std::move(ends_); }

  // Carries up to `bytes_max` bytes of one direction; tells how many.
  std::size_t carry_to_server(std::size_t bytes_max) {
    return carry(to_client_, to_server_, bytes_max);
  }
  std::size_t carry_to_client(std::size_t bytes_max) {
    return carry(to_server_, to_client_, bytes_max);
  }
  std::size_t carry(std::size_t bytes_max) {
    const std::size_t bytes = carry_to_server(bytes_max);
    return bytes + carry_to_client(bytes_max);
  }

  void corrupt_next_byte() { is_corrupting_ = true; }

  // The connection is cut: both ends see it as soon as they have read what was carried.
  void cut() {
    to_client_.close();
    to_server_.close();
  }

 private:
  std::size_t carry(const Socket& from, const Socket& to, std::size_t bytes_max) {
    std::vector<char> buffer(std::min<std::size_t>(bytes_max, 65536));
    if (buffer.empty() || !from.is_open()) return 0;
    const ssize_t peeked = ::recv(from.descriptor(), buffer.data(), buffer.size(), MSG_PEEK);
    if (peeked <= 0) return 0;
    if (is_corrupting_) buffer[static_cast<std::size_t>(peeked) - 1] ^= 1;
    const ssize_t sent =
        ::send(to.descriptor(), buffer.data(), static_cast<std::size_t>(peeked), MSG_NOSIGNAL);
    if (sent <= 0) return 0;
    is_corrupting_ = false;
    ODB_CHECK(::recv(from.descriptor(), buffer.data(), static_cast<std::size_t>(sent), 0) == sent);
    return static_cast<std::size_t>(sent);
  }

  SocketPair ends_;
  Socket to_client_;
  Socket to_server_;
  bool is_corrupting_ = false;
};

// A TLS connection over a courier, whose handshake is done.
inline TlsPair make_tls_pair(Courier& courier) {
  SocketPair ends = courier.take_ends();
  TlsPair pair{std::make_unique<TlsStream>(trusting_client_context(), std::move(ends.client),
                                           Endpoint{"localhost", 8000}),
               std::make_unique<TlsStream>(shared_server_context(), std::move(ends.server))};
  for (bool is_done = false; !is_done;) {
    is_done = pair.client->handshake().status == StreamStatus::kOk;
    is_done &= pair.server->handshake().status == StreamStatus::kOk;
    courier.carry(100000);
  }
  return pair;
}

inline std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text));
}

inline std::string text_of(std::span<const std::byte> bytes) {
  return std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

// Reads until the stream gives no more for now; its last status goes to `status`.
inline std::string read_all(ByteStream& stream, StreamStatus* status = nullptr) {
  std::string text;
  char buffer[3000];
  for (;;) {
    const StreamProgress progress = stream.read(std::as_writable_bytes(std::span(buffer)));
    if (progress.status != StreamStatus::kOk) {
      if (status) *status = progress.status;
      return text;
    }
    text.append(buffer, progress.bytes);
  }
}

// Waits for and reads exactly that many bytes.
inline std::string read_exactly(ByteStream& stream, std::size_t bytes) {
  std::string text(bytes, '\0');
  std::size_t done = 0;
  while (done < bytes) {
    const StreamProgress progress =
        stream.read(std::as_writable_bytes(std::span(text)).subspan(done));
    done += progress.bytes;
    if (progress.status == StreamStatus::kOk) continue;
    if (!is_waiting(progress.status)) break;
    wait_for(stream, progress.status);
  }
  text.resize(done);
  return text;
}

// A message whose payload depends on `number`: 8-byte aligned, at least 8 bytes.
inline Bytes make_payload(std::uint64_t number, std::size_t bytes) {
  Bytes payload(std::max<std::size_t>(8, bytes / 8 * 8));
  std::mt19937_64 random(number);
  for (std::size_t i = 0; i < payload.size(); i += 8) {
    const std::uint64_t word = i == 0 ? number : random();
    std::memcpy(payload.data() + i, &word, sizeof word);
  }
  return payload;
}

inline wire::EncodedMessage make_message(std::uint64_t number, std::size_t bytes) {
  auto message = std::make_shared<Bytes>();
  wire::append_frames(*message, make_payload(number, bytes));
  return message;
}

inline std::uint64_t number_of(std::span<const std::byte> payload) {
  std::uint64_t number = 0;
  std::memcpy(&number, payload.data(), sizeof number);
  return number;
}

// Whether the payload is, byte for byte, the one that make_payload made.
inline bool is_intact(std::span<const std::byte> payload) {
  const Bytes expected = make_payload(number_of(payload), payload.size());
  return std::equal(payload.begin(), payload.end(), expected.begin(), expected.end());
}

}  // namespace odb::net
