#include "odb/wire/codec.h"

#include <capnp/message.h>
#include <kj/exception.h>

#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <variant>

#include "wire/message_codec.h"
#include "wire/read_context.h"
#include "wire/row_codec.h"
#include "wire/scratch.h"

namespace odb::wire {
namespace {

constexpr std::size_t kWordBytes = sizeof(capnp::word);
constexpr std::size_t kSizeUnknown = 0;

// At least the size of a message whose size varies much, so that one attempt to build it is enough.
std::size_t size_hint(const Commit& message) { return encoded_bytes(message.request); }
std::size_t size_hint(const Delta& message) { return encoded_bytes(message.changes); }
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
  constexpr std::size_t kEnvelopeWords = 64;
  std::size_t words = size_hint(message) / kWordBytes + kEnvelopeWords;
  try {
    for (;;) {
      ScratchSegment scratch(words);
      capnp::MallocMessageBuilder builder(scratch.words());
      write_message(builder.initRoot<Root>(), message);
      const auto segments = builder.getSegmentsForOutput();
      if (segments.size() == 1) {
        const auto bytes = segments[0].asBytes();
        return sink(std::span(reinterpret_cast<const std::byte*>(bytes.begin()), bytes.size()));
      }
      words = kEnvelopeWords;
      for (const auto segment : segments) words += segment.size();
    }
  } catch (const kj::Exception&) {
    throw MessageTooLarge();  // nothing but a size that does not fit Cap'n Proto's 2^29 fails here
  }
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

// Reading a message once takes its own size; columns are looked at twice.
capnp::ReaderOptions limits_for(std::size_t payload_bytes) {
  capnp::ReaderOptions options;
  options.traversalLimitInWords = 4 * (payload_bytes / kWordBytes) + 256;
  // A level of values or types takes two of Cap'n Proto's (list, struct), and types may hold a
  // literal. This limit is only the last resort: read_type and read_value enforce theirs first.
  options.nestingLimit = 2 * (kDepthMax + kDepthMax) + 32;
  return options;
}

bool is_aligned(const void* at) { return reinterpret_cast<std::uintptr_t>(at) % kWordBytes == 0; }

bool is_null_word(const std::byte* at) {
  std::uint64_t word;
  std::memcpy(&word, at, sizeof word);
  return word == 0;
}

// Foreign exceptions end here. What kj says names structure and sizes, never content.
Error translate(const kj::Exception& exception) {
  const kj::StringPtr description = exception.getDescription();
  const std::string said(description.begin(), description.size());
  const bool deep = said.find("too deeply-nested") != std::string::npos;
  return {deep ? ErrorCode::kMessageTooDeep : ErrorCode::kMalformedMessage,
          "the message does not decode: " + said.substr(0, 300)};
}

template <class Message, class Root>
Result<Message> decode(std::span<const std::byte> payload) {
  ODB_CHECK(is_aligned(payload.data()));
  if (payload.empty() || payload.size() % kWordBytes != 0) {
    return Error{ErrorCode::kMalformedMessage, "a message of " + std::to_string(payload.size()) +
                                                   " bytes, expected a multiple of 8"};
  }
  Result<Message> result{Message()};  // filled in place: a message is large to move
  try {
    const kj::ArrayPtr<const capnp::word> segment(
        reinterpret_cast<const capnp::word*>(payload.data()), payload.size() / kWordBytes);
    capnp::SegmentArrayMessageReader reader(kj::arrayPtr(&segment, 1), limits_for(payload.size()));
    ReadContext context(payload.size());
    // Cap'n Proto takes a null root for a struct of defaults, which here is always a mistake.
    if (is_null_word(payload.data())) malformed("it is empty");
    read_message(reader.getRoot<Root>(), context, *result);
  } catch (DecodeError& error) {
    result = std::move(error.error);
  } catch (const kj::Exception& exception) {
    result = translate(exception);
  }
  return result;
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
EncodedMessage encode(const Commit& message) { return encode_one<schema::ClientMessage>(message); }
EncodedMessage encode(const Delta& message) { return encode_one<schema::ServerMessage>(message); }

void append_encoded(Bytes& out, const ClientMessage& message) {
  append<schema::ClientMessage>(out, message);
}
void append_encoded(Bytes& out, const ServerMessage& message) {
  append<schema::ServerMessage>(out, message);
}
void append_encoded(Bytes& out, const Commit& message) {
  append<schema::ClientMessage>(out, message);
}
void append_encoded(Bytes& out, const CommitDone& message) {
  append<schema::ServerMessage>(out, message);
}

Result<ClientMessage> decode_client_message(std::span<const std::byte> payload) {
  return decode<ClientMessage, schema::ClientMessage>(payload);
}
Result<ServerMessage> decode_server_message(std::span<const std::byte> payload) {
  return decode<ServerMessage, schema::ServerMessage>(payload);
}

}  // namespace odb::wire
