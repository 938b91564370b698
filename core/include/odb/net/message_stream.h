// MessageStream: framed messages over a ByteStream, still without blocking or waiting.
#pragma once

#include <cstddef>
#include <deque>
#include <memory>
#include <optional>
#include <span>

#include "odb/core/error.h"
#include "odb/net/byte_stream.h"
#include "odb/wire/frame.h"

namespace odb::net {

class MessageStream {
 public:
  MessageStream(std::unique_ptr<ByteStream> bytes, std::size_t message_bytes_max);

  // Queues a message behind those already queued. Does not write.
  void send(wire::EncodedMessage message);

  // Writes as much of the queue as the stream takes, many small messages in one write (one full TLS
  // record holds 16 KiB). kOk when the queue is empty; kWantsWrite/kWantsRead when it must wait.
  StreamStatus flush();

  // The next message's payload, valid until the next call of any member. Reads from the stream only
  // when no whole message is buffered. kOk with a payload, or a status without. Frame errors are
  // kFailed.
  struct Received {
    StreamStatus status = StreamStatus::kOk;
    std::span<const std::byte> payload;
  };
  Received receive();

  // Drops what is queued except a frame that is partly written, so that one last message can
  // follow.
  void drop_queue();

  std::size_t queued_bytes() const;      // not yet taken by the stream
  std::uint64_t bytes_received() const;  // any byte is a sign of life
  std::uint64_t bytes_sent() const;
  void set_message_bytes_max(std::size_t bytes);
  ByteStream& bytes() { return *bytes_; }
  const Error& error() const;  // after kFailed: of the frames or of the stream

 private:
  std::unique_ptr<ByteStream> bytes_;
  // The rest is the implementation's.
};

}  // namespace odb::net
