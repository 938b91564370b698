#include "wire/payload.h"

#include <algorithm>
#include <cstring>

namespace odb::wire {

Bytes payload_of(const Bytes& frames) {
  FrameReader reader(kMessageBytesMax);
  std::span<const std::byte> left(frames);
  while (!left.empty()) {
    const auto room = reader.prepare();
    const auto part = left.first(std::min(room.size(), left.size()));
    std::memcpy(room.data(), part.data(), part.size());
    reader.commit(part.size());
    left = left.subspan(part.size());
    auto payload = reader.next();
    ODB_CHECK(payload.has_value());
    if (*payload) return Bytes((*payload)->begin(), (*payload)->end());
  }
  ODB_CHECK(false && "the frames of one message");
  return {};
}

Bytes payload_of(const ClientMessage& message) { return payload_of(*encode(message)); }
Bytes payload_of(const ServerMessage& message) { return payload_of(*encode(message)); }

Result<ClientMessage> decode_client(std::span<const std::byte> payload) {
  return decode_client_message(Bytes(payload.begin(), payload.end()));
}
Result<ServerMessage> decode_server(std::span<const std::byte> payload) {
  return decode_server_message(Bytes(payload.begin(), payload.end()));
}

}  // namespace odb::wire
