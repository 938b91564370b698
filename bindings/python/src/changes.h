// Changes, reads, writes and conflicts as Python objects.
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
py::dict field_writes(PyTransaction& transaction);
// {(type, index name, values)}; (type, None, ()) for all objects of a type.
py::set index_reads(PyTransaction& transaction);
// (additions, removals): lists of (type, index name, values, object), as handlers get them.
py::tuple index_writes(PyTransaction& transaction);

// A RevisionConflictException that names type, field and object.
py::object conflict_exception(Session& session, const Catalog& catalog, const Conflict& conflict,
                              const std::string& message);
// The result that onConfirmed hands over.
py::object outcome_to_python(const CommitOutcome& outcome, const Catalog& catalog);
// What commit() would have raised; None when it was accepted. `session` is null once it has ended.
py::object outcome_exception(Session* session, const CommitOutcome& outcome,
                             const Catalog& catalog);

}  // namespace odb::python
