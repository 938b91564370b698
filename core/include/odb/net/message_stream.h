// MessageStream: framed messages over a ByteStream, still without blocking or waiting.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>

#include "odb/core/error.h"
#include "odb/net/byte_stream.h"
#include "odb/wire/frame.h"

namespace odb::net {

// Belongs to one thread at a time. Requires a stream whose handshake is done before the first
// flush() or receive(). Messages of up to kStagedBytesMax together are copied into one write,
// larger ones and single ones are written from where they are.
class MessageStream {
 public:
  // One full TLS record.
  static constexpr std::size_t kStagedBytesMax = 16 * 1024;

  MessageStream(std::unique_ptr<ByteStream> bytes, std::size_t message_bytes_max);

  // Queues a message behind those already queued. Does not write.
  void send(wire::EncodedMessage message);

  // Writes as much of the queue as the stream takes, many small messages in one write. kOk when the
  // queue is empty; kWantsWrite/kWantsRead when it must wait. After kFailed receive() may still
  // give messages that arrived before.
  StreamStatus flush();

  // The next message's payload, valid until the next receive() or set_message_bytes_max(). Reads
  // from the stream only when no whole message is buffered. kOk with a payload, or a status
  // without. Frame errors are kFailed.
  struct Received {
    StreamStatus status = StreamStatus::kOk;
    std::span<const std::byte> payload;
  };
  // With kArrived, a stream whose last read took all there was is not asked again before the next
  // call: for callers who wait for the descriptor after kWantsRead.
  enum class Eagerness : std::uint8_t { kAsk, kArrived };
  Received receive(Eagerness eagerness = Eagerness::kAsk);

  // Drops what is queued, so that one last message can follow, except what the stream may have
  // taken or encrypted in part: either one message, whole (dropping the rest of its fragments would
  // corrupt the stream), or small ones of at most kStagedBytesMax together.
  void drop_queue();

  std::size_t queued_bytes() const { return queued_bytes_; }  // not yet taken by the stream

  // What crossed the link, TLS included: any byte is a sign of life, even of a message that is
  // still incomplete.
  std::uint64_t bytes_received() const { return bytes_->link_bytes_received(); }
  std::uint64_t bytes_sent() const { return bytes_->link_bytes_sent(); }

  void set_message_bytes_max(std::size_t bytes) { reader_.set_message_bytes_max(bytes); }
  ByteStream& bytes() { return *bytes_; }
  const ByteStream& bytes() const { return *bytes_; }
  const Error& error() const;  // after kFailed: of the frames or of the stream

 private:
  void stage();
  StreamStatus write_staged();
  StreamStatus write_front();

  std::unique_ptr<ByteStream> bytes_;
  wire::FrameReader reader_;
  std::deque<wire::EncodedMessage> queue_;
  std::size_t front_written_ = 0;        // bytes of queue_.front() that the stream took
  bool is_front_offered_ = false;        // queue_.front() was given to write(): it must be finished
  std::unique_ptr<std::byte[]> staged_;  // whole small messages, ahead of queue_; none when idle
  std::size_t staged_begin_ = 0;
  std::size_t staged_end_ = 0;
  std::size_t queued_bytes_ = 0;
  std::optional<Error> frame_error_;
};

}  // namespace odb::net
