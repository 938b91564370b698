// From messages to the bytes inside their frames, and back.
#pragma once

#include <capnp/message.h>

#include <span>

#include "odb/wire/codec.h"

namespace odb::wire {

// The payload of the one message whose frames these are, over all fragments.
Bytes payload_of(const Bytes& frames);
Bytes payload_of(const ClientMessage& message);
Bytes payload_of(const ServerMessage& message);

// decode_..._message on a copy of exactly that size, so that a sanitizer sees any byte read beyond.
Result<ClientMessage> decode_client(std::span<const std::byte> payload);
Result<ServerMessage> decode_server(std::span<const std::byte> payload);

// What the error is; kNone when there is none.
template <class T>
ErrorCode code_of(const Result<T>& result) {
  return result ? ErrorCode::kNone : result.error().code;
}

// A payload that our encoder would not write: fill(root) builds it.
template <class Root, class Fill>
Bytes hand_made(Fill fill) {
  capnp::MallocMessageBuilder builder(1 << 20);  // words: one segment
  fill(builder.initRoot<Root>());
  const auto segments = builder.getSegmentsForOutput();
  ODB_CHECK(segments.size() == 1);
  const auto bytes = segments[0].asBytes();
  const auto* begin = reinterpret_cast<const std::byte*>(bytes.begin());
  return Bytes(begin, begin + bytes.size());
}

}  // namespace odb::wire
