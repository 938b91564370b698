// SimConnection: the server's end of one link, as server/src/connection.h is for sockets.
#pragma once

#include <deque>
#include <memory>
#include <optional>

#include "model/message_watch.h"
#include "odb/net/message_stream.h"
#include "odb/server/server_core.h"
#include "world.h"

namespace odb::sim {

// What a link does wrong on purpose, to see the checker notice.
enum class LinkFault : std::uint8_t {
  kNone,
  kLosesDelta,
  kOvertakesDelta,
  kOutcomeIsNoDelta,
  kLoadsNewest,
  kFlushesEarly,
  kResumeSkipsDelta,
  kResumeRepeatsDelta,
};

class SimConnection final : public server::SessionLink {
 public:
  // A session's queue counts as this much longer than it is, so that short queues reach the limits
  // of long ones: 64 bytes pause a snapshot.
  static constexpr std::size_t kQueueScale = server::kSnapshotQueueBytes / 64;

  SimConnection(World& world, server::ServerCore& core, std::unique_ptr<net::ByteStream> end,
                ClientId client, LinkFault fault);
  ~SimConnection() override;

  // Takes in some of the messages that have arrived.
  void read();
  void send_snapshots();
  void flush();
  void tick();   // an end that lingers too long is cut off
  void close();  // at once; idempotent
  // Its server is gone, and does nothing more.
  void abandon();
  // What arrives when a newer session has taken over: looks for commits among it.
  void read_late();
  bool is_closed() const { return phase_ == Phase::kClosed; }
  bool is_of(const server::ServerCore& core) const { return &core_ == &core; }
  // Another server has taken over: nobody counts on what this one makes of its connections.
  void note_taken_over() { is_taken_over_ = true; }

  // SessionLink
  void send(wire::EncodedMessage message) override;
  std::size_t queued_bytes() const override { return messages_.queued_bytes() * kQueueScale; }
  std::size_t queued_bytes_with(std::size_t more) const override {
    return (messages_.queued_bytes() + more) * kQueueScale;
  }
  void drop_queue() override;
  void end() override;
  void set_message_bytes_max(std::size_t bytes) override { messages_.set_message_bytes_max(bytes); }
  net::ChannelBinding channel_binding() const override {
    return messages_.bytes().channel_binding();
  }

 private:
  enum class Phase { kOpen, kEnding, kClosed };

  void receive(ClientMessage message, std::size_t bytes);
  void forward(wire::EncodedMessage message, const ServerMessage& decoded);
  void flush_early(RequestId request);
  ServerMoment moment() const;

  World& world_;
  server::ServerCore& core_;
  net::MessageStream messages_;
  MessageWatch watch_;
  const ClientId client_;
  const LinkFault fault_;
  std::optional<std::pair<wire::EncodedMessage, ServerMessage>> held_back_;
  std::deque<std::pair<wire::EncodedMessage, ServerMessage>> lagging_;  // kFlushesEarly
  Version told_;
  server::Session* session_ = nullptr;
  Phase phase_ = Phase::kOpen;
  Time ending_since_;
  bool is_resuming_ = false;
  bool is_taken_over_ = false;
  std::uint64_t bytes_seen_ = 0;
};

}  // namespace odb::sim
