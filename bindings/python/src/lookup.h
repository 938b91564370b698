// Look-ups: the class methods lookupAll, lookupOne, lookupAny and lookupUnique.
#pragma once

#include <vector>

#include "odb/core/value.h"
#include "python.h"

namespace odb::python {

class Bindings;
class TypeDefinition;
struct FieldInfo;
struct IndexInfo;

// What a look-up asks for.
struct IndexQuery {
  static constexpr std::size_t kWholeType = static_cast<std::size_t>(-1);

  std::size_t index = kWholeType;  // position in the definition
  std::vector<Value> values;       // one for each field of the index
};

// Keywords given to a look-up: the name of an index, or fields that make one up. Raises TypeError
// when there is no such index, and when a value does not fit.
struct Keyword {
  PyObject* name;
  PyObject* value;
};
IndexQuery parse_query(const TypeDefinition& definition, Bindings& bindings,
                       const std::vector<Keyword>& keywords);

// ---- what range look-ups share with these ----

bool is_named(PyObject* interned, PyObject* name);
// Position of the field in the keywords; as many as there are when it is not among them.
std::size_t find_keyword(const std::vector<Keyword>& keywords, const FieldInfo& field);
// The value of an index given by its name: one value, or a tuple of one for each field.
void read_index_values(const TypeDefinition& definition, Bindings& bindings, const IndexInfo& index,
                       PyObject* given, std::vector<Value>& out);
// Raises TypeError: which indexes the type has.
[[noreturn]] void refuse_unindexed(const TypeDefinition& definition,
                                   const std::vector<Keyword>& keywords);

PyObject* lookup_all(PyObject* cls, PyObject* const* args, Py_ssize_t count, PyObject* names);
PyObject* lookup_one(PyObject* cls, PyObject* const* args, Py_ssize_t count, PyObject* names);
PyObject* lookup_any(PyObject* cls, PyObject* const* args, Py_ssize_t count, PyObject* names);
PyObject* lookup_unique(PyObject* cls, PyObject* const* args, Py_ssize_t count, PyObject* names);

}  // namespace odb::python
