// Row: one object's fields as one version left them.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "odb/core/ids.h"
#include "odb/core/value.h"

namespace odb {

// Immutable once published in a table, but for `version` and `previous`, which belong to the
// table's writer. One allocation: header, values, and one bit a field that says which ones this
// version wrote. A partial row also has room for a whole one, which may come later.
class Row {
 public:
  enum class Kind : std::uint8_t { kCreated, kUpdated, kDeleted };
  // Whether some values may be Value::not_loaded(): only at a client that subscribes lazily.
  enum class Extent : std::uint8_t { kWhole, kPartial };

  struct Deleter {
    void operator()(Row* row) const { Row::destroy(row); }
  };
  using Owner = std::unique_ptr<Row, Deleter>;

  // All fields none; a deleted row has no fields.
  static Owner create(Kind kind, Version version, std::uint32_t field_count,
                      Extent extent = Extent::kWhole);
  // A kUpdated row with the fields of `base`, widened to `field_count` with none; partial when
  // `base` is and has not been loaded.
  static Owner update(const Row& base, Version version, std::uint32_t field_count);
  static void destroy(Row* row);

  Row(const Row&) = delete;
  Row& operator=(const Row&) = delete;

  Kind kind() const { return kind_; }
  bool deleted() const { return kind_ == Kind::kDeleted; }
  Version version() const { return version_; }
  // The row that this one replaced; null for the first, and once the horizon has passed this
  // version.
  const Row* previous() const { return previous_; }

  // Fewer than the type has, when the object is older than its newest fields.
  std::span<const Value> fields() const { return {values(), field_count_}; }
  bool wrote(FieldId field) const {
    return field.value < field_count_ && (mask()[field.value / 64] >> (field.value % 64) & 1) != 0;
  }

  Extent extent() const { return extent_; }
  // The whole of a partial row; null while it has not been loaded.
  const Row* loaded() const {
    return extent_ == Extent::kWhole ? nullptr : whole()->load(std::memory_order_acquire);
  }
  // Once, under the table's writer, at any time.
  void set_loaded(Owner whole_row) const;

  // Of the row itself, without what its values hold elsewhere.
  std::size_t block_bytes() const {
    return sizeof(Row) + field_count_ * sizeof(Value) + mask_words() * sizeof(std::uint64_t) +
           (extent_ == Extent::kPartial ? sizeof(std::atomic<const Row*>) : 0);
  }

  // Before publication only.
  void set(FieldId field, Value value);
  std::span<Value> mutable_fields() { return {values(), field_count_}; }

  // For the table's writer.
  void set_version(Version version) { version_ = version; }
  void set_previous(Row* row) { previous_ = row; }
  Row* mutable_previous() { return previous_; }

 private:
  Row(Kind kind, Version version, std::uint32_t field_count, Extent extent)
      : version_(version), field_count_(field_count), kind_(kind), extent_(extent) {}

  Value* values() { return reinterpret_cast<Value*>(this + 1); }
  const Value* values() const { return reinterpret_cast<const Value*>(this + 1); }
  std::uint64_t* mask() { return reinterpret_cast<std::uint64_t*>(values() + field_count_); }
  const std::uint64_t* mask() const {
    return reinterpret_cast<const std::uint64_t*>(values() + field_count_);
  }
  std::size_t mask_words() const { return (field_count_ + 63) / 64; }
  // Behind the mask, of a partial row only. Filling it in changes no value that was there before.
  std::atomic<const Row*>* whole() const {
    return reinterpret_cast<std::atomic<const Row*>*>(
        const_cast<std::uint64_t*>(mask() + mask_words()));
  }

  Version version_;
  Row* previous_ = nullptr;
  std::uint32_t field_count_;
  Kind kind_;
  Extent extent_;
};

}  // namespace odb
