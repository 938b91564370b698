// Frames: how messages are cut for the byte stream. Bounded, so that a heartbeat never waits behind
// more than one frame, and 8-byte aligned, so that Cap'n Proto is read in place.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "odb/core/error.h"
#include "odb/core/value.h"

namespace odb::wire {

// Header, little endian: u32 payload bytes (a multiple of 8, not 0), u8 magic 0xDB, u8 flags (bit
// 0: more fragments of this message follow), u16 zero. A message is the concatenation of its
// fragments.
inline constexpr std::size_t kFrameHeaderBytes = 8;
inline constexpr std::size_t kFrameBytesMax = 256 * 1024;  // header included
inline constexpr std::size_t kFramePayloadBytesMax = kFrameBytesMax - kFrameHeaderBytes;

// Whole frames of one message, ready to be written; shared by all who send the same message.
using EncodedMessage = std::shared_ptr<const Bytes>;

// Cuts a byte stream back into messages. Usage: write up to prepare().size() bytes there,
// commit(n), then next() until it gives nothing. Holds at most one frame beyond the message being
// put together.
class FrameReader {
 public:
  // A message (over all its fragments) larger than `message_bytes_max` is kMessageTooLarge. The
  // limit may be changed between messages: small before authentication, larger after.
  explicit FrameReader(std::size_t message_bytes_max);
  void set_message_bytes_max(std::size_t bytes);

  std::span<std::byte> prepare();  // never empty; contiguous room for the next read
  void commit(std::size_t bytes);

  // The next whole message's payload, 8-byte aligned, valid until the next call of any member;
  // nothing when more bytes are needed. After an error (kMalformedFrame, kFrameTooLarge,
  // kMessageTooLarge) the stream is lost: every further call gives the same error.
  Result<std::optional<std::span<const std::byte>>> next();

 private:
  std::size_t message_bytes_max_;
  // The rest is the implementation's.
};

}  // namespace odb::wire
