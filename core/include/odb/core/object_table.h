// ObjectTable: the rows of one type by identity, as a radix tree over the id. The root covers no
// more than the ids that there are, wherever they begin.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>

#include "odb/core/ids.h"
#include "odb/core/row.h"

namespace odb {

// One writer and any number of readers at once, without locks: nodes and slots are published with
// release stores and never move. What the writer unlinks is handed to the caller, who frees it when
// no reader can stand on it any more. No step of growth touches more than one path of 528-byte
// nodes.
class ObjectTable {
 public:
  struct Node;

  ObjectTable() = default;
  ~ObjectTable();  // frees all nodes and rows, before-images included
  ObjectTable(const ObjectTable&) = delete;
  ObjectTable& operator=(const ObjectTable&) = delete;

  // The newest row, a deleted one included; null when there is none. Any thread.
  const Row* newest(ObjectId id) const;

  // The row that a reader at `version` sees; null when the object does not exist then. Any thread
  // that pins a version that is not newer.
  const Row* at(ObjectId id, Version version) const { return visible(newest(id), version); }
  static const Row* visible(const Row* newest, Version version);

  // The smallest id at or after `from` that has a row of any kind, with that row; null at the end.
  struct Found {
    ObjectId id;
    const Row* newest = nullptr;
  };
  Found find_from(ObjectId from) const;

  // Writer only. The previous newest row is not freed: it is the caller's, usually as
  // row->previous().
  void put(ObjectId id, Row* row);
  Row* newest_for_writer(ObjectId id) { return const_cast<Row*>(newest(id)); }
  // Empties the slot. `retire` takes the nodes that became empty; the row stays the caller's.
  void erase(ObjectId id, const std::function<void(Node*)>& retire);
  static void free_node(Node* node);

  // Membership: creations and deletions.
  Version membership_modified() const { return membership_modified_; }
  void set_membership_modified(Version version) { membership_modified_ = version; }

 private:
  static constexpr int kBits = 6;
  static constexpr std::size_t kFanout = std::size_t{1} << kBits;
  static constexpr int kLevelMax = 10;  // 11 digits of 6 bits cover 64 bits

  static std::size_t digit(ObjectId id, int level) {
    return (id.value >> (level * kBits)) & (kFanout - 1);
  }

  static bool covers(const Node* root, ObjectId id);
  static Found find_in(const Node* node, std::uint64_t from, std::uint64_t base);
  void grow_to(ObjectId id);

  std::atomic<Node*> root_ = nullptr;
  Version membership_modified_;
};

// Level 0 holds rows, level n nodes of level n - 1.
struct ObjectTable::Node {
  explicit Node(int level_of_node, std::uint64_t first_id = 0)
      : base(first_id), level(level_of_node) {}

  std::array<std::atomic<void*>, kFanout> child{};
  const std::uint64_t base;  // of a root: the first id that it covers
  int level;
  std::uint32_t used = 0;  // writer only
};

// Reads are inline: they are what views spend their time on.

inline bool ObjectTable::covers(const Node* root, ObjectId id) {
  return root->level == kLevelMax || (id.value ^ root->base) >> ((root->level + 1) * kBits) == 0;
}

inline const Row* ObjectTable::newest(ObjectId id) const {
  const Node* node = root_.load(std::memory_order_acquire);
  if (node == nullptr || !covers(node, id)) return nullptr;
  while (node->level > 0) {
    node = static_cast<const Node*>(
        node->child[digit(id, node->level)].load(std::memory_order_acquire));
    if (node == nullptr) return nullptr;
  }
  return static_cast<const Row*>(node->child[digit(id, 0)].load(std::memory_order_acquire));
}

inline const Row* ObjectTable::visible(const Row* newest, Version version) {
  while (newest != nullptr && newest->version() > version) newest = newest->previous();
  return newest == nullptr || newest->deleted() ? nullptr : newest;
}

}  // namespace odb
