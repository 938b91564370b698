// Changes, reads and writes as Python objects.
#pragma once

#include "odb/client/database.h"
#include "python.h"
#include "view.h"

namespace odb::python {

// In all of them a field is a pair (object, field name), and the field name " exists" stands for
// the object itself: True when it was created, None when it was deleted. Types that this program
// does not define are left out.

// (writes, index additions, index removals, version): what a transaction handler is called with.
py::tuple change_arguments(Session& session, const Change& change);

py::set field_reads(PyTransaction& transaction);
// What was updated atomically is a list of AtomicOperation.
py::dict field_writes(PyTransaction& transaction);
// {(type, index name, values)}; (type, None, ()) for all objects of a type, and for a range
// (type, index name, values of the first fields, ((bound, value), ...)) with the bounds' keywords.
py::set index_reads(PyTransaction& transaction);
// (additions, removals): lists of (type, index name, values, object), as handlers get them.
py::tuple index_writes(PyTransaction& transaction);

}  // namespace odb::python
