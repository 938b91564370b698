#include "lookup_range.h"

#include <algorithm>

#include "errors.h"
#include "lookup_result.h"
#include "type_definition.h"
#include "view.h"

namespace odb::python {
namespace {

// The keywords of a range, by what they say.
struct RangeWords {
  PyObject* lower = nullptr;
  RangeBound::Edge lower_edge = RangeBound::Edge::kInclusive;
  PyObject* upper = nullptr;
  RangeBound::Edge upper_edge = RangeBound::Edge::kInclusive;
  RangeOptions options;
  bool has_options = false;
  std::vector<Keyword> prefix;  // the others: an index or fields

  bool is_bounded() const { return lower != nullptr || upper != nullptr; }
};

void set_bound(PyObject*& bound, RangeBound::Edge& edge, PyObject* value, RangeBound::Edge given,
               const char* both) {
  if (value == Py_None) return;
  if (bound != nullptr) raise_type_error(std::string(both) + " exclude each other");
  bound = value;
  edge = given;
}

RangeWords sort_keywords(const std::vector<Keyword>& keywords) {
  constexpr const char* kLowers = "atLeast and above";
  constexpr const char* kUppers = "atMost and below";
  using Edge = RangeBound::Edge;
  RangeWords out;
  for (const Keyword& keyword : keywords) {
    const std::string name = to_text(keyword.name);
    if (name == "atLeast") {
      set_bound(out.lower, out.lower_edge, keyword.value, Edge::kInclusive, kLowers);
    } else if (name == "above") {
      set_bound(out.lower, out.lower_edge, keyword.value, Edge::kExclusive, kLowers);
    } else if (name == "atMost") {
      set_bound(out.upper, out.upper_edge, keyword.value, Edge::kInclusive, kUppers);
    } else if (name == "below") {
      set_bound(out.upper, out.upper_edge, keyword.value, Edge::kExclusive, kUppers);
    } else if (name == "reverse") {
      const int reverse = PyObject_IsTrue(keyword.value);
      if (reverse < 0) throw py::error_already_set();
      out.options.order = reverse != 0 ? ScanOrder::kDescending : ScanOrder::kAscending;
      out.has_options = true;
    } else if (name == "limit") {
      out.has_options = true;
      if (keyword.value == Py_None) continue;
      const py::object number = steal(PyNumber_Index(keyword.value));
      out.options.limit = PyLong_AsSize_t(number.ptr());
      if (PyErr_Occurred() != nullptr) throw py::error_already_set();
    } else {
      out.prefix.push_back(keyword);
    }
  }
  return out;
}

std::size_t find_index(const TypeDefinition& definition, PyObject* name) {
  const auto& indexes = definition.indexes();
  std::size_t i = 0;
  while (i < indexes.size() && !is_named(indexes[i].python_name, name)) ++i;
  return i;
}

// Whether these fields are the first ones of the index, in any order.
bool begins_with(const TypeDefinition& definition, const IndexInfo& index,
                 const std::vector<Keyword>& keywords) {
  return index.fields.size() >= keywords.size() &&
         std::all_of(index.fields.begin(),
                     index.fields.begin() + static_cast<std::ptrdiff_t>(keywords.size()),
                     [&](std::size_t field) {
                       return find_keyword(keywords, definition.fields()[field]) < keywords.size();
                     });
}

Value convert(const TypeDefinition& definition, Bindings& bindings, std::size_t field,
              PyObject* value) {
  return definition.fields()[field].codec->convert(value, &bindings, definition.field_path(field));
}

// The value of an index given by its name: that of its first field, or a tuple of the first ones.
void read_prefix(const TypeDefinition& definition, Bindings& bindings, const IndexInfo& index,
                 PyObject* given, std::vector<Value>& out) {
  if (index.fields.size() == 1) {
    const bool is_empty = PyTuple_Check(given) && PyTuple_GET_SIZE(given) == 0;
    if (!is_empty) read_index_values(definition, bindings, index, given, out);
    return;
  }
  if (!PyTuple_Check(given) && !PyList_Check(given)) {
    out.push_back(convert(definition, bindings, index.fields[0], given));
    return;
  }
  const py::tuple values = steal(PySequence_Tuple(given));
  if (values.size() > index.fields.size()) {
    raise_type_error("index " + to_string(definition.name()) + "." + index.name +
                     ": expected at most " + std::to_string(index.fields.size()) +
                     " values, given " + short_repr(given));
  }
  for (std::size_t i = 0; i < values.size(); ++i) {
    out.push_back(convert(definition, bindings, index.fields[i],
                          PyTuple_GET_ITEM(values.ptr(), static_cast<Py_ssize_t>(i))));
  }
}

// The index that begins with these fields: one with a field left for the bounds when there are
// some, else rather one of exactly these.
std::size_t choose_index(const TypeDefinition& definition, const RangeWords& words) {
  const auto& indexes = definition.indexes();
  std::size_t chosen = indexes.size();
  for (std::size_t i = 0; i < indexes.size(); ++i) {
    if (!begins_with(definition, indexes[i], words.prefix)) continue;
    const bool is_exact = indexes[i].fields.size() == words.prefix.size();
    if (words.is_bounded() && is_exact) continue;
    if (chosen == indexes.size() || is_exact) chosen = i;
  }
  return chosen;
}

RangeBound read_bound(const TypeDefinition& definition, Bindings& bindings, const IndexInfo& index,
                      const RangeQuery& query, PyObject* value, RangeBound::Edge edge) {
  if (query.prefix.size() >= index.fields.size()) {
    raise_type_error("index " + to_string(definition.name()) + "." + index.name +
                     ": its values are all given, and no field is left for atLeast, above, atMost" +
                     " and below: name the index alone, or fewer of its values");
  }
  return {convert(definition, bindings, index.fields[query.prefix.size()], value), edge};
}

struct Target {
  const TypeDefinition* definition = nullptr;
  const Binding* binding = nullptr;
  PyView* view = nullptr;
};

Target target(const Current& current, PyObject* cls) {
  Target out;
  out.definition = TypeDefinition::of(reinterpret_cast<PyTypeObject*>(cls));
  if (out.definition == nullptr) {
    raise_type_error(short_repr(cls) + " is not defined in a schema");
  }
  out.view = &current.view("a look-up");
  out.view->session().check_process();
  out.binding = &out.view->bindings().of(*out.definition);
  return out;
}

std::vector<Keyword> keywords_of(PyObject* const* args, Py_ssize_t count, PyObject* names) {
  std::vector<Keyword> out;
  const Py_ssize_t given = names == nullptr ? 0 : PyTuple_GET_SIZE(names);
  for (Py_ssize_t i = 0; i < given; ++i) {
    out.push_back({PyTuple_GET_ITEM(names, i), args[count + i]});
  }
  return out;
}

PyObject* name_of(PyObject* const* args, Py_ssize_t count) {
  if (count > 1 || (count == 1 && !PyUnicode_Check(args[0]))) {
    raise_type_error("expected at most one argument without keyword, the name of an index");
  }
  return count == 0 ? nullptr : args[0];
}

}  // namespace

IndexRange RangeQuery::range(const Binding& binding) const {
  return {binding.indexes[index], prefix, lower, upper};
}

RangeQuery parse_range(const TypeDefinition& definition, Bindings& bindings, PyObject* name,
                       const std::vector<Keyword>& keywords) {
  const RangeWords words = sort_keywords(keywords);
  const auto& indexes = definition.indexes();
  RangeQuery query;
  query.options = words.options;
  if (name != nullptr) {
    if (!words.prefix.empty()) {
      raise_type_error("expected the name of an index, or values of one, and not both");
    }
    query.index = find_index(definition, name);
    if (query.index == indexes.size()) refuse_unindexed(definition, {{name, name}});
  } else if (words.prefix.empty()) {
    raise_type_error("expected an index: its name, or values of its first fields by keyword");
  } else {
    const bool is_one = words.prefix.size() == 1;
    query.index = is_one ? find_index(definition, words.prefix[0].name) : indexes.size();
    // A field's own index has no field left for bounds; one that goes on behind that field has.
    const bool is_own_name = query.index < indexes.size() &&
                             (indexes[query.index].fields.size() > 1 || !words.is_bounded());
    if (is_own_name) {
      read_prefix(definition, bindings, indexes[query.index], words.prefix[0].value, query.prefix);
    } else {
      const std::size_t chosen = choose_index(definition, words);
      if (chosen == indexes.size() && query.index == indexes.size()) {
        refuse_unindexed(definition, words.prefix);
      }
      if (chosen < indexes.size()) query.index = chosen;
      for (std::size_t i = 0; i < words.prefix.size(); ++i) {
        const std::size_t field = indexes[query.index].fields[i];
        const std::size_t given = find_keyword(words.prefix, definition.fields()[field]);
        query.prefix.push_back(convert(definition, bindings, field, words.prefix[given].value));
      }
    }
  }
  const IndexInfo& index = indexes[query.index];
  if (words.lower != nullptr) {
    query.lower = read_bound(definition, bindings, index, query, words.lower, words.lower_edge);
  }
  if (words.upper != nullptr) {
    query.upper = read_bound(definition, bindings, index, query, words.upper, words.upper_edge);
  }
  return query;
}

PyObject* lookup_range(PyObject* cls, PyObject* const* args, Py_ssize_t count, PyObject* names) {
  return guarded([&] {
    const Current current;
    const Target at = target(current, cls);
    const RangeQuery query = parse_range(*at.definition, at.view->bindings(), name_of(args, count),
                                         keywords_of(args, count, names));
    return make_lookup_result(at.definition->python_class(), at.view->range(*at.binding, query));
  });
}

PyObject* count_range(PyObject* cls, PyObject* const* args, Py_ssize_t count, PyObject* names) {
  return guarded([&] {
    const Current current;
    const Target at = target(current, cls);
    const std::vector<Keyword> keywords = keywords_of(args, count, names);
    if (sort_keywords(keywords).has_options) {
      raise_type_error("countRange takes neither reverse nor limit");
    }
    const RangeQuery query =
        parse_range(*at.definition, at.view->bindings(), name_of(args, count), keywords);
    return PyLong_FromSize_t(at.view->count(*at.binding, query));
  });
}

PyObject* count_objects(PyObject* cls, PyObject* const* args, Py_ssize_t count, PyObject* names) {
  return guarded([&] {
    if (count != 0) raise_type_error("look-ups take keywords only: count(field=value)");
    const Current current;
    const Target at = target(current, cls);
    IndexQuery query =
        parse_query(*at.definition, at.view->bindings(), keywords_of(args, count, names));
    if (query.index == IndexQuery::kWholeType) {
      return PyLong_FromSize_t(at.view->all(*at.binding).size());
    }
    RangeQuery range;
    range.index = query.index;
    range.prefix = std::move(query.values);
    return PyLong_FromSize_t(at.view->count(*at.binding, range));
  });
}

}  // namespace odb::python
