// object_database._odb: the part of the Python package that is in C++. What users see stands in the
// Python files beside it.
#include "callback.h"
#include "codec.h"
#include "connection.h"
#include "current.h"
#include "errors.h"
#include "field.h"
#include "lookup_result.h"
#include "object_handle.h"
#include "peek.h"
#include "reactor.h"
#include "struct_value.h"
#include "timestamp.h"
#include "view.h"

PYBIND11_MODULE(_odb, module) {
  using namespace odb::python;
  initialize_timestamps();
  initialize_current();
  register_exceptions();
  register_struct_value(module);
  register_codecs(module);
  register_object_handle(module);
  register_field_descriptor(module);
  register_lookup_result(module);
  register_peek(module);
  register_views(module);
  register_reactor(module);
  register_connection(module);
}
