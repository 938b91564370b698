// Mapping of recursive variants.
//
// Types of the database are trees, so such a value is stored as a list of nodes, its root first.
// Where a node holds another there stands a struct of one integer, `node`: the place in the list,
// always a later one than the holder's; 0 stands for the default. The empty list is the default as
// a whole.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "odb/client/mapping_base.h"
#include "odb/client/mapping_one_of.h"
#include "odb/client/recursive.h"

namespace odb {

// Of one stored value: nodes, a part that is held twice counting twice, and how deep they hold one
// another. ValueError beyond.
inline constexpr std::size_t kRecursiveNodesMax = 65'536;
inline constexpr std::size_t kRecursiveDepthMax = 1'000;

namespace detail {

[[noreturn]] void throw_too_many_nodes(std::size_t nodes_max);
[[noreturn]] void throw_nodes_too_deep(std::size_t depth_max);
[[noreturn]] void throw_misplaced_node(std::int64_t place);

inline std::size_t checked_node_depth(std::size_t depth) {
  if (depth > kRecursiveDepthMax) throw_nodes_too_deep(kRecursiveDepthMax);
  return depth;
}

}  // namespace detail

template <class... Alternatives>
struct Mapping<Recursive<Alternatives...>> {
  using T = Recursive<Alternatives...>;

  static constexpr ValueKinds kKinds = ValueKinds(ValueKind::kList) | ValueKind::kStruct;

  static Type type(const detail::ResolveReference& resolve) {
    if (Describing::current != nullptr) {
      return Type::structure("", {"node"}, {Type::integer()});
    }
    const Describing describing;
    return Type::list(Node::type(resolve));
  }

  static Value to_value(const T& value) {
    if (Writing* const writing = Writing::current; writing != nullptr) return writing->add(value);
    std::vector<Value> nodes = nodes_of(value);
    if (nodes.size() == 1 && value.value().index() == 0 && nodes == nodes_of(T())) nodes.clear();
    return Value::list(std::move(nodes));
  }

  static T from_value(const Value& value) {
    if (Reading* const reading = Reading::current; reading != nullptr) return reading->at(value);
    detail::expect_kind(value, ValueKind::kList);
    const std::span<const Value> stored = value.elements();
    if (stored.empty()) return T();
    if (stored.size() > kRecursiveNodesMax) detail::throw_too_many_nodes(kRecursiveNodesMax);
    Reading reading(stored.size());
    for (std::size_t i = stored.size(); i-- > 0;) reading.read(i, stored[i]);
    return std::move(reading.nodes[0]);
  }

 private:
  using Node = detail::NamedMapping<Alternatives...>;

  // What is being converted on this thread; inside it, a value of T is a part and no root.
  template <class Conversion>
  struct Current {
    static inline thread_local Conversion* current = nullptr;

    Current() : before(std::exchange(current, static_cast<Conversion*>(this))) {}
    ~Current() { current = before; }
    Current(const Current&) = delete;
    Current& operator=(const Current&) = delete;

    Conversion* before;
  };

  struct Describing : Current<Describing> {};

  struct Writing : Current<Writing> {
    Value add(const T& part) {
      if (part.node_ == nullptr) return Value::structure({Value::integer(0)});
      if (parts.size() == kRecursiveNodesMax) detail::throw_too_many_nodes(kRecursiveNodesMax);
      parts.push_back({&part.value(), detail::checked_node_depth(depth + 1)});
      return Value::structure({Value::integer(static_cast<std::int64_t>(parts.size() - 1))});
    }

    struct Part {
      const typename T::Variant* node;
      std::size_t depth;
    };
    std::vector<Part> parts;
    std::size_t depth = 0;  // of the node being written
  };

  struct Reading : Current<Reading> {
    explicit Reading(std::size_t count) : nodes(count), depths(count) {}

    void read(std::size_t place, const Value& stored) {
      reading = place;
      nodes[place] = std::visit([](auto alternative) { return T(std::move(alternative)); },
                                Node::from_value(stored));
      depths[place] = detail::checked_node_depth(depths[place] + 1);
    }
    T at(const Value& reference) {
      const auto place = detail::expect_elements(reference, ValueKind::kStruct, 1)[0].as_int();
      if (place == 0) return T();
      if (place <= static_cast<std::int64_t>(reading) ||
          place >= static_cast<std::int64_t>(nodes.size())) {
        detail::throw_misplaced_node(place);
      }
      depths[reading] = std::max(depths[reading], depths[static_cast<std::size_t>(place)]);
      return nodes[static_cast<std::size_t>(place)];
    }

    std::vector<T> nodes;
    std::vector<std::size_t> depths;  // of the one being read: of what it holds
    std::size_t reading = 0;
  };

  static std::vector<Value> nodes_of(const T& value) {
    Writing writing;
    writing.parts.push_back({&value.value(), 1});
    std::vector<Value> nodes;
    for (std::size_t i = 0; i < writing.parts.size(); ++i) {
      writing.depth = writing.parts[i].depth;
      nodes.push_back(Node::to_value(*writing.parts[i].node));
    }
    return nodes;
  }
};

}  // namespace odb
