#include "sim_connection.h"

#include <utility>

#include "odb/wire/codec.h"

namespace odb::sim {

SimConnection::SimConnection(World& world, server::ServerCore& core,
                             std::unique_ptr<net::ByteStream> end, ClientId client, LinkFault fault)
    : world_(world),
      core_(core),
      messages_(std::move(end), server::kUnauthenticatedMessageBytesMax),
      watch_(world.checker, world.report, client),
      client_(client),
      fault_(fault),
      session_(&core.connect(*this, "sim", world.now)) {}

SimConnection::~SimConnection() { close(); }

void SimConnection::read() {
  if (phase_ != Phase::kOpen) return;
  bool gone = false;
  for (std::size_t budget = 1 + below(world_.random, 8); budget > 0; --budget) {
    if (session_->has_ended()) break;
    const net::MessageStream::Received received = messages_.receive();
    if (received.status == net::StreamStatus::kOk) {
      if (auto message = wire::decode_client_message(received.payload)) {
        world_.trace.add(received.payload);
        receive(*std::move(message), received.payload.size());
      } else {
        world_.report.fail("a client's message does not decode: " + message.error().message);
        session_->reject(message.error());
      }
      continue;
    }
    gone = received.status == net::StreamStatus::kClosed ||
           received.status == net::StreamStatus::kFailed;
    break;
  }
  if (messages_.bytes_received() != bytes_seen_) {
    bytes_seen_ = messages_.bytes_received();
    session_->note_received(world_.now);
  }
  if (gone) close();
}

void SimConnection::receive(ClientMessage message, std::size_t bytes) {
  if (auto* load = std::get_if<LoadObjects>(&message);
      load != nullptr && fault_ == LinkFault::kLoadsNewest) {
    load->version = core_.pipeline().published();
  }
  if (const auto* open = std::get_if<OpenSession>(&message); open != nullptr && open->resumes) {
    watch_.expect_resumption();
    is_resuming_ = true;
  }
  const bool is_goodbye = std::holds_alternative<Goodbye>(message);
  if (is_goodbye) world_.grace.on_goodbye(session_->connection());
  if (const auto* commit = std::get_if<Commit>(&message); commit != nullptr && commit->last) {
    world_.checker.on_copy(client_, commit->sequence);
  }
  const auto* flush = std::get_if<Flush>(&message);
  if (flush != nullptr && fault_ == LinkFault::kFlushesEarly) return flush_early(flush->request);
  session_->receive(std::move(message), bytes, world_.now);
  if (!is_goodbye && !is_taken_over_ && session_ != nullptr && session_->is_open()) {
    world_.grace.on_open(session_->connection());
  }
}

void SimConnection::read_late() {
  if (phase_ != Phase::kEnding) return;
  for (;;) {
    const net::MessageStream::Received received = messages_.receive();
    if (received.status != net::StreamStatus::kOk) return;
    const auto message = wire::decode_client_message(received.payload);
    if (message && std::holds_alternative<Commit>(*message)) ++world_.report.counts.late_copies;
  }
}

void SimConnection::send_snapshots() {
  if (phase_ == Phase::kOpen && session_->has_snapshots()) session_->send_snapshots(world_.now);
}

ServerMoment SimConnection::moment() const {
  return {core_.pipeline().published(), core_.state().horizon()};
}

void SimConnection::send(wire::EncodedMessage message) {
  if (phase_ == Phase::kClosed) return;
  // A message of the simulation fits in one frame.
  const std::span<const std::byte> frame(*message);
  auto decoded = wire::decode_server_message(frame.subspan(wire::kFrameHeaderBytes));
  if (!decoded) {
    return world_.report.fail("a server's message does not decode: " + decoded.error().message);
  }
  world_.trace.add(frame);
  // A session asks before each message: no queue grows beyond its limit and one message.
  if (!std::holds_alternative<Goodbye>(*decoded) &&
      queued_bytes() > core_.limits().session_queue_bytes_max) {
    world_.report.fail("a session sends into a queue that is over its limit");
  }
  const bool is_delta =
      std::holds_alternative<Delta>(*decoded) || std::holds_alternative<Deltas>(*decoded);
  if (is_delta && fault_ == LinkFault::kLosesDelta && chance(world_.random, 2)) return;
  if (is_delta && fault_ == LinkFault::kOvertakesDelta && !held_back_) {
    held_back_.emplace(std::move(message), *std::move(decoded));
    return;
  }
  if (fault_ == LinkFault::kOutcomeIsNoDelta) {
    if (auto* accepted = std::get_if<CommitsAccepted>(&*decoded)) {
      for (CommitsAccepted::Commit& commit : accepted->commits) commit.is_delta = false;
      return forward(wire::encode(*accepted), *decoded);
    }
  }
  if (fault_ == LinkFault::kFlushesEarly) {
    lagging_.emplace_back(std::move(message), *std::move(decoded));
    return;
  }
  if (is_delta && is_resuming_ && fault_ == LinkFault::kResumeSkipsDelta) return;
  if (is_delta && is_resuming_ && fault_ == LinkFault::kResumeRepeatsDelta) {
    forward(message, *decoded);
  }
  if (std::holds_alternative<Resumed>(*decoded)) is_resuming_ = false;
  forward(std::move(message), *decoded);
  if (auto held = std::exchange(held_back_, std::nullopt)) forward(held->first, held->second);
}

void SimConnection::forward(wire::EncodedMessage message, const ServerMessage& decoded) {
  watch_.on_sent(decoded, moment());
  if (const auto* delta = std::get_if<Delta>(&decoded)) told_ = delta->version;
  if (const auto* deltas = std::get_if<Deltas>(&decoded)) told_ = deltas->deltas.back().version;
  if (const auto* accepted = std::get_if<CommitsAccepted>(&decoded)) {
    told_ = std::max(told_, accepted->commits.back().version);
  }
  const auto* goodbye = std::get_if<Goodbye>(&decoded);
  if (goodbye != nullptr && goodbye->reason.code == ErrorCode::kSlowSubscriber) {
    ++world_.report.counts.slow_subscribers;
  }
  messages_.send(std::move(message));
}

// Before what the client was to be told first, which lags behind.
void SimConnection::flush_early(RequestId request) {
  messages_.send(wire::encode(ServerMessage(Flushed{request, told_})));
}

void SimConnection::drop_queue() {
  messages_.drop_queue();
  lagging_.clear();
  held_back_.reset();
}

void SimConnection::flush() {
  if (phase_ == Phase::kClosed) return;
  if (!lagging_.empty() && chance(world_.random, 2)) {
    for (const auto& [message, decoded] : std::exchange(lagging_, {})) forward(message, decoded);
  }
  const net::StreamStatus status = messages_.flush();
  const bool done = status == net::StreamStatus::kOk && lagging_.empty();
  const bool lost = status == net::StreamStatus::kClosed || status == net::StreamStatus::kFailed;
  // A link that failed may still give what had arrived before; read() meets the failure after that.
  if (phase_ == Phase::kEnding && (done || lost)) close();
}

void SimConnection::end() {
  if (phase_ != Phase::kOpen) return;
  if (!is_taken_over_) world_.grace.on_broken(session_->connection(), world_.now);
  phase_ = Phase::kEnding;
  ending_since_ = world_.now;
}

void SimConnection::tick() {
  if (phase_ == Phase::kEnding && world_.now - ending_since_ >= core_.limits().linger) close();
}

void SimConnection::close() {
  if (phase_ == Phase::kClosed) return;
  if (phase_ == Phase::kOpen && !is_taken_over_)
    world_.grace.on_broken(session_->connection(), world_.now);
  phase_ = Phase::kClosed;
  core_.disconnect(session_->id());
  session_ = nullptr;
  messages_.bytes().close();
}

void SimConnection::abandon() {
  phase_ = Phase::kClosed;
  session_ = nullptr;
}

}  // namespace odb::sim
