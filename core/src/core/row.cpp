#include "odb/core/row.h"

#include <cstring>
#include <memory>
#include <new>

#include "odb/core/error.h"

namespace odb {

Row::Owner Row::create(Kind kind, Version version, std::uint32_t field_count, Extent extent) {
  ODB_CHECK(field_count <= kFieldCountMask);
  const std::size_t mask_bytes =
      kind == Kind::kUpdated ? (field_count + 63) / 64 * sizeof(std::uint64_t) : 0;
  const std::size_t whole_bytes = extent == Extent::kPartial ? sizeof(std::atomic<const Row*>) : 0;
  void* memory =
      ::operator new(sizeof(Row) + field_count * sizeof(Value) + mask_bytes + whole_bytes);
  Row* row = new (memory) Row(kind, version, field_count, extent);
  std::uninitialized_default_construct_n(row->values(), field_count);
  std::memset(row->mask(), 0, mask_bytes);
  if (extent == Extent::kPartial) new (row->whole()) std::atomic<const Row*>(nullptr);
  return Owner(row);
}

Row::Owner Row::update(const Row& base, Version version, std::uint32_t field_count) {
  const Row* whole = base.loaded();
  const Row& from = whole == nullptr ? base : *whole;
  ODB_CHECK(field_count >= from.field_count());
  Owner row = create(Kind::kUpdated, version, field_count, from.extent());
  // Over values that are none, so nothing needs to be released: assigning costs ten times as much.
  std::uninitialized_copy(from.fields().begin(), from.fields().end(), row->values());
  return row;
}

void Row::set_loaded(Owner whole_row) const {
  ODB_CHECK(extent() == Extent::kPartial && loaded() == nullptr);
  whole()->store(whole_row.release(), std::memory_order_release);
}

void Row::destroy(Row* row) {
  if (row == nullptr) return;
  destroy(const_cast<Row*>(row->loaded()));
  std::destroy_n(row->values(), row->field_count());
  row->~Row();
  ::operator delete(row);
}

void Row::set(FieldId field, Value value) {
  ODB_CHECK(field.value < field_count());
  values()[field.value] = std::move(value);
  if (has_mask()) mask()[field.value / 64] |= std::uint64_t{1} << (field.value % 64);
}

void Row::set_previous(Row* row) {
  const auto address = reinterpret_cast<std::uint64_t>(row);
  ODB_CHECK(address >> (64 - kPreviousShift) == 0);
  constexpr std::uint64_t kOthers = (std::uint64_t{1} << kPreviousShift) - 1;
  word_.store((word() & kOthers) | address << kPreviousShift, std::memory_order_relaxed);
}

}  // namespace odb
