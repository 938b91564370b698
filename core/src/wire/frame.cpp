#include "odb/wire/frame.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <string>

#include "wire/frame_header.h"

namespace odb::wire {
namespace {

static_assert(std::endian::native == std::endian::little, "frames and Cap'n Proto read in place");

constexpr std::size_t kAlignment = 8;

// A TLS record carries at most 16 KiB; what is on top holds the beginning of a small message, so
// that the buffer is compacted rather than grown.
constexpr std::size_t kRoomMin = 16 * 1024;
constexpr std::size_t kCapacityUsual = kRoomMin + 4 * 1024;

}  // namespace

std::size_t framed_bytes(std::size_t payload_bytes) {
  const std::size_t frames = (payload_bytes + kFramePayloadBytesMax - 1) / kFramePayloadBytesMax;
  return payload_bytes + frames * kFrameHeaderBytes;
}

void append_frames(Bytes& out, std::span<const std::byte> payload) {
  ODB_CHECK(!payload.empty() && payload.size() % kAlignment == 0);
  const std::size_t needed = out.size() + framed_bytes(payload.size());
  if (needed > out.capacity()) out.reserve(std::max(needed, 2 * out.capacity()));
  while (!payload.empty()) {
    const auto part = payload.first(std::min(payload.size(), kFramePayloadBytesMax));
    payload = payload.subspan(part.size());
    std::byte header[kFrameHeaderBytes] = {};
    write_frame_header(header, part.size(), payload.empty() ? std::uint8_t{0} : kMoreFragments);
    out.insert(out.end(), std::begin(header), std::end(header));
    out.insert(out.end(), part.begin(), part.end());
  }
}

FrameReader::FrameReader(std::size_t message_bytes_max) : message_bytes_max_(message_bytes_max) {}

void FrameReader::set_message_bytes_max(std::size_t bytes) {
  drop_delivered();
  message_bytes_max_ = bytes;
}

std::span<std::byte> FrameReader::prepare() {
  drop_delivered();
  if (buffered() == 0) begin_ = end_ = 0;
  const std::size_t wanted = capacity_wanted();
  // One large frame is seldom alone: the buffer keeps its size until a small one has come.
  const bool oversized =
      capacity_ > kCapacityUsual && wanted == kCapacityUsual && last_frame_bytes_ <= kCapacityUsual;
  if (capacity_ < wanted || oversized) {
    move_to(wanted);
  } else if (capacity_ - end_ < std::max(kRoomMin, wanted - kRoomMin - buffered())) {
    std::memmove(buffer_.get(), buffer_.get() + begin_, buffered());
    end_ -= begin_;
    begin_ = 0;
  }
  return {buffer_.get() + end_, capacity_ - end_};
}

// Room for the frame that has begun, and for a read that runs over its end.
std::size_t FrameReader::capacity_wanted() const {
  std::size_t frame_bytes = buffered();
  if (buffered() >= kFrameHeaderBytes) {
    // A header that next() will refuse claims no room.
    if (const auto header = read_header()) {
      frame_bytes = std::max(frame_bytes, header->payload_bytes + kFrameHeaderBytes);
    }
  }
  return std::max(kCapacityUsual, frame_bytes + kRoomMin);
}

void FrameReader::move_to(std::size_t capacity) {
  auto buffer = std::make_unique_for_overwrite<std::byte[]>(capacity);
  if (buffered() > 0) std::memcpy(buffer.get(), buffer_.get() + begin_, buffered());
  end_ -= begin_;
  begin_ = 0;
  buffer_ = std::move(buffer);
  capacity_ = capacity;
}

void FrameReader::drop_delivered() {
  if (!message_delivered_) return;
  message_ = Bytes();  // gives the memory back: messages in fragments are large and seldom
  message_delivered_ = false;
}

void FrameReader::commit(std::size_t bytes) {
  ODB_CHECK(bytes <= capacity_ - end_);
  drop_delivered();
  if (!error_) end_ += bytes;  // a lost stream holds nothing
}

void FrameReader::release_if_empty() {
  drop_delivered();
  if (buffered() > 0) return;
  buffer_.reset();
  capacity_ = begin_ = end_ = 0;
}

Result<FrameReader::Header> FrameReader::read_header() const {
  const std::byte* at = buffer_.get() + begin_;
  std::uint32_t size;
  std::memcpy(&size, at, sizeof size);
  const auto flags = std::to_integer<std::uint8_t>(at[5]);
  if (at[4] != std::byte{kFrameMagic}) {
    return Error{ErrorCode::kMalformedFrame,
                 "frame header without the mark 0xDB: the peer does not speak odb's protocol"};
  }
  if (flags > kMoreFragments || at[6] != std::byte{0} || at[7] != std::byte{0}) {
    return Error{ErrorCode::kMalformedFrame, "frame header with unknown flags"};
  }
  if (size > kFramePayloadBytesMax) {
    return Error{ErrorCode::kFrameTooLarge, "frame with " + std::to_string(size) +
                                                " bytes of payload, expected at most " +
                                                std::to_string(kFramePayloadBytesMax)};
  }
  if (size == 0 || size % kAlignment != 0) {
    return Error{ErrorCode::kMalformedFrame, "frame with " + std::to_string(size) +
                                                 " bytes of payload, expected a multiple of 8"};
  }
  if (size > message_bytes_max_ || message_.size() > message_bytes_max_ - size) {
    return Error{ErrorCode::kMessageTooLarge,
                 "message of " + std::to_string(message_.size() + size) +
                     " bytes or more, expected at most " + std::to_string(message_bytes_max_)};
  }
  return Header{size, flags == kMoreFragments};
}

Result<std::optional<std::span<const std::byte>>> FrameReader::next() {
  drop_delivered();
  if (error_) return *error_;
  while (buffered() >= kFrameHeaderBytes) {
    const auto header = read_header();
    if (!header) {
      error_ = header.error();
      message_ = Bytes();
      begin_ = end_ = 0;
      return *error_;
    }
    const std::size_t frame_bytes = kFrameHeaderBytes + header->payload_bytes;
    if (buffered() < frame_bytes) break;
    const std::span<const std::byte> payload(buffer_.get() + begin_ + kFrameHeaderBytes,
                                             header->payload_bytes);
    begin_ += frame_bytes;
    last_frame_bytes_ = frame_bytes;
    if (message_.empty() && !header->more) return std::optional(payload);
    message_.insert(message_.end(), payload.begin(), payload.end());
    if (!header->more) {
      message_delivered_ = true;
      return std::optional(std::span<const std::byte>(message_));
    }
  }
  return std::optional<std::span<const std::byte>>();
}

}  // namespace odb::wire
