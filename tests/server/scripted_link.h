// The server's end of a link that a test reads by hand.
#pragma once

#include <gtest/gtest.h>

#include <cstring>
#include <deque>
#include <utility>

#include "odb/net/byte_stream.h"
#include "odb/server/session.h"
#include "odb/wire/codec.h"
#include "odb/wire/frame.h"

namespace odb::test {

// The message that these frames hold.
inline ServerMessage decode(const wire::EncodedMessage& message) {
  wire::FrameReader reader(wire::kMessageBytesMax);
  std::span<const std::byte> rest(*message);
  for (;;) {
    auto payload = reader.next();
    EXPECT_TRUE(payload);
    if (!payload) return UnknownMessage{};
    if (payload->has_value()) {
      auto decoded = wire::decode_server_message(**payload);
      EXPECT_TRUE(decoded) << (decoded ? "" : decoded.error().message);
      return decoded ? *std::move(decoded) : ServerMessage(UnknownMessage{});
    }
    EXPECT_FALSE(rest.empty()) << "half a message";
    if (rest.empty()) return UnknownMessage{};
    const std::span<std::byte> room = reader.prepare();
    const std::size_t part = std::min(room.size(), rest.size());
    std::memcpy(room.data(), rest.data(), part);
    reader.commit(part);
    rest = rest.subspan(part);
  }
}

// Messages queue up until the test takes them, as in a socket whose peer reads when it wants to.
class ScriptedLink final : public server::SessionLink {
 public:
  explicit ScriptedLink(net::ChannelBinding binding = {}) : binding_(binding) {}

  bool is_empty() const { return queue_.empty(); }
  wire::EncodedMessage take_encoded() {
    wire::EncodedMessage message = std::move(queue_.front());
    queue_.pop_front();
    queued_bytes_ -= message->size();
    return message;
  }

  // From now on this much counts as queued, plus what is sent and minus what is taken; or again
  // what is.
  void pretend_queued(std::size_t bytes) { ballast_ = bytes - queued_bytes_; }
  void stop_pretending() { ballast_ = 0; }

  bool has_ended() const { return ended_; }
  std::size_t message_bytes_max() const { return message_bytes_max_; }

  // SessionLink
  void send(wire::EncodedMessage message) override {
    ASSERT_FALSE(ended_) << "a message after the end";
    queued_bytes_ += message->size();
    queue_.push_back(std::move(message));
  }
  std::size_t queued_bytes() const override { return queued_bytes_ + ballast_; }
  void drop_queue() override {
    queue_.clear();
    queued_bytes_ = 0;
  }
  void end() override {
    EXPECT_FALSE(ended_) << "ended twice";
    ended_ = true;
  }
  void set_message_bytes_max(std::size_t bytes) override { message_bytes_max_ = bytes; }
  net::ChannelBinding channel_binding() const override { return binding_; }

 private:
  const net::ChannelBinding binding_;
  std::deque<wire::EncodedMessage> queue_;
  std::size_t queued_bytes_ = 0;
  std::size_t ballast_ = 0;  // modulo 2^64, so that it may be "negative"
  std::size_t message_bytes_max_ = server::kUnauthenticatedMessageBytesMax;
  bool ended_ = false;
};

}  // namespace odb::test
