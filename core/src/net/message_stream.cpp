#include "odb/net/message_stream.h"

#include <cstring>
#include <utility>

namespace odb::net {

MessageStream::MessageStream(std::unique_ptr<ByteStream> bytes, std::size_t message_bytes_max)
    : bytes_(std::move(bytes)), reader_(message_bytes_max) {
  ODB_CHECK(bytes_ != nullptr);
}

void MessageStream::send(wire::EncodedMessage message) {
  ODB_CHECK(message != nullptr && !message->empty());
  queued_bytes_ += message->size();
  queue_.push_back(std::move(message));
}

StreamStatus MessageStream::flush() {
  while (queued_bytes_ > 0) {
    // A message that nothing follows is written from where it is. So is one that was offered once:
    // the stream may have encrypted its first bytes.
    const bool is_staging = staged_end_ > 0 || (queue_.size() > 1 && !is_front_offered_ &&
                                                queue_.front()->size() < kStagedBytesMax);
    if (is_staging) stage();
    const StreamStatus status = is_staging ? write_staged() : write_front();
    if (status != StreamStatus::kOk) return status;
  }
  staged_.reset();
  return StreamStatus::kOk;
}

// Moves whole messages from the queue behind those already staged. Adding to bytes that the stream
// has refused before is fine: it wants the same bytes first, and may get more.
void MessageStream::stage() {
  if (!staged_) staged_ = std::make_unique_for_overwrite<std::byte[]>(kStagedBytesMax);
  while (!queue_.empty() && queue_.front()->size() <= kStagedBytesMax - staged_end_) {
    const Bytes& message = *queue_.front();
    std::memcpy(staged_.get() + staged_end_, message.data(), message.size());
    staged_end_ += message.size();
    queue_.pop_front();
  }
}

StreamStatus MessageStream::write_staged() {
  const StreamProgress progress =
      bytes_->write({staged_.get() + staged_begin_, staged_end_ - staged_begin_});
  staged_begin_ += progress.bytes;
  queued_bytes_ -= progress.bytes;
  if (staged_begin_ == staged_end_) staged_begin_ = staged_end_ = 0;
  return progress.status;
}

StreamStatus MessageStream::write_front() {
  is_front_offered_ = true;
  const Bytes& message = *queue_.front();
  const StreamProgress progress = bytes_->write(std::span(message).subspan(front_written_));
  front_written_ += progress.bytes;
  queued_bytes_ -= progress.bytes;
  if (front_written_ == message.size()) {
    queue_.pop_front();
    front_written_ = 0;
    is_front_offered_ = false;
  }
  return progress.status;
}

MessageStream::Received MessageStream::receive(Eagerness eagerness) {
  for (;;) {
    auto message = reader_.next();
    if (!message) {
      frame_error_ = message.error();
      return {StreamStatus::kFailed, {}};
    }
    if (*message) return {StreamStatus::kOk, **message};
    if (eagerness == Eagerness::kArrived && bytes_->take_drained()) {
      reader_.release_if_empty();
      return {StreamStatus::kWantsRead, {}};
    }
    const StreamProgress progress = bytes_->read(reader_.prepare());
    if (progress.status != StreamStatus::kOk) {
      reader_.release_if_empty();
      return {progress.status, {}};
    }
    reader_.commit(progress.bytes);
  }
}

void MessageStream::drop_queue() {
  const std::size_t kept = is_front_offered_ ? 1 : 0;
  queue_.resize(kept);
  queued_bytes_ = staged_end_ - staged_begin_;
  if (kept > 0) queued_bytes_ += queue_.front()->size() - front_written_;
}

const Error& MessageStream::error() const { return frame_error_ ? *frame_error_ : bytes_->error(); }

}  // namespace odb::net
