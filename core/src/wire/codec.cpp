#include "odb/wire/codec.h"

#include <memory>
#include <string>
#include <utility>
#include <variant>

#include "wire/commit_encoder.h"
#include "wire/message_codec.h"
#include "wire/plain_commit.h"
#include "wire/read_context.h"
#include "wire/row_codec.h"
#include "wire/segment.h"

namespace odb::wire {
namespace {

constexpr std::size_t kSizeUnknown = 0;

// At least the size of a message whose size varies much, so that one attempt to build it is enough.
std::size_t size_hint(const Commit& message) { return encoded_bytes(message.request); }
std::size_t size_hint(const CommitsAccepted& message) { return message.commits.size() * 24; }
std::size_t size_hint(const Delta& message) { return encoded_bytes(message.changes); }
std::size_t size_hint(std::span<const Delta* const> deltas) {
  constexpr std::size_t kCommitBytes = 16;
  std::size_t bytes = 0;
  for (const Delta* delta : deltas) bytes += kCommitBytes + encoded_bytes(delta->changes);
  return bytes;
}
std::size_t size_hint(const SnapshotChunk& message) { return encoded_bytes_bound(message.rows); }
std::size_t size_hint(const ObjectsLoaded& message) { return encoded_bytes_bound(message.rows); }
template <class Message>
std::size_t size_hint(const Message&) {
  return kSizeUnknown;
}
template <class... Messages>
std::size_t size_hint(const std::variant<Messages...>& message) {
  return std::visit([](const auto& m) { return size_hint(m); }, message);
}

// Builds the message in one segment and gives its bytes to `sink`.
template <class Root, class Message, class Sink>
void build(const Message& message, Sink sink) {
  build_segment<Root>(
      size_hint(message), [&](typename Root::Builder root) { write_message(root, message); }, sink);
}

template <class Root, class Message>
void append(Bytes& out, const Message& message) {
  build<Root>(message, [&out](std::span<const std::byte> payload) {
    if (payload.size() > kMessageBytesMax) throw MessageTooLarge();
    append_frames(out, payload);
  });
}

template <class Root, class Message>
EncodedMessage encode_one(const Message& message) {
  auto bytes = std::make_shared<Bytes>();
  append<Root>(*bytes, message);
  return bytes;
}

// Fills in the message in place, for it is large to move.
template <class Root, class Message>
void decode(std::span<const std::byte> payload, Result<Message>& result) {
  auto read = read_segment<Root>(payload, [&](typename Root::Reader root, ReadContext& context) {
    read_message(root, context, *result);
  });
  if (!read) result = std::move(read.error());
}

}  // namespace

MessageTooLarge::MessageTooLarge()
    : std::length_error("a message would take more than " + std::to_string(kMessageBytesMax) +
                        " bytes") {}

void malformed(std::string message) {
  throw DecodeError{{ErrorCode::kMalformedMessage, "the message does not decode: " + message}};
}

void too_deep(std::string_view what) {
  throw DecodeError{{ErrorCode::kMessageTooDeep, std::string(what) + " nested more than " +
                                                     std::to_string(kDepthMax) + " levels deep"}};
}

EncodedMessage encode(const ClientMessage& message) {
  return encode_one<schema::ClientMessage>(message);
}
EncodedMessage encode(const ServerMessage& message) {
  return encode_one<schema::ServerMessage>(message);
}
EncodedMessage encode(const Commit& message) {
  auto bytes = std::make_shared<Bytes>();
  append_encoded(*bytes, message);
  return bytes;
}
EncodedMessage encode(const CommitsAccepted& message) {
  return encode_one<schema::ServerMessage>(message);
}
EncodedMessage encode(const Delta& message) { return encode_one<schema::ServerMessage>(message); }
EncodedMessage encode(std::span<const Delta* const> deltas) {
  return encode_one<schema::ServerMessage>(deltas);
}

void append_encoded(Bytes& out, const ClientMessage& message) {
  append<schema::ClientMessage>(out, message);
}
void append_encoded(Bytes& out, const ServerMessage& message) {
  append<schema::ServerMessage>(out, message);
}
void append_encoded(Bytes& out, const Commit& message) {
  if (append_in_one_frame(out, message)) return;
  append<schema::ClientMessage>(out, message);
}
void append_encoded(Bytes& out, const CommitDone& message) {
  append<schema::ServerMessage>(out, message);
}

Result<ClientMessage> decode_client_message(std::span<const std::byte> payload) {
  Result<ClientMessage> result{ClientMessage()};
  if (!read_plain_commit(payload, result->emplace<Commit>())) {
    decode<schema::ClientMessage>(payload, result);
  }
  return result;
}
Result<ServerMessage> decode_server_message(std::span<const std::byte> payload) {
  Result<ServerMessage> result{ServerMessage()};
  decode<schema::ServerMessage>(payload, result);
  return result;
}

}  // namespace odb::wire
