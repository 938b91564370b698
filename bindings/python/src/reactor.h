// What object_database.reactor stands on: a watch over what a function read.
#pragma once

#include <memory>

#include "python.h"
#include "session.h"

namespace odb::python {

py::object make_reactor(std::shared_ptr<Session> session);

void register_reactor(py::module_& module);

}  // namespace odb::python
