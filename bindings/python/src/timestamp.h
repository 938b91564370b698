// Timestamps: between aware datetimes of Python and nanoseconds of UTC.
#pragma once

#include <cstdint>

#include "codec.h"

namespace odb::python {

void initialize_timestamps();  // once, before any other

// False when `object` is no datetime, is naive, or is out of range. Microseconds are kept exactly.
bool read_timestamp(PyObject* object, const Conversion& conversion, Value& out);
// In UTC, cut to microseconds: datetime has no more. Null with an error set.
PyObject* timestamp_to_python(std::int64_t nanoseconds);

}  // namespace odb::python
