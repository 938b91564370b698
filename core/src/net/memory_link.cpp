#include "odb/net/memory_link.h"

#include <algorithm>
#include <array>
#include <limits>
#include <optional>
#include <utility>

#include "odb/core/value.h"

namespace odb::net {
namespace {

enum class Ending : std::uint8_t { kNone, kClosed, kAborted };

constexpr std::size_t kEverything = std::numeric_limits<std::size_t>::max();

// One direction. Its bytes: those already delivered and not yet read, then those on the way.
struct Pipe {
  Bytes bytes;
  std::size_t begin = 0;  // of what is in `bytes`: everything before was read
  std::size_t readable = 0;
  std::uint64_t written = 0;
  std::uint64_t delivered = 0;
  std::uint64_t read = 0;
  std::optional<std::uint64_t> break_position;
  bool is_blocked = false;
  Ending ending = Ending::kNone;
  bool ending_delivered = false;

  std::size_t held() const { return bytes.size() - begin; }
  std::size_t on_the_way() const { return held() - readable; }

  void append(std::span<const std::byte> more) {
    if (begin > 0 && begin >= bytes.size() / 2) {
      bytes.erase(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(begin));
      begin = 0;
    }
    bytes.insert(bytes.end(), more.begin(), more.end());
    written += more.size();
  }

  std::size_t take(std::span<std::byte> out) {
    const std::size_t count = std::min(out.size(), readable);
    std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(begin), count, out.begin());
    begin += count;
    readable -= count;
    read += count;
    return count;
  }

  void lose_what_is_on_the_way() { bytes.resize(begin + readable); }
};

MemoryLink::Direction opposite(MemoryLink::Direction direction) {
  return direction == MemoryLink::Direction::kToServer ? MemoryLink::Direction::kToClient
                                                       : MemoryLink::Direction::kToServer;
}

}  // namespace

struct MemoryLink::State {
  explicit State(Options given) : options(std::move(given)) {}

  Pipe& pipe(Direction direction) { return pipes[static_cast<std::size_t>(direction)]; }

  std::size_t deliver(Direction direction, std::size_t bytes_max) {
    Pipe& pipe = this->pipe(direction);
    if (is_broken || pipe.is_blocked) return 0;
    std::size_t count = std::min(bytes_max, pipe.on_the_way());
    if (pipe.break_position) {
      const std::uint64_t left =
          *pipe.break_position - std::min(*pipe.break_position, pipe.delivered);
      count = static_cast<std::size_t>(std::min<std::uint64_t>(count, left));
    }
    pipe.readable += count;
    pipe.delivered += count;
    if (pipe.break_position && pipe.delivered >= *pipe.break_position) {
      break_now();
    } else if (pipe.on_the_way() == 0 && pipe.ending != Ending::kNone) {
      pipe.ending_delivered = true;
    }
    return count;
  }

  void deliver_if_automatic(Direction direction) {
    if (options.delivery == Delivery::kAutomatic) deliver(direction, kEverything);
  }

  void break_now() {
    is_broken = true;
    for (Pipe& pipe : pipes) pipe.lose_what_is_on_the_way();
  }

  Options options;
  std::array<Pipe, 2> pipes;
  bool is_broken = false;
  bool is_client_taken = false;
  bool is_server_taken = false;
};

class MemoryLink::End final : public ByteStream {
 public:
  End(std::shared_ptr<State> state, Direction outgoing)
      : state_(std::move(state)), outgoing_(outgoing) {}
  ~End() override { finish(Ending::kAborted); }

  StreamProgress handshake() override {
    if (is_closed_) return {StreamStatus::kClosed};
    return state_->is_broken ? fail("the link broke") : StreamProgress{StreamStatus::kOk};
  }

  StreamProgress read(std::span<std::byte> out) override {
    if (is_closed_) return {StreamStatus::kClosed};
    Pipe& pipe = incoming();
    if (pipe.readable > 0) return {StreamStatus::kOk, pipe.take(out)};
    if (state_->is_broken) return fail("the link broke");
    if (!pipe.ending_delivered) return {StreamStatus::kWantsRead};
    if (pipe.ending == Ending::kClosed) return {StreamStatus::kClosed};
    return fail("the peer ended without closing it");
  }

  StreamProgress write(std::span<const std::byte> bytes) override {
    if (is_closed_) return {StreamStatus::kClosed};
    if (state_->is_broken) return fail("the link broke");
    if (incoming().ending_delivered) return fail("the peer closed it");
    Pipe& pipe = state_->pipe(outgoing_);
    const std::size_t capacity = state_->options.capacity_bytes;
    const std::size_t room = capacity - std::min(capacity, pipe.held());
    const std::size_t count = std::min(room, bytes.size());
    if (count == 0 && !bytes.empty()) return {StreamStatus::kWantsWrite};
    pipe.append(bytes.first(count));
    state_->deliver_if_automatic(outgoing_);
    return {StreamStatus::kOk, count};
  }

  bool has_buffered_input() const override {
    if (is_closed_) return false;
    const Pipe& pipe = incoming();
    return pipe.readable > 0 || pipe.ending_delivered || state_->is_broken;
  }

  ChannelBinding channel_binding() const override { return state_->options.binding; }
  int descriptor() const override { return -1; }
  std::uint64_t link_bytes_received() const override { return incoming().read; }
  std::uint64_t link_bytes_sent() const override { return state_->pipe(outgoing_).written; }
  void close() override { finish(Ending::kClosed); }
  const Error& error() const override { return error_; }
  std::string peer() const override {
    return outgoing_ == Direction::kToServer ? state_->options.server_name
                                             : state_->options.client_name;
  }

 private:
  Pipe& incoming() const { return state_->pipe(opposite(outgoing_)); }

  StreamProgress fail(const char* reason) {
    if (error_.code == ErrorCode::kNone) {
      error_ = {ErrorCode::kDisconnected, "the connection to " + peer() + " ended: " + reason};
    }
    return {StreamStatus::kFailed};
  }

  void finish(Ending ending) {
    if (is_closed_) return;
    is_closed_ = true;
    state_->pipe(outgoing_).ending = ending;
    state_->deliver_if_automatic(outgoing_);
  }

  std::shared_ptr<State> state_;
  Direction outgoing_;
  bool is_closed_ = false;
  Error error_;
};

MemoryLink::MemoryLink(Options options) : state_(std::make_shared<State>(std::move(options))) {}

MemoryLink::~MemoryLink() = default;

std::unique_ptr<ByteStream> MemoryLink::take_client_end() {
  ODB_CHECK(!std::exchange(state_->is_client_taken, true));
  return std::make_unique<End>(state_, Direction::kToServer);
}

std::unique_ptr<ByteStream> MemoryLink::take_server_end() {
  ODB_CHECK(!std::exchange(state_->is_server_taken, true));
  return std::make_unique<End>(state_, Direction::kToClient);
}

std::size_t MemoryLink::deliver(Direction direction, std::size_t bytes) {
  return state_->deliver(direction, bytes);
}

std::size_t MemoryLink::deliver_all(Direction direction) {
  return state_->deliver(direction, kEverything);
}

std::size_t MemoryLink::deliver_all() {
  const std::size_t to_server = deliver_all(Direction::kToServer);
  return to_server + deliver_all(Direction::kToClient);
}

void MemoryLink::set_delivery(Delivery delivery) {
  state_->options.delivery = delivery;
  state_->deliver_if_automatic(Direction::kToServer);
  state_->deliver_if_automatic(Direction::kToClient);
}

void MemoryLink::block(Direction direction) { state_->pipe(direction).is_blocked = true; }

void MemoryLink::unblock(Direction direction) {
  state_->pipe(direction).is_blocked = false;
  state_->deliver_if_automatic(direction);
}

void MemoryLink::break_link() { state_->break_now(); }

void MemoryLink::break_at(Direction direction, std::uint64_t position) {
  Pipe& pipe = state_->pipe(direction);
  pipe.break_position = position;
  if (pipe.delivered >= position) state_->break_now();
}

bool MemoryLink::is_broken() const { return state_->is_broken; }

std::uint64_t MemoryLink::bytes_written(Direction direction) const {
  return state_->pipe(direction).written;
}

std::uint64_t MemoryLink::bytes_delivered(Direction direction) const {
  return state_->pipe(direction).delivered;
}

std::size_t MemoryLink::bytes_on_the_way(Direction direction) const {
  return state_->pipe(direction).on_the_way();
}

}  // namespace odb::net
