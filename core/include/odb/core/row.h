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
// table's writer. One allocation: header, values, and in a row that updates one bit a field that
// says which ones this version wrote. A partial row also has room for a whole one, which may come
// later.
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

  Kind kind() const { return static_cast<Kind>(word() >> kKindShift & kKindMask); }
  bool deleted() const { return kind() == Kind::kDeleted; }
  Version version() const { return version_; }
  // The row that this one replaced; null for the first, and once the horizon has passed this one.
  // NOLINTNEXTLINE(performance-no-int-to-ptr): the pointer shares its word with smaller things.
  const Row* previous() const { return reinterpret_cast<const Row*>(word() >> kPreviousShift); }

  // Fewer than the type has, when the object is older than its newest fields.
  std::span<const Value> fields() const { return {values(), field_count()}; }
  // A row that is not an update wrote all that it has.
  bool wrote(FieldId field) const {
    if (field.value >= field_count()) return false;
    return !has_mask() || (mask()[field.value / 64] >> (field.value % 64) & 1) != 0;
  }

  Extent extent() const { return static_cast<Extent>(word() >> kExtentShift & 1); }
  // The whole of a partial row; null while it has not been loaded.
  const Row* loaded() const {
    return extent() == Extent::kWhole ? nullptr : whole()->load(std::memory_order_acquire);
  }
  // Once, under the table's writer, at any time.
  void set_loaded(Owner whole_row) const;

  // Of the row itself, without what its values hold elsewhere.
  std::size_t block_bytes() const {
    return sizeof(Row) + field_count() * sizeof(Value) + mask_words() * sizeof(std::uint64_t) +
           (extent() == Extent::kPartial ? sizeof(std::atomic<const Row*>) : 0);
  }

  // Before publication only.
  void set(FieldId field, Value value);
  std::span<Value> mutable_fields() { return {values(), field_count()}; }

  // For the table's writer.
  void set_version(Version version) { version_ = version; }
  void set_previous(Row* row);
  Row* mutable_previous() { return const_cast<Row*>(previous()); }

 private:
  Row(Kind kind, Version version, std::uint32_t field_count, Extent extent)
      : version_(version),
        word_(field_count | static_cast<std::uint64_t>(kind) << kKindShift |
              static_cast<std::uint64_t>(extent) << kExtentShift) {}

  // One word holds the number of fields, the kind, the extent, and above them the address of the
  // previous row: addresses of user space take 48 bits. Only that changes, and then the writer
  // stores the whole word, which readers load for the rest of it.
  static constexpr int kKindShift = 13;
  static constexpr std::uint64_t kKindMask = 3;
  static constexpr int kExtentShift = 15;
  static constexpr int kPreviousShift = 16;
  static constexpr std::uint64_t kFieldCountMask = (std::uint64_t{1} << kKindShift) - 1;

  std::uint64_t word() const { return word_.load(std::memory_order_relaxed); }
  std::uint32_t field_count() const { return static_cast<std::uint32_t>(word() & kFieldCountMask); }
  bool has_mask() const { return kind() == Kind::kUpdated; }

  Value* values() { return reinterpret_cast<Value*>(this + 1); }
  const Value* values() const { return reinterpret_cast<const Value*>(this + 1); }
  std::uint64_t* mask() { return reinterpret_cast<std::uint64_t*>(values() + field_count()); }
  const std::uint64_t* mask() const {
    return reinterpret_cast<const std::uint64_t*>(values() + field_count());
  }
  std::size_t mask_words() const { return has_mask() ? (field_count() + 63) / 64 : 0; }
  // Behind the mask, of a partial row only. Filling it in changes no value that was there before.
  std::atomic<const Row*>* whole() const {
    return reinterpret_cast<std::atomic<const Row*>*>(
        const_cast<std::uint64_t*>(mask() + mask_words()));
  }

  Version version_;
  std::atomic<std::uint64_t> word_;
};
static_assert(sizeof(Row) == 16, "there is one for each object");

}  // namespace odb
