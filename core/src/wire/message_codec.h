// The messages themselves: which union member, and its fields. Readers fill `out` in place.
#pragma once

#include <span>

#include "odb/core/messages.h"
#include "schemas/message.capnp.h"
#include "wire/read_context.h"

namespace odb::wire {

void write_message(schema::ClientMessage::Builder out, const ClientMessage& message);
void write_message(schema::ClientMessage::Builder out, const Commit& message);
void read_message(schema::ClientMessage::Reader in, ReadContext& context, ClientMessage& out);

void write_message(schema::ServerMessage::Builder out, const ServerMessage& message);
void write_message(schema::ServerMessage::Builder out, const CommitDone& message);
void write_message(schema::ServerMessage::Builder out, const CommitsAccepted& message);
void write_message(schema::ServerMessage::Builder out, const Delta& message);
void write_message(schema::ServerMessage::Builder out, std::span<const Delta* const> deltas);
void read_message(schema::ServerMessage::Reader in, ReadContext& context, ServerMessage& out);

// A kind without a member of its own in our schema: only the number is written.
template <class Builder>
void write_unknown(Builder out, const UnknownMessage& message) {
  auto bytes = capnp::AnyStruct::Builder(kj::mv(out)).getDataSection();
  static_assert(sizeof message.kind == 2);  // the union's tag is the first field
  bytes[0] = static_cast<kj::byte>(message.kind & 0xFF);
  bytes[1] = static_cast<kj::byte>(message.kind >> 8);
}

}  // namespace odb::wire
