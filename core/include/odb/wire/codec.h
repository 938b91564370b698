// Messages to bytes and back. The only place, with its source, that knows Cap'n Proto.
#pragma once

#include <cstddef>
#include <span>

#include "odb/core/error.h"
#include "odb/core/messages.h"
#include "odb/wire/frame.h"

namespace odb::wire {

// Whole frames of `message`, headers included.
EncodedMessage encode(const ClientMessage& message);
EncodedMessage encode(const ServerMessage& message);

// The same, appended to `out`, without an allocation when `out` has room.
void append_encoded(Bytes& out, const ClientMessage& message);
void append_encoded(Bytes& out, const ServerMessage& message);

// Hot messages, encoded straight from their parts.
void append_encoded(Bytes& out, const Commit& message);
void append_encoded(Bytes& out, const CommitDone& message);

// A message's payload (as FrameReader gives it, 8-byte aligned) back into a struct. Hostile bytes
// give kMalformedMessage or kMessageTooDeep, never more; a message kind of a newer peer gives
// UnknownMessage. Values are not checked against any schema here, text not for UTF-8.
Result<ClientMessage> decode_client_message(std::span<const std::byte> payload);
Result<ServerMessage> decode_server_message(std::span<const std::byte> payload);

}  // namespace odb::wire
