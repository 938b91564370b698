#include "lookup.h"

#include <algorithm>

#include "errors.h"
#include "lookup_result.h"
#include "object_handle.h"
#include "type_definition.h"
#include "view.h"

namespace odb::python {
namespace {

std::string field_names(const TypeDefinition& definition, const IndexInfo& index) {
  std::string out;
  for (const std::size_t field : index.fields) {
    if (!out.empty()) out += ", ";
    out += definition.fields()[field].name;
  }
  return out;
}

}  // namespace

bool is_named(PyObject* interned, PyObject* name) {
  return interned == name || PyUnicode_Compare(interned, name) == 0;
}

void refuse_unindexed(const TypeDefinition& definition, const std::vector<Keyword>& keywords) {
  std::string asked;
  for (const Keyword& keyword : keywords) {
    if (!asked.empty()) asked += ", ";
    asked += to_text(keyword.name);
  }
  std::string known;
  for (const IndexInfo& index : definition.indexes()) {
    if (!known.empty()) known += ", ";
    const std::string fields = field_names(definition, index);
    known += index.name == fields ? fields : index.name + " (" + fields + ")";
  }
  raise_type_error(definition.name().type + " has no index over (" + asked + "); it has " +
                   (known.empty() ? "none" : known));
}

void read_index_values(const TypeDefinition& definition, Bindings& bindings, const IndexInfo& index,
                       PyObject* given, std::vector<Value>& out) {
  const auto convert = [&](std::size_t place, PyObject* value) {
    const std::size_t field = index.fields[place];
    out.push_back(
        definition.fields()[field].codec->convert(value, &bindings, definition.field_path(field)));
  };
  if (index.fields.size() == 1) {
    Value value;
    const Codec& codec = *definition.fields()[index.fields[0]].codec;
    const bool is_tuple_of_one = PyTuple_Check(given) && PyTuple_GET_SIZE(given) == 1;
    if (is_tuple_of_one && !codec.from_python(given, Match::kConverting, {&bindings}, value)) {
      given = PyTuple_GET_ITEM(given, 0);
    }
    return convert(0, given);
  }
  const bool is_sequence = PyTuple_Check(given) || PyList_Check(given);
  const auto count = is_sequence ? static_cast<std::size_t>(PySequence_Fast_GET_SIZE(given)) : 0;
  if (count != index.fields.size()) {
    raise_type_error("index " + to_string(definition.name()) + "." + index.name +
                     ": expected a tuple of " + std::to_string(index.fields.size()) + " values (" +
                     field_names(definition, index) + "), given " + short_repr(given));
  }
  const py::tuple values = steal(PySequence_Tuple(given));
  for (std::size_t i = 0; i < count; ++i) {
    convert(i, PyTuple_GET_ITEM(values.ptr(), static_cast<Py_ssize_t>(i)));
  }
}

std::size_t find_keyword(const std::vector<Keyword>& keywords, const FieldInfo& field) {
  std::size_t i = 0;
  while (i < keywords.size() && !is_named(field.python_name, keywords[i].name)) ++i;
  return i;
}

namespace {

bool is_over(const TypeDefinition& definition, const IndexInfo& index,
             const std::vector<Keyword>& keywords) {
  return index.fields.size() == keywords.size() &&
         std::all_of(index.fields.begin(), index.fields.end(), [&](std::size_t field) {
           return find_keyword(keywords, definition.fields()[field]) < keywords.size();
         });
}

// One look-up: what it was asked for, and what it found.
struct Lookup {
  const TypeDefinition* definition = nullptr;
  std::vector<Keyword> keywords;
  std::vector<ObjectRef> found;

  PyObject* handle(std::size_t i) const {
    return new_handle(definition->python_class(), found[i].object);
  }
  std::string described() const {
    std::string out;
    for (const Keyword& keyword : keywords) {
      out +=
          (out.empty() ? " with " : ", ") + to_text(keyword.name) + "=" + short_repr(keyword.value);
    }
    return out;
  }
};

Lookup run(PyObject* cls, PyObject* const* args, Py_ssize_t count, PyObject* names) {
  Lookup out;
  out.definition = TypeDefinition::of(reinterpret_cast<PyTypeObject*>(cls));
  if (out.definition == nullptr) {
    raise_type_error(short_repr(cls) + " is not defined in a schema");
  }
  if (count != 0) raise_type_error("look-ups take keywords only: lookupAll(field=value)");
  const Py_ssize_t given = names == nullptr ? 0 : PyTuple_GET_SIZE(names);
  for (Py_ssize_t i = 0; i < given; ++i) {
    out.keywords.push_back({PyTuple_GET_ITEM(names, i), args[i]});
  }
  const Current current;
  PyView& view = current.view("a look-up");
  view.session().check_process();
  const Binding& binding = view.bindings().of(*out.definition);
  const IndexQuery query = parse_query(*out.definition, view.bindings(), out.keywords);
  out.found = query.index == IndexQuery::kWholeType
                  ? view.all(binding)
                  : view.lookup(binding, query.index, query.values);
  return out;
}

[[noreturn]] void refuse_empty(const Lookup& lookup) {
  raise_type_error("no " + lookup.definition->name().type + " found" + lookup.described());
}

}  // namespace

IndexQuery parse_query(const TypeDefinition& definition, Bindings& bindings,
                       const std::vector<Keyword>& keywords) {
  IndexQuery query;
  if (keywords.empty()) return query;
  const auto& indexes = definition.indexes();
  for (std::size_t i = 0; keywords.size() == 1 && i < indexes.size(); ++i) {
    if (!is_named(indexes[i].python_name, keywords[0].name)) continue;
    query.index = i;
    read_index_values(definition, bindings, indexes[i], keywords[0].value, query.values);
    return query;
  }
  for (std::size_t i = 0; i < indexes.size(); ++i) {
    if (!is_over(definition, indexes[i], keywords)) continue;
    query.index = i;
    for (const std::size_t field : indexes[i].fields) {
      const FieldInfo& info = definition.fields()[field];
      query.values.push_back(info.codec->convert(keywords[find_keyword(keywords, info)].value,
                                                 &bindings, definition.field_path(field)));
    }
    return query;
  }
  refuse_unindexed(definition, keywords);
}

PyObject* lookup_all(PyObject* cls, PyObject* const* args, Py_ssize_t count, PyObject* names) {
  return guarded([&] {
    Lookup lookup = run(cls, args, count, names);
    return make_lookup_result(lookup.definition->python_class(), std::move(lookup.found));
  });
}

PyObject* lookup_one(PyObject* cls, PyObject* const* args, Py_ssize_t count, PyObject* names) {
  return guarded([&] {
    const Lookup lookup = run(cls, args, count, names);
    if (lookup.found.empty()) refuse_empty(lookup);
    return lookup.handle(0);
  });
}

PyObject* lookup_any(PyObject* cls, PyObject* const* args, Py_ssize_t count, PyObject* names) {
  return guarded([&]() -> PyObject* {
    const Lookup lookup = run(cls, args, count, names);
    if (lookup.found.empty()) Py_RETURN_NONE;
    return lookup.handle(0);
  });
}

PyObject* lookup_unique(PyObject* cls, PyObject* const* args, Py_ssize_t count, PyObject* names) {
  return guarded([&] {
    const Lookup lookup = run(cls, args, count, names);
    if (lookup.found.empty()) refuse_empty(lookup);
    if (lookup.found.size() > 1) {
      raise_type_error(lookup.definition->name().type + " not unique: found " +
                       std::to_string(lookup.found.size()) + lookup.described());
    }
    return lookup.handle(0);
  });
}

}  // namespace odb::python
