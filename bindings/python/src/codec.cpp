#include "codec.h"

#include "errors.h"
#include "type_definition.h"

namespace odb::python {

bool Codec::accepts(const Value& value, Bindings*) const {
  return check_fits(value, type_).has_value();
}

std::string mismatch(const Codec& expected, PyObject* given) {
  return "expected " + expected.name() + ", given " + short_repr(given) + " (" +
         Py_TYPE(given)->tp_name + ")";
}

void explain(const Conversion& conversion, const std::string& text) {
  if (conversion.why != nullptr && conversion.why->empty()) *conversion.why = text;
}

Value Codec::convert(PyObject* object, Bindings* bindings, const std::string& place) const {
  Value out;
  if (from_python(object, Match::kConverting, {bindings}, out)) [[likely]]
    return out;
  std::string why;
  from_python(object, Match::kConverting, {bindings, &why}, out);
  raise_type_error(place + ": " + mismatch(*this, object) + (why.empty() ? "" : ": " + why));
}

Value Codec::default_value(const std::string& place) const {
  Result<Value> value = odb::default_value(type_);
  if (!value) raise_type_error(place + ": " + name_ + " has no default and must be given");
  return *std::move(value);
}

}  // namespace odb::python
