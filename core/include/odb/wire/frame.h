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

// Appends the frames of one message: one when the payload fits, else as few fragments as possible.
// The payload is not empty and its size a multiple of 8.
void append_frames(Bytes& out, std::span<const std::byte> payload);

// How many bytes append_frames appends for a payload of that size.
std::size_t framed_bytes(std::size_t payload_bytes);

// Cuts a byte stream back into messages. Usage: write up to prepare().size() bytes there,
// commit(n), then next() until it gives nothing. Holds at most one frame beyond the message being
// put together; about 20 KiB while messages are small. Neither copied nor moved, because it hands
// out spans of itself.
class FrameReader {
 public:
  // A message (over all its fragments) larger than `message_bytes_max` is kMessageTooLarge. The
  // limit may be changed between messages: small before authentication, larger after.
  explicit FrameReader(std::size_t message_bytes_max);
  FrameReader(const FrameReader&) = delete;
  FrameReader& operator=(const FrameReader&) = delete;
  void set_message_bytes_max(std::size_t bytes);

  // At least 16 KiB (a whole TLS record) of contiguous room for the next read.
  std::span<std::byte> prepare();
  void commit(std::size_t bytes);  // no more than the last prepare() gave

  // The next whole message's payload, 8-byte aligned, valid until the next call of any member;
  // nothing when more bytes are needed. After an error (kMalformedFrame, kFrameTooLarge,
  // kMessageTooLarge) the stream is lost: every further call gives the same error.
  Result<std::optional<std::span<const std::byte>>> next();

  // Gives the buffer back when it holds nothing: an idle connection then costs no memory here.
  void release_if_empty();

 private:
  struct Header {
    std::size_t payload_bytes = 0;
    bool more = false;
  };

  std::size_t buffered() const { return end_ - begin_; }
  Result<Header> read_header() const;
  std::size_t capacity_wanted() const;
  void move_to(std::size_t capacity);
  void drop_delivered();

  std::size_t message_bytes_max_;
  // Received and not yet delivered: [begin_, end_). Frames are multiples of 8 and the buffer is
  // aligned, so every payload is too.
  std::unique_ptr<std::byte[]> buffer_;
  std::size_t capacity_ = 0;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  std::size_t last_frame_bytes_ = 0;
  Bytes message_;                   // fragments of a message in several frames
  bool message_delivered_ = false;  // message_ is what the last next() gave
  std::optional<Error> error_;
};

}  // namespace odb::wire
