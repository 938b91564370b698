#include "odb/core/row.h"

#include <cstring>
#include <new>

#include "odb/core/error.h"

namespace odb {

Row::Owner Row::create(Kind kind, Version version, std::uint32_t field_count) {
  const std::size_t mask_bytes = (field_count + 63) / 64 * sizeof(std::uint64_t);
  void* memory = ::operator new(sizeof(Row) + field_count * sizeof(Value) + mask_bytes);
  Row* row = new (memory) Row(kind, version, field_count);
  std::uninitialized_default_construct_n(row->values(), field_count);
  std::memset(row->mask(), 0, mask_bytes);
  return Owner(row);
}

Row::Owner Row::update(const Row& base, Version version, std::uint32_t field_count) {
  ODB_CHECK(field_count >= base.field_count_);
  Owner row = create(Kind::kUpdated, version, field_count);
  Value* to = row->values();
  for (const Value& value : base.fields()) *to++ = value;
  return row;
}

void Row::destroy(Row* row) {
  if (row == nullptr) return;
  std::destroy_n(row->values(), row->field_count_);
  row->~Row();
  ::operator delete(row);
}

void Row::set(FieldId field, Value value) {
  ODB_CHECK(field.value < field_count_);
  values()[field.value] = std::move(value);
  mask()[field.value / 64] |= std::uint64_t{1} << (field.value % 64);
}

}  // namespace odb
