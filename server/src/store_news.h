// News: what a store with a thread of its own has to tell the server, on its way there.
#pragma once

#include <cstdint>
#include <optional>
#include <variant>
#include <vector>

#include "odb/core/error.h"
#include "odb/core/ids.h"
#include "odb/server/store.h"

namespace odb::server {

// In order.
struct Durable {
  Version up_to;
};
struct Failed {
  Version from;
  Error reason;
  std::uint64_t generation;  // of the appends that count again
};
struct IdsReserved {
  ObjectId below;
};
struct Away {
  Error reason;
};
struct Back {};
struct Overdue {
  Version up_to;
};
struct Lost {
  Error reason;
};
using News = std::variant<Durable, Failed, IdsReserved, Away, Back, Overdue, Lost>;

// The end of the way: belongs to the server's thread.
class NewsTeller {
 public:
  void start(StoreListener& listener) { listener_ = &listener; }
  void tell(const News& news);

  // After a failure the server takes everything back. What it has appended before it learned of
  // that carries an older generation.
  std::uint64_t generation() const { return generation_; }
  // Why nothing is taken: the store is away, or lost.
  const std::optional<Error>& refusal() const { return refusal_; }

 private:
  StoreListener* listener_ = nullptr;
  std::uint64_t generation_ = 0;
  std::optional<Error> refusal_;
};

}  // namespace odb::server
