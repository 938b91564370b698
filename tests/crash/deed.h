// Deed: one transaction of a client, what it was to do, and what its client was told of it.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "list_append/history.h"
#include "schema.h"

namespace odb::crash {

struct Deed {
  std::int64_t number = 0;  // of its client's, as in the ledger
  list_append::Transaction noted;
  bool is_told = false;
  bool was_interrupted = false;  // the link broke while it was under way
  ErrorCode refused_with = ErrorCode::kNone;
  std::optional<Version> version;

  // What it does, if it takes effect.
  std::map<Ref<Counter>, std::int64_t> added;
  std::optional<Ref<Register>> raised;
  struct PairWrite {
    std::int64_t pair = 0;
    std::int64_t value = 0;
  };
  std::optional<PairWrite> paired;
  std::optional<Item> created;
  std::optional<std::string> deleted;  // name
};

// What is wrong, from any thread.
class Findings {
 public:
  void add(std::string what) {
    const std::lock_guard lock(mutex_);
    if (found_.size() < kKeptMax) found_.push_back(std::move(what));
  }
  std::vector<std::string> take() {
    const std::lock_guard lock(mutex_);
    return std::exchange(found_, {});
  }

 private:
  static constexpr std::size_t kKeptMax = 20;
  std::mutex mutex_;
  std::vector<std::string> found_;
};

}  // namespace odb::crash
