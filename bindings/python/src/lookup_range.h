// Look-ups by range: the class methods lookupRange, countRange and count.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "lookup.h"
#include "odb/core/index_scan.h"
#include "odb/core/interest.h"
#include "python.h"

namespace odb::python {

struct Binding;

// A part of an index of one type, and which of its entries are wanted.
struct RangeQuery {
  std::size_t index = 0;      // position in the definition
  std::vector<Value> prefix;  // values of the first fields of the index
  std::optional<RangeBound> lower;
  std::optional<RangeBound> upper;
  RangeOptions options;

  IndexRange range(const Binding& binding) const;
};

// The arguments of lookupRange: `name` (null, or a text) and keywords. Raises TypeError when they
// name no index, or no part of one.
RangeQuery parse_range(const TypeDefinition& definition, Bindings& bindings, PyObject* name,
                       const std::vector<Keyword>& keywords);

PyObject* lookup_range(PyObject* cls, PyObject* const* args, Py_ssize_t count, PyObject* names);
PyObject* count_range(PyObject* cls, PyObject* const* args, Py_ssize_t count, PyObject* names);
PyObject* count_objects(PyObject* cls, PyObject* const* args, Py_ssize_t count, PyObject* names);

}  // namespace odb::python
