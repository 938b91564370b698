// ByteStream: a two-way stream of bytes that never blocks. Real ones are TLS over a socket, or a
// link inside the process for tests and the simulator.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "odb/core/error.h"

namespace odb::net {

// A secret both ends of one channel share and nobody else: the TLS exporter value (RFC 9266).
using ChannelBinding = std::array<std::byte, 32>;

enum class StreamStatus : std::uint8_t {
  kOk,          // `bytes` were moved
  kWantsRead,   // nothing can move before the peer's bytes arrive
  kWantsWrite,  // nothing can move before the peer takes bytes
  kClosed,      // the peer ended the stream in order
  kFailed,      // see error()
};

struct StreamProgress {
  StreamStatus status = StreamStatus::kOk;
  std::size_t bytes = 0;
};

class ByteStream {
 public:
  virtual ~ByteStream() = default;

  // Completes what must come before the first byte (for TLS: the handshake). kOk when done.
  virtual StreamProgress handshake() = 0;

  // Moves some bytes, at least one when kOk. After kWantsRead or kWantsWrite the caller waits until
  // the descriptor is (not: becomes) readable or writable and repeats the call with the same or
  // more data. Bytes once given to write() must come first in every later call until they are
  // taken: the stream may have encrypted them already. A write that fails because the peer has gone
  // leaves read() able to give what had arrived before, such as the peer's reason.
  virtual StreamProgress read(std::span<std::byte> out) = 0;
  virtual StreamProgress write(std::span<const std::byte> bytes) = 0;

  // Whether read() could give bytes although the descriptor is not readable (decrypted or
  // buffered). Never true straight after kWantsRead, so waiting on it does not spin.
  virtual bool has_buffered_input() const = 0;

  // Whether the last read() took everything that had arrived by then; asked once a read. Who waits
  // for the descriptor anyway saves a read that would only say so.
  virtual bool take_drained() { return false; }

  // Requires a completed handshake; equal at both ends of one channel.
  virtual ChannelBinding channel_binding() const = 0;

  // The descriptor to wait on; -1 for links inside the process.
  virtual int descriptor() const = 0;

  // Bytes that crossed the link so far, whatever wraps the caller's: any of them is a sign of life.
  virtual std::uint64_t link_bytes_received() const = 0;
  virtual std::uint64_t link_bytes_sent() const = 0;

  // Ends the stream, telling the peer if that does not block. Idempotent. Afterwards read() and
  // write() give kClosed. The descriptor stays open until destruction, so that nobody who still
  // waits on it ever waits on a reused number. Who must be sure that a last message arrives reads
  // on before closing, until the peer has ended the stream or a deadline has passed.
  virtual void close() = 0;

  // Why it failed, after kFailed.
  virtual const Error& error() const = 0;

  // "127.0.0.1:41234", for logs.
  virtual std::string peer() const = 0;
};

}  // namespace odb::net
