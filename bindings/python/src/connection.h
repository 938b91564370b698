// Connection: what object_database.DatabaseConnection derives from.
#pragma once

#include "python.h"

namespace odb::python {

void register_connection(py::module_& module);

}  // namespace odb::python
