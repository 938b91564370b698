// MemoryLink: a two-way link inside the process whose owner decides what arrives when. For tests
// and the simulator: no threads, no clock, no randomness.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "odb/net/byte_stream.h"

namespace odb::net {

// Belongs, with both its ends, to one thread. The ends may outlive the link (nothing is delivered
// manually any more then).
class MemoryLink {
 public:
  enum class Direction : std::uint8_t { kToServer, kToClient };
  enum class Delivery : std::uint8_t {
    kAutomatic,  // written bytes are readable at once
    kManual,     // written bytes become readable when the owner delivers them
  };
  struct Options {
    std::size_t capacity_bytes = 64 * 1024;  // per direction: written and not yet read
    Delivery delivery = Delivery::kAutomatic;
    ChannelBinding binding{};                   // what channel_binding() gives at both ends
    std::string client_name = "memory-client";  // what peer() gives at the other end
    std::string server_name = "memory-server";
  };

  MemoryLink() : MemoryLink(Options()) {}
  explicit MemoryLink(Options options);
  ~MemoryLink();
  MemoryLink(const MemoryLink&) = delete;
  MemoryLink& operator=(const MemoryLink&) = delete;

  // The two ends, each to be taken once. An end destroyed without close() is a program that died:
  // its peer reads what was on the way and then fails with kDisconnected. After close() the peer
  // reads what was on the way and then kClosed.
  std::unique_ptr<ByteStream> take_client_end();
  std::unique_ptr<ByteStream> take_server_end();

  // Makes up to `bytes` written bytes readable and tells how many. The end of the stream arrives
  // with the last byte, or at the next call when no byte is on the way.
  std::size_t deliver(Direction direction, std::size_t bytes);
  std::size_t deliver_all(Direction direction);
  std::size_t deliver_all();  // both directions

  void set_delivery(Delivery delivery);

  // While a direction is blocked nothing is delivered, so its writer soon gets kWantsWrite.
  void block(Direction direction);
  void unblock(Direction direction);

  // Both ends fail with kDisconnected, a reader after the bytes already delivered; those on the way
  // are lost.
  void break_link();

  // Breaks the link as soon as `position` bytes of this direction, counted from its first, have
  // been delivered; not one more is. Breaks it at once when they have been already.
  void break_at(Direction direction, std::uint64_t position);

  bool is_broken() const;
  std::uint64_t bytes_written(Direction direction) const;
  std::uint64_t bytes_delivered(Direction direction) const;
  std::size_t bytes_on_the_way(Direction direction) const;

 private:
  struct State;
  class End;

  std::shared_ptr<State> state_;
};

}  // namespace odb::net
