#include "odb/core/object_table.h"

#include "odb/core/error.h"

namespace odb {

namespace {

// How many ids one child of a node of this level covers.
std::uint64_t span_of_child(int level) { return std::uint64_t{1} << (level * 6); }

// The first of the ids that a root of this level which covers `id` covers.
std::uint64_t base_of(std::uint64_t id, int level, int level_max) {
  return level == level_max ? 0 : id & ~(span_of_child(level + 1) - 1);
}

}  // namespace

ObjectTable::~ObjectTable() {
  const auto destroy = [](const auto& self, Node* node) -> void {
    for (auto& child : node->child) {
      void* pointer = child.load(std::memory_order_relaxed);
      if (pointer == nullptr) continue;
      if (node->level > 0) {
        self(self, static_cast<Node*>(pointer));
        continue;
      }
      for (Row* row = static_cast<Row*>(pointer); row != nullptr;) {
        Row* older = row->mutable_previous();
        Row::destroy(row);
        row = older;
      }
    }
    delete node;
  };
  if (Node* root = root_.load(std::memory_order_relaxed)) destroy(destroy, root);
}

ObjectTable::Found ObjectTable::find_in(const Node* node, std::uint64_t from, std::uint64_t base) {
  const std::uint64_t span = span_of_child(node->level);
  const std::size_t first = from <= base ? 0 : (from - base) / span;
  for (std::size_t i = first; i < kFanout; ++i) {
    const void* pointer = node->child[i].load(std::memory_order_acquire);
    if (pointer == nullptr) continue;
    const std::uint64_t child_base = base + i * span;
    if (node->level == 0) return {ObjectId{child_base}, static_cast<const Row*>(pointer)};
    const Found found = find_in(static_cast<const Node*>(pointer), from, child_base);
    if (found.newest != nullptr) return found;
  }
  return {};
}

ObjectTable::Found ObjectTable::find_from(ObjectId from) const {
  const Node* root = root_.load(std::memory_order_acquire);
  if (root == nullptr || (!covers(root, from) && from.value > root->base)) return {};
  return find_in(root, from.value, root->base);
}

void ObjectTable::grow_to(ObjectId id) {
  Node* root = root_.load(std::memory_order_relaxed);
  if (root == nullptr) {
    root = new Node(0, base_of(id.value, 0, kLevelMax));
    root_.store(root, std::memory_order_release);
  }
  while (!covers(root, id)) {
    // Readers that still hold the old root miss only ids that no version of theirs has.
    const int level = root->level + 1;
    Node* taller = new Node(level, base_of(root->base, level, kLevelMax));
    taller->child[digit(ObjectId{root->base}, level)].store(root, std::memory_order_relaxed);
    taller->used = 1;
    root_.store(taller, std::memory_order_release);
    root = taller;
  }
}

void ObjectTable::put(ObjectId id, Row* row) {
  ODB_CHECK(row != nullptr);
  grow_to(id);
  Node* node = root_.load(std::memory_order_relaxed);
  while (node->level > 0) {
    auto& child = node->child[digit(id, node->level)];
    Node* below = static_cast<Node*>(child.load(std::memory_order_relaxed));
    if (below == nullptr) {
      below = new Node(node->level - 1);
      child.store(below, std::memory_order_release);
      ++node->used;
    }
    node = below;
  }
  auto& slot = node->child[digit(id, 0)];
  if (slot.load(std::memory_order_relaxed) == nullptr) ++node->used;
  slot.store(row, std::memory_order_release);
}

void ObjectTable::erase(ObjectId id, const std::function<void(Node*)>& retire) {
  std::array<Node*, kLevelMax + 1> path{};
  int depth = 0;
  Node* node = root_.load(std::memory_order_relaxed);
  ODB_CHECK(node != nullptr && covers(node, id));
  for (;; ++depth) {
    path[static_cast<std::size_t>(depth)] = node;
    if (node->level == 0) break;
    node = static_cast<Node*>(node->child[digit(id, node->level)].load(std::memory_order_relaxed));
    ODB_CHECK(node != nullptr);
  }
  // Bottom up: an emptied node leaves its parent; the root stays.
  for (; depth >= 0; --depth) {
    node = path[static_cast<std::size_t>(depth)];
    auto& child = node->child[digit(id, node->level)];
    ODB_CHECK(child.load(std::memory_order_relaxed) != nullptr);
    child.store(nullptr, std::memory_order_release);
    if (--node->used > 0 || depth == 0) return;
    retire(node);
  }
}

void ObjectTable::free_node(Node* node) { delete node; }

}  // namespace odb
