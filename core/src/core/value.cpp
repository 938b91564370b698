#include "odb/core/value.h"

#include <algorithm>
#include <limits>
#include <memory>
#include <new>
#include <stdexcept>

#include "core/ordered_float.h"

namespace odb {
namespace {

std::strong_ordering order(std::string_view a, std::string_view b) {
  return a.compare(b) <=> 0;  // compares as unsigned bytes
}

std::strong_ordering order(std::span<const Value> a, std::span<const Value> b) {
  const std::size_t common = std::min(a.size(), b.size());
  for (std::size_t i = 0; i < common; ++i) {
    if (const auto result = a[i] <=> b[i]; result != 0) return result;
  }
  return a.size() <=> b.size();
}

std::uint64_t mix(std::uint64_t seed, std::uint64_t word) {
  std::uint64_t hash = (seed ^ word) * 0x9E3779B97F4A7C15ull;
  hash ^= hash >> 32;
  hash *= 0xD6E8FEB86659FD93ull;
  return hash ^ (hash >> 29);
}

}  // namespace

std::string_view to_string(ValueKind kind) {
  switch (kind) {
    case ValueKind::kNone:
      return "none";
    case ValueKind::kBool:
      return "bool";
    case ValueKind::kInt:
      return "int";
    case ValueKind::kFloat:
      return "float";
    case ValueKind::kText:
      return "text";
    case ValueKind::kData:
      return "data";
    case ValueKind::kTimestamp:
      return "timestamp";
    case ValueKind::kReference:
      return "reference";
    case ValueKind::kList:
      return "list";
    case ValueKind::kTuple:
      return "tuple";
    case ValueKind::kDict:
      return "dict";
    case ValueKind::kStruct:
      return "struct";
    case ValueKind::kVariant:
      return "variant";
    case ValueKind::kNotLoaded:
      return "not loaded";
  }
  return "unknown kind";
}

void Value::allocate(ValueKind kind, std::size_t size, std::size_t payload_bytes) {
  if (payload_bytes > std::numeric_limits<std::uint32_t>::max()) {
    throw std::length_error("a value takes at most 4 GiB");
  }
  void* memory = ::operator new(sizeof(Block) + payload_bytes);
  store(0, ::new (memory) Block{{1}, static_cast<std::uint32_t>(size)});
  set_kind(kind);
  raw_[15] |= kHeapBit;
}

void Value::destroy_block() {
  Block* const block = this->block();
  if (kind() >= ValueKind::kList) {
    std::destroy_n(static_cast<Value*>(block->payload()), block->size);
  }
  block->~Block();
  ::operator delete(block);
}

Value Value::of_bytes(ValueKind kind, const void* bytes, std::size_t size) {
  Value out;
  if (size <= kInlineBytesMax) {
    if (size != 0) std::memcpy(out.raw_, bytes, size);
    out.raw_[14] = static_cast<std::uint8_t>(size);
    out.set_kind(kind);
  } else {
    out.allocate(kind, size, size);
    std::memcpy(out.block()->payload(), bytes, size);
  }
  return out;
}

Value Value::of_elements(ValueKind kind, std::span<Value> elements) {
  std::size_t depth = 1;
  for (const Value& element : elements) depth = std::max(depth, element.depth() + 1);
  if (depth > kNestingMax) throw std::length_error("a value nests at most 255 levels deep");
  Value out;
  if (elements.empty()) {
    out.set_kind(kind);
  } else {
    out.allocate(kind, elements.size(), elements.size_bytes());
    std::uninitialized_move(elements.begin(), elements.end(),
                            static_cast<Value*>(out.block()->payload()));
  }
  out.raw_[14] = static_cast<std::uint8_t>(depth);
  return out;
}

Value Value::text(std::string_view utf8) {
  return of_bytes(ValueKind::kText, utf8.data(), utf8.size());
}

Value Value::data(std::span<const std::byte> bytes) {
  return of_bytes(ValueKind::kData, bytes.data(), bytes.size());
}

Value Value::list(std::vector<Value> elements) { return of_elements(ValueKind::kList, elements); }

Value Value::tuple(std::vector<Value> elements) { return of_elements(ValueKind::kTuple, elements); }

Value Value::structure(std::vector<Value> fields) {
  return of_elements(ValueKind::kStruct, fields);
}

Value Value::variant(std::uint32_t alternative, std::vector<Value> fields) {
  Value out = of_elements(ValueKind::kVariant, fields);
  out.store(8, alternative);
  return out;
}

Value Value::dict(std::vector<std::pair<Value, Value>> entries) {
  const auto by_key = [](const auto& a, const auto& b) { return a.first < b.first; };
  if (!std::is_sorted(entries.begin(), entries.end(), by_key)) {
    std::stable_sort(entries.begin(), entries.end(), by_key);
  }
  std::vector<Value> flat;
  flat.reserve(entries.size() * 2);
  for (auto& [key, value] : entries) {
    if (!flat.empty() && flat[flat.size() - 2] == key) flat.resize(flat.size() - 2);
    flat.push_back(std::move(key));
    flat.push_back(std::move(value));
  }
  return of_elements(ValueKind::kDict, flat);
}

std::size_t Value::heap_bytes() const {
  if (!on_heap()) return 0;
  if (kind() < ValueKind::kList) return sizeof(Block) + block()->size;
  std::size_t total = sizeof(Block) + elements().size_bytes();
  for (const Value& element : elements()) total += element.heap_bytes();
  return total;
}

std::strong_ordering operator<=>(const Value& a, const Value& b) {
  if (a.kind() != b.kind()) return a.kind() <=> b.kind();
  switch (a.kind()) {
    case ValueKind::kNone:
    case ValueKind::kNotLoaded:
      return std::strong_ordering::equal;
    case ValueKind::kBool:
    case ValueKind::kInt:
    case ValueKind::kTimestamp:
      return a.as_int() <=> b.as_int();
    case ValueKind::kFloat:
      return ordered_bits(a.as_float()) <=> ordered_bits(b.as_float());
    case ValueKind::kText:
    case ValueKind::kData:
      return order(a.as_text(), b.as_text());
    case ValueKind::kReference:
      if (a.object_type() != b.object_type()) return a.object_type() <=> b.object_type();
      return a.object() <=> b.object();
    case ValueKind::kVariant:
      if (a.alternative() != b.alternative()) return a.alternative() <=> b.alternative();
      [[fallthrough]];
    case ValueKind::kList:
    case ValueKind::kTuple:
    case ValueKind::kDict:
    case ValueKind::kStruct:
      break;
  }
  if (a.on_heap() && b.on_heap() && a.block() == b.block()) return std::strong_ordering::equal;
  return order(a.elements(), b.elements());
}

bool operator==(const Value& a, const Value& b) {
  // Kind, depth or inline length, and type or alternative; of inline bytes also the last six. None
  // of them may differ, except that nothing of a float counts but the number.
  if (a.load<std::uint64_t>(8) != b.load<std::uint64_t>(8)) return false;
  if (a.load<std::uint64_t>(0) == b.load<std::uint64_t>(0)) return true;  // or one shared block
  if (a.kind() == ValueKind::kFloat)
    return ordered_bits(a.as_float()) == ordered_bits(b.as_float());
  if (!a.on_heap() || a.block()->size != b.block()->size) return false;
  if (a.kind() < ValueKind::kList) return a.as_text() == b.as_text();
  return std::ranges::equal(a.elements(), b.elements());
}

std::size_t hash_value(const Value& value) {
  const auto high = value.load<std::uint64_t>(8);
  if (!value.on_heap()) {
    const std::uint64_t low = value.kind() == ValueKind::kFloat ? ordered_bits(value.as_float())
                                                                : value.load<std::uint64_t>(0);
    return mix(mix(high, low), 0);
  }
  if (value.kind() < ValueKind::kList) {
    return mix(high, std::hash<std::string_view>()(value.as_text()));
  }
  std::uint64_t hash = mix(high, value.elements().size());
  for (const Value& element : value.elements()) hash = mix(hash, hash_value(element));
  return hash;
}

}  // namespace odb
