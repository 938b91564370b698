// Messages to bytes and back. The only place, with its source, that knows Cap'n Proto.
#pragma once

#include <cstddef>
#include <span>
#include <stdexcept>

#include "odb/core/error.h"
#include "odb/core/messages.h"
#include "odb/wire/frame.h"

namespace odb::wire {

// No message may be larger. Limits on commits are far below, but what a commit leads to may add up:
// many objects that move into an index subscription at once, one object written in many commits.
inline constexpr std::size_t kMessageBytesMax = 256 * 1024 * 1024;

// Thrown by everything below that encodes.
class MessageTooLarge : public std::length_error {
 public:
  MessageTooLarge();
};

// Whole frames of `message`, headers included. Of a struct only what its kind gives a meaning
// travels, and the cells of a changeset in the order of its objects; the rest comes back empty.
EncodedMessage encode(const ClientMessage& message);
EncodedMessage encode(const ServerMessage& message);

// The same, appended to `out`, without an allocation when `out` has room.
void append_encoded(Bytes& out, const ClientMessage& message);
void append_encoded(Bytes& out, const ServerMessage& message);

// Hot messages, encoded straight from their parts.
void append_encoded(Bytes& out, const Commit& message);
void append_encoded(Bytes& out, const CommitDone& message);
EncodedMessage encode(const Commit& message);
EncodedMessage encode(const CommitsAccepted& message);
EncodedMessage encode(const Delta& message);
// As a Deltas.
EncodedMessage encode(std::span<const Delta* const> deltas);

// What a value, changes or a transaction take on the wire, without the message around them (under
// 150 bytes): what limits are checked against, and how large commits are cut into parts.
std::size_t encoded_bytes(const Value& value);
std::size_t encoded_bytes(const Changeset& changes);
std::size_t encoded_bytes(const CommitRequest& request);

// A message's payload (as FrameReader gives it, 8-byte aligned) back into a struct. Hostile bytes
// give kMalformedMessage or kMessageTooDeep, never more; a message kind of a newer peer gives
// UnknownMessage. Values are not checked against any schema here, text not for UTF-8. Takes memory
// in proportion to the payload, at most 16 times its size (a block of rows: 8 MiB more).
Result<ClientMessage> decode_client_message(std::span<const std::byte> payload);
Result<ServerMessage> decode_server_message(std::span<const std::byte> payload);

}  // namespace odb::wire
