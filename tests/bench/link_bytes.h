// How many bytes this process has exchanged over its TCP connections, as the kernel counts them.
#pragma once

#include <cstdint>

namespace odb::bench {

struct LinkBytes {
  std::uint64_t sent = 0;
  std::uint64_t received = 0;
};

// Of all open TCP sockets of this process together: TLS records and what is in them.
LinkBytes link_bytes();

inline LinkBytes operator-(const LinkBytes& after, const LinkBytes& before) {
  return {after.sent - before.sent, after.received - before.received};
}

// What TLS 1.3 adds to the bytes of one record: header, content type, tag.
inline constexpr std::uint64_t kTlsRecordBytes = 22;

}  // namespace odb::bench
