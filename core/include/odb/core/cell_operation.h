// What a cell operation demands of its field and does to the value that it finds.
#pragma once

#include <cstddef>
#include <span>

#include "odb/core/changeset.h"
#include "odb/core/error.h"
#include "odb/core/row.h"
#include "odb/core/schema.h"
#include "odb/core/type.h"
#include "odb/core/value.h"

namespace odb {

// Whether the operation can be done to a field of this type, which has passed check_type: set takes
// any value that fits; add an int or a float, as the field; append an element of a list; insert and
// erase a key, and insert a value, of a dict. kWrongType and the other codes of check_fits.
Result<void> check_operation(const CellOperation& operation, const Type& type);

// What `current` becomes. Requires that the operation passed check_operation for its type.
// kNumberOverflow when an int cannot hold the sum, kValueOutOfRange when a list or dict would grow
// beyond kElementsMax; then nothing is to happen. Inserting replaces an entry of the same key;
// erasing a key that is not there changes nothing.
Result<Value> apply_operation(const Value& current, const CellOperation& operation);

// Whether the operations, one after the other, can be done to an object. Requires that each passed
// check_operation for its field. The error names type and field. What the row has not loaded is
// taken to be possible.
Result<void> check_operations(std::span<const CellOperation> operations, const CatalogType& type,
                              const Row& row);

// Elements of one list and entries of one dict that append and insert go up to.
inline constexpr std::size_t kElementsMax = 1 << 24;

}  // namespace odb
