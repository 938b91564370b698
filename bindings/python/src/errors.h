// Exceptions: object_database.exceptions, raised from C++.
#pragma once

#include <string>

#include "odb/client/errors.h"
#include "python.h"

namespace odb::python {

// Raises the class of this name in object_database.exceptions.
[[noreturn]] void raise(const char* class_name, const std::string& message);
[[noreturn]] void raise_type_error(const std::string& message);
[[noreturn]] void raise_usage(const std::string& message);

py::object exception_class(const char* class_name);

// Sets the Python error that stands for `exception`.
void set_error(const Exception& exception);

void register_exceptions();  // with pybind11

}  // namespace odb::python
