#include "odb/net/random.h"

#include <openssl/rand.h>

#include <array>
#include <cstring>

#include "odb/core/error.h"

namespace odb::net {
namespace {

template <class Id>
Id make_id() {
  Id id;
  random_bytes(std::as_writable_bytes(std::span(&id.high, 1)));
  random_bytes(std::as_writable_bytes(std::span(&id.low, 1)));
  return id;
}

}  // namespace

void random_bytes(std::span<std::byte> out) {
  const int result =
      RAND_bytes(reinterpret_cast<unsigned char*>(out.data()), static_cast<int>(out.size()));
  ODB_CHECK(result == 1);
}

HistoryId make_history_id() { return make_id<HistoryId>(); }

ClientId make_client_id() { return make_id<ClientId>(); }

}  // namespace odb::net
