// World: what everything in one simulated run shares.
#pragma once

#include <chrono>
#include <cstdint>
#include <cstring>
#include <map>
#include <optional>
#include <span>
#include <vector>

#include "model/checker.h"
#include "model/grace_check.h"
#include "model/report.h"
#include "odb/core/core_schema.h"
#include "sim_schema.h"

namespace odb::sim {

using Time = std::chrono::steady_clock::time_point;

inline constexpr std::chrono::milliseconds kTickInterval{5};

// One number for everything that happened, to see that a seed always does the same.
class Trace {
 public:
  void add(std::uint64_t number) { hash_ = (hash_ ^ number) * 0x9E3779B97F4A7C15ull + 1; }
  void add(std::span<const std::byte> bytes) {
    add(bytes.size());
    for (std::size_t i = 0; i < bytes.size(); i += 8) {
      std::uint64_t word = 0;
      std::memcpy(&word, bytes.data() + i, std::min<std::size_t>(8, bytes.size() - i));
      add(word);
    }
  }
  std::uint64_t hash() const { return hash_; }

 private:
  std::uint64_t hash_ = 0;
};

struct World {
  explicit World(std::uint64_t seed) : random(seed) {}

  Random random;
  Time now{std::chrono::seconds(1)};  // the manual clock
  Report report;
  Checker checker{report};
  GraceCheck grace;
  Trace trace;
  std::map<TypeId, std::vector<ObjectId>> named;  // identities that programs have talked about
  std::vector<ObjectId> connections;              // of all clients that ever were
  std::uint64_t servers = 0;                      // that have begun

  // Mostly one that lives, sometimes one that is gone, or that a commit in flight creates.
  std::optional<ObjectId> pick_object(TypeId type) {
    const auto& living = checker.model().living(type);
    if (!living.empty() && chance(random, 85)) {
      return *std::next(living.begin(), static_cast<std::ptrdiff_t>(below(random, living.size())));
    }
    const CatalogType* described = checker.model().catalog().find(type);
    const bool is_connection = described != nullptr && described->name == connection_type_name();
    const auto& all = is_connection ? connections : named[type];
    if (all.empty()) return std::nullopt;
    const std::size_t recent = std::min<std::size_t>(all.size(), 8);
    return all[all.size() - 1 - below(random, recent)];
  }
  PickObject picker() {
    return [this](TypeId type) { return pick_object(type); };
  }
};

}  // namespace odb::sim
