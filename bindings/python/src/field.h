// FieldDescriptor: the attribute of a class that reads and writes one field through the current
// view.
#pragma once

#include "python.h"

namespace odb::python {

class TypeDefinition;

py::object make_field_descriptor(const TypeDefinition& definition, std::size_t position);
void set_field(const TypeDefinition& definition, std::size_t position, PyObject* handle,
               PyObject* value);

void register_field_descriptor(py::module_& module);

}  // namespace odb::python
