// Value: one immutable datum of any type that odb stores.
#pragma once

#include <atomic>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "odb/core/ids.h"

namespace odb {

using Bytes = std::vector<std::byte>;

// The order of the enumerators is the order between values of different kinds. The numbers are part
// of the canonical encoding (key_codec.h) and never change.
enum class ValueKind : std::uint8_t {
  kNone,
  kBool,
  kInt,
  kFloat,
  kText,
  kData,
  kTimestamp,
  kReference,
  kList,
  kTuple,
  kDict,
  kStruct,
  kVariant,
  kNotLoaded,  // only in rows of a client that subscribes lazily: the server has the value
};

std::string_view to_string(ValueKind kind);

// Sixteen bytes: numbers, references and up to 14 bytes of text or data inline, everything larger
// in one immutable block shared by reference count. Copies are cheap and may be used and destroyed
// on any thread; one Value object itself belongs to one thread at a time, as an int does.
//
// Comparing, hashing, encoding and destroying recurse into nested values, so nesting is bounded: a
// factory throws std::length_error for a value of more than kNestingMax levels, or whose block
// would exceed 4 GiB. What odb stores is bounded more tightly, see kDepthMax in type.h.
class Value {
 public:
  static constexpr std::size_t kNestingMax = 255;

  Value() noexcept { clear(); }  // none
  Value(const Value& other) noexcept {
    std::memcpy(raw_, other.raw_, sizeof raw_);
    if (on_heap()) block()->references.fetch_add(1, std::memory_order_relaxed);
  }
  Value(Value&& other) noexcept {
    std::memcpy(raw_, other.raw_, sizeof raw_);
    other.clear();
  }
  Value& operator=(const Value& other) noexcept {
    Value copy(other);
    swap(copy);
    return *this;
  }
  Value& operator=(Value&& other) noexcept {
    Value moved(std::move(other));  // releases the old value now, not when `other` ends
    swap(moved);
    return *this;
  }
  ~Value() {
    if (on_heap()) release();
  }
  void swap(Value& other) noexcept {
    // std::swap of the arrays would go byte by byte.
    unsigned char mine[sizeof raw_];
    unsigned char theirs[sizeof raw_];
    std::memcpy(mine, raw_, sizeof raw_);
    std::memcpy(theirs, other.raw_, sizeof raw_);
    std::memcpy(raw_, theirs, sizeof raw_);
    std::memcpy(other.raw_, mine, sizeof raw_);
  }

  static Value none() { return Value(); }
  static Value not_loaded() { return of_number(ValueKind::kNotLoaded, 0); }
  static Value boolean(bool value) { return of_number(ValueKind::kBool, value ? 1 : 0); }
  static Value integer(std::int64_t value) { return of_number(ValueKind::kInt, value); }
  static Value real(double value) {
    Value out;
    out.store(0, value);
    out.set_kind(ValueKind::kFloat);
    return out;
  }
  static Value text(std::string_view utf8);  // not validated here: see check_fits
  static Value data(std::span<const std::byte> bytes);
  static Value timestamp(std::int64_t nanoseconds_utc) {  // since 1970-01-01
    return of_number(ValueKind::kTimestamp, nanoseconds_utc);
  }
  static Value reference(TypeId type, ObjectId object) {
    Value out = of_number(ValueKind::kReference, static_cast<std::int64_t>(object.value));
    out.store(8, type.value);
    return out;
  }
  static Value list(std::vector<Value> elements);
  static Value tuple(std::vector<Value> elements);
  // Sorted by key; of equal keys the last one given stays.
  static Value dict(std::vector<std::pair<Value, Value>> entries);
  static Value structure(std::vector<Value> fields);  // in the order of the type
  static Value variant(std::uint32_t alternative, std::vector<Value> fields);

  ValueKind kind() const { return static_cast<ValueKind>(raw_[15] & ~kHeapBit); }
  bool is_none() const { return kind() == ValueKind::kNone; }
  bool is_loaded() const { return raw_[15] != static_cast<std::uint8_t>(ValueKind::kNotLoaded); }

  // Each accessor requires the matching kind.
  bool as_bool() const { return raw_[0] != 0; }
  std::int64_t as_int() const { return load<std::int64_t>(0); }
  double as_float() const { return load<double>(0); }
  std::int64_t as_timestamp() const { return load<std::int64_t>(0); }
  // Valid as long as this Value is alive and unchanged.
  std::string_view as_text() const { return {static_cast<const char*>(bytes()), bytes_size()}; }
  std::span<const std::byte> as_data() const {
    return {static_cast<const std::byte*>(bytes()), bytes_size()};
  }
  ObjectId object() const { return ObjectId{load<std::uint64_t>(0)}; }
  TypeId object_type() const { return TypeId{load<std::uint32_t>(8)}; }
  std::uint32_t alternative() const { return load<std::uint32_t>(8); }

  // Elements of a list or tuple, fields of a struct or of a variant's alternative; of a dict the
  // keys and values in turn, in the order of the keys. Empty for every other kind.
  std::span<const Value> elements() const {
    if (kind() < ValueKind::kList || !on_heap()) return {};
    return {static_cast<const Value*>(block()->payload()), block()->size};
  }

  // Levels of nesting: 1 for a number or an empty list, 2 for a list of numbers, and so on.
  std::size_t depth() const { return kind() < ValueKind::kList ? 1 : raw_[14]; }

  // Bytes held outside this object, nested values included. Shared blocks count in full.
  std::size_t heap_bytes() const;

  // Total order over all values, equal to the order of their canonical encodings (key_codec.h):
  // kinds in the order of ValueKind, NaN equal to itself and after every number, -0.0 equal to 0.0,
  // text and data by their bytes, sequences by their first difference and else the shorter first.
  friend std::strong_ordering operator<=>(const Value& a, const Value& b);
  friend bool operator==(const Value& a, const Value& b);
  friend std::size_t hash_value(const Value& value);

 private:
  static constexpr std::uint8_t kHeapBit = 0x80;
  static constexpr std::size_t kInlineBytesMax = 14;

  struct Block {  // its payload follows: `size` bytes, or `size` values
    std::atomic<std::uint32_t> references;
    std::uint32_t size;
    void* payload() { return this + 1; }
  };

  template <class T>
  T load(std::size_t offset) const {
    T out;
    std::memcpy(&out, raw_ + offset, sizeof out);
    return out;
  }
  template <class T>
  void store(std::size_t offset, T value) {
    std::memcpy(raw_ + offset, &value, sizeof value);
  }
  void clear() { std::memset(raw_, 0, sizeof raw_); }
  void set_kind(ValueKind kind) { raw_[15] = static_cast<std::uint8_t>(kind); }
  bool on_heap() const { return (raw_[15] & kHeapBit) != 0; }
  Block* block() const { return load<Block*>(0); }
  const void* bytes() const { return on_heap() ? block()->payload() : raw_; }
  std::size_t bytes_size() const { return on_heap() ? block()->size : raw_[14]; }
  void release() {
    // The last owner needs no atomic subtraction: nobody else can copy from it any more.
    if (block()->references.load(std::memory_order_acquire) == 1 ||
        block()->references.fetch_sub(1, std::memory_order_acq_rel) == 1) {
      destroy_block();
    }
  }
  void destroy_block();
  void allocate(ValueKind kind, std::size_t size, std::size_t payload_bytes);
  static Value of_number(ValueKind kind, std::int64_t number) {
    Value out;
    out.store(0, number);
    out.set_kind(kind);
    return out;
  }
  static Value of_bytes(ValueKind kind, const void* bytes, std::size_t size);
  static Value of_elements(ValueKind kind, std::span<Value> elements);  // moves from them

  // [0, 8) number or block pointer, [8, 12) type or alternative, [15] the kind, with kHeapBit when
  // [0, 8) points to a block. Inline text and data take [0, 14) and their length is in [14]; of a
  // kind with elements [14] is the depth. All other bytes are zero, so that two equal values that
  // are inline and no floats have equal bytes.
  alignas(8) std::uint8_t raw_[16];
};

static_assert(sizeof(Value) == 16);

std::strong_ordering operator<=>(const Value& a, const Value& b);
bool operator==(const Value& a, const Value& b);

// For people and error messages, shortened to `bytes_max` bytes of valid UTF-8. Never for logs:
// values are user data.
std::string to_string(const Value& value, std::size_t bytes_max = 80);

}  // namespace odb

template <>
struct std::hash<odb::Value> {
  std::size_t operator()(const odb::Value& value) const { return hash_value(value); }
};
