// Identifiers: one small type per idea, so that two integers are never confused.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace odb {

// A number that means one thing. `Tag` only tells the kinds apart.
template <class Tag, class Rep>
struct StrongId {
  using rep = Rep;

  Rep value = 0;

  friend constexpr auto operator<=>(const StrongId&, const StrongId&) = default;
  friend std::size_t hash_value(const StrongId& id) noexcept {
    // Fibonacci hashing: sequential numbers spread over the whole table.
    return static_cast<std::size_t>(id.value * 0x9E3779B97F4A7C15ull);
  }
};

using ObjectId = StrongId<struct ObjectIdTag, std::uint64_t>;  // never reused; 0 is no object
using TypeId = StrongId<struct TypeIdTag, std::uint32_t>;      // given by the server; 0 is no type
using FieldId = StrongId<struct FieldIdTag, std::uint32_t>;    // position of a field in its type
using IndexId = StrongId<struct IndexIdTag, std::uint32_t>;    // given by the server; 0 is no index
using Version = StrongId<struct VersionTag, std::uint64_t>;  // +1 per commit; 0 is the empty store
using Sequence =
    StrongId<struct SequenceTag, std::uint64_t>;  // numbers one client's commits, from 1
using SessionId = StrongId<struct SessionIdTag, std::uint64_t>;
using RequestId =
    StrongId<struct RequestIdTag, std::uint64_t>;  // chosen by the client, per session
using SubscriptionId = StrongId<struct SubscriptionIdTag, std::uint64_t>;  // chosen by the client

constexpr Version next(Version version) { return Version{version.value + 1}; }
constexpr Version previous(Version version) { return Version{version.value - 1}; }

// 128 random bits. `Tag` as in StrongId.
template <class Tag>
struct RandomId {
  std::uint64_t high = 0;
  std::uint64_t low = 0;

  friend constexpr auto operator<=>(const RandomId&, const RandomId&) = default;
  friend std::size_t hash_value(const RandomId& id) noexcept {
    return static_cast<std::size_t>(id.high ^ id.low);
  }
};

using HistoryId = RandomId<struct HistoryIdTag>;  // one unbroken run of versions
using ClientId = RandomId<struct ClientIdTag>;    // one client, over all its connections

// A consecutive run of identities that the server granted to one session.
struct IdRange {
  ObjectId first;
  std::uint64_t count = 0;

  bool contains(ObjectId id) const { return id.value - first.value < count && id >= first; }
  friend bool operator==(const IdRange&, const IdRange&) = default;
};

// Adds ranges to sorted, separate ones, which stay so.
void add_ranges(std::vector<IdRange>& ranges, const std::vector<IdRange>& more);

}  // namespace odb

template <class Tag, class Rep>
struct std::hash<odb::StrongId<Tag, Rep>> {
  std::size_t operator()(const odb::StrongId<Tag, Rep>& id) const noexcept {
    return hash_value(id);
  }
};
template <class Tag>
struct std::hash<odb::RandomId<Tag>> {
  std::size_t operator()(const odb::RandomId<Tag>& id) const noexcept { return hash_value(id); }
};
