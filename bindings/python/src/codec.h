// Codec: between the Python values and the odb::Values of one declared type.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "odb/core/type.h"
#include "odb/core/value.h"
#include "python.h"

namespace odb::python {

class Bindings;
class TypeDefinition;

// Whether a Python value must be of the type itself, or may be converted to it. A one-of tries the
// first over all its options before the second, so OneOf(float, int) keeps an int as it is.
enum class Match { kExact, kConverting };

struct Conversion {
  // Whose numbers references get. Null: of no connection, for values that are only checked.
  Bindings* bindings = nullptr;
  // Where an inner mismatch is explained; may be null.
  std::string* why = nullptr;
};

// Immutable; a tree as the declared type is one. All members need the GIL.
class Codec {
 public:
  Codec(Type type, std::string name) : type_(std::move(type)), name_(std::move(name)) {}
  virtual ~Codec() = default;
  Codec(const Codec&) = delete;
  Codec& operator=(const Codec&) = delete;

  const Type& type() const { return type_; }
  const std::string& name() const { return name_; }  // as Python writes it: "TupleOf(str)"

  // A new reference, or null with an error set. `value` fits the type.
  virtual PyObject* to_python(const Value& value, Bindings* bindings) const = 0;
  // False when `object` does not fit.
  virtual bool from_python(PyObject* object, Match match, const Conversion& conversion,
                           Value& out) const = 0;
  // Whether a value of some option of a one-of is of this one.
  virtual bool accepts(const Value& value, Bindings* bindings) const;

  // Of a list, what its elements are; of a dict, what its values and its keys are. Null for others.
  virtual const Codec* element() const { return nullptr; }
  virtual const Codec* key() const { return nullptr; }

  // As from_python, converting; raises TypeError: "<place>: expected int, given 'x' (str)".
  Value convert(PyObject* object, Bindings* bindings, const std::string& place) const;
  // The type's default. Raises TypeError when it has none.
  Value default_value(const std::string& place) const;

 private:
  Type type_;
  std::string name_;
};

using CodecPtr = std::shared_ptr<const Codec>;

// "expected int, given 'x' (str)"
std::string mismatch(const Codec& expected, PyObject* given);
// Explains a mismatch inside a value, for the first one who asks.
void explain(const Conversion& conversion, const std::string& text);

CodecPtr make_scalar_codec(Type::Kind kind);
CodecPtr make_literal_codec(PyObject* literal);
CodecPtr make_reference_codec(const TypeDefinition* target);
CodecPtr make_one_of_codec(std::vector<CodecPtr> options);
CodecPtr make_list_codec(CodecPtr element);
CodecPtr make_tuple_codec(std::vector<CodecPtr> elements);
CodecPtr make_dict_codec(CodecPtr key, CodecPtr value);
// `python_class` is a subclass of StructValue made for this struct.
CodecPtr make_struct_codec(std::string name, py::type python_class, std::vector<std::string> names,
                           std::vector<CodecPtr> fields);
// A value of the struct from keywords; what is not given has its type's default. Raises TypeError.
py::object construct_struct(const Codec& struct_codec, const py::dict& given);
// `alternatives` are codecs of structs, `python_class` is the base of their classes.
CodecPtr make_variant_codec(std::string name, py::type python_class, std::vector<std::string> names,
                            std::vector<CodecPtr> alternatives);

void register_codecs(py::module_& module);

}  // namespace odb::python
