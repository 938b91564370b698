// Conflicts, and how commits ended, as Python objects.
#pragma once

#include "odb/client/database.h"
#include "python.h"
#include "session.h"
#include "type_definition.h"

namespace odb::python {

// A RevisionConflictException that names type, field and object, or index and value.
py::object conflict_exception(Session& session, Bindings& bindings, const Conflict& conflict);
// The result that onConfirmed hands over.
py::object outcome_to_python(const CommitOutcome& outcome, const Catalog& catalog);
// What commit() would have raised; None when it was accepted. `session` is null once it has ended.
py::object outcome_exception(Session* session, const CommitOutcome& outcome, Bindings& bindings);

}  // namespace odb::python
