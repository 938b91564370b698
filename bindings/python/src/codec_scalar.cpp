// Numbers, text, data, timestamps and literals.
#include <cstring>
#include <optional>

#include "codec.h"
#include "errors.h"
#include "timestamp.h"

namespace odb::python {
namespace {

bool is_numpy_bool(PyObject* object) {
  const char* const name = Py_TYPE(object)->tp_name;
  return std::strcmp(name, "numpy.bool_") == 0 || std::strcmp(name, "numpy.bool") == 0;
}

bool has_index(PyObject* object) {
  return PyLong_Check(object) || (PyIndex_Check(object) && !is_numpy_bool(object));
}

// A number with __float__ that is no container: float, numpy.float32, Decimal, but no array.
bool has_float(PyObject* object) {
  const PyTypeObject* const type = Py_TYPE(object);
  const bool has_length =
      (type->tp_as_sequence != nullptr && type->tp_as_sequence->sq_length != nullptr) ||
      (type->tp_as_mapping != nullptr && type->tp_as_mapping->mp_length != nullptr);
  return type->tp_as_number != nullptr && type->tp_as_number->nb_float != nullptr && !has_length &&
         !PyComplex_Check(object) && !is_numpy_bool(object);
}

// A number that a Python object made of itself; nothing when it refused.
std::optional<py::object> accepted(PyObject* number) {
  if (number != nullptr) return py::reinterpret_steal<py::object>(number);
  if (PyErr_ExceptionMatches(PyExc_TypeError) == 0 &&
      PyErr_ExceptionMatches(PyExc_ValueError) == 0) {
    throw py::error_already_set();
  }
  PyErr_Clear();
  return std::nullopt;
}

bool read_bool(PyObject* object, Value& out) {
  if (PyBool_Check(object)) {
    out = Value::boolean(object == Py_True);
    return true;
  }
  if (!is_numpy_bool(object)) return false;
  out = Value::boolean(PyObject_IsTrue(object) == 1);
  return true;
}

bool read_int(PyObject* object, Match match, const Conversion& conversion, Value& out) {
  if (PyBool_Check(object) ? match == Match::kExact : !has_index(object)) return false;
  const std::optional<py::object> number = accepted(PyNumber_Index(object));
  if (!number) return false;
  int overflow = 0;
  const long long value = PyLong_AsLongLongAndOverflow(number->ptr(), &overflow);
  if (overflow != 0) {
    explain(conversion, "it is outside the range of 64-bit integers");
    return false;
  }
  out = Value::integer(value);
  return true;
}

bool read_float(PyObject* object, Match match, const Conversion& conversion, Value& out) {
  double value = 0;
  if (PyFloat_Check(object)) {
    value = PyFloat_AS_DOUBLE(object);
  } else if (has_index(object)) {
    if (match == Match::kExact) return false;
    const std::optional<py::object> number = accepted(PyNumber_Index(object));
    if (!number) return false;
    value = PyLong_AsDouble(number->ptr());
    if (value == -1.0 && PyErr_Occurred() != nullptr) {
      PyErr_Clear();
      explain(conversion, "it is outside the range of floats");
      return false;
    }
  } else if (has_float(object)) {
    const std::optional<py::object> number = accepted(PyNumber_Float(object));
    if (!number) return false;
    value = PyFloat_AS_DOUBLE(number->ptr());
  } else {
    return false;
  }
  out = Value::real(value);
  return true;
}

bool read_text(PyObject* object, const Conversion& conversion, Value& out) {
  if (!PyUnicode_Check(object)) return false;
  Py_ssize_t size = 0;
  const char* const utf8 = PyUnicode_AsUTF8AndSize(object, &size);
  if (utf8 == nullptr) {
    if (PyErr_ExceptionMatches(PyExc_UnicodeEncodeError) == 0) throw py::error_already_set();
    PyErr_Clear();
    explain(conversion, "it has no UTF-8 form");
    return false;
  }
  out = Value::text({utf8, static_cast<std::size_t>(size)});
  return true;
}

bool read_data(PyObject* object, Value& out) {
  if (!PyBytes_Check(object)) return false;
  out = Value::data({reinterpret_cast<const std::byte*>(PyBytes_AS_STRING(object)),
                     static_cast<std::size_t>(PyBytes_GET_SIZE(object))});
  return true;
}

PyObject* scalar_to_python(const Value& value) {
  switch (value.kind()) {
    case ValueKind::kNone:
      Py_RETURN_NONE;
    case ValueKind::kBool:
      return PyBool_FromLong(value.as_bool() ? 1 : 0);
    case ValueKind::kInt:
      return PyLong_FromLongLong(value.as_int());
    case ValueKind::kFloat:
      return PyFloat_FromDouble(value.as_float());
    case ValueKind::kText: {
      const std::string_view text = value.as_text();
      return PyUnicode_DecodeUTF8(text.data(), static_cast<Py_ssize_t>(text.size()), nullptr);
    }
    case ValueKind::kData: {
      const std::span<const std::byte> data = value.as_data();
      return PyBytes_FromStringAndSize(reinterpret_cast<const char*>(data.data()),
                                       static_cast<Py_ssize_t>(data.size()));
    }
    case ValueKind::kTimestamp:
      return timestamp_to_python(value.as_timestamp());
    default:
      PyErr_SetString(PyExc_SystemError, "a value with members is no scalar");
      return nullptr;
  }
}

const char* python_word(Type::Kind kind) {
  switch (kind) {
    case Type::Kind::kBool:
      return "bool";
    case Type::Kind::kInt:
      return "int";
    case Type::Kind::kFloat:
      return "float";
    case Type::Kind::kText:
      return "str";
    case Type::Kind::kData:
      return "bytes";
    case Type::Kind::kTimestamp:
      return "datetime";
    default:
      return "None";
  }
}

bool read_scalar(Type::Kind kind, PyObject* object, Match match, const Conversion& conversion,
                 Value& out) {
  switch (kind) {
    case Type::Kind::kBool:
      return read_bool(object, out);
    case Type::Kind::kInt:
      return read_int(object, match, conversion, out);
    case Type::Kind::kFloat:
      return read_float(object, match, conversion, out);
    case Type::Kind::kText:
      return read_text(object, conversion, out);
    case Type::Kind::kData:
      return read_data(object, out);
    case Type::Kind::kTimestamp:
      return read_timestamp(object, conversion, out);
    default:
      out = Value::none();
      return object == Py_None;
  }
}

class ScalarCodec final : public Codec {
 public:
  explicit ScalarCodec(Type::Kind kind) : Codec(Type{kind}, python_word(kind)) {}

  PyObject* to_python(const Value& value, Bindings*) const override {
    return scalar_to_python(value);
  }
  bool from_python(PyObject* object, Match match, const Conversion& conversion,
                   Value& out) const override {
    return read_scalar(type().kind, object, match, conversion, out);
  }
};

class LiteralCodec final : public Codec {
 public:
  LiteralCodec(Value literal, Type::Kind kind, std::string repr)
      : Codec(Type::literal_of(std::move(literal)), std::move(repr)), kind_(kind) {}

  PyObject* to_python(const Value& value, Bindings*) const override {
    return scalar_to_python(value);
  }
  bool from_python(PyObject* object, Match, const Conversion& conversion,
                   Value& out) const override {
    return read_scalar(kind_, object, Match::kExact, {conversion.bindings}, out) &&
           out == type().literal;
  }

 private:
  Type::Kind kind_;
};

}  // namespace

CodecPtr make_scalar_codec(Type::Kind kind) { return std::make_shared<ScalarCodec>(kind); }

CodecPtr make_literal_codec(PyObject* literal) {
  for (const Type::Kind kind : {Type::Kind::kNone, Type::Kind::kBool, Type::Kind::kInt,
                                Type::Kind::kFloat, Type::Kind::kText, Type::Kind::kData}) {
    Value value;
    if (!read_scalar(kind, literal, Match::kExact, {}, value)) continue;
    return std::make_shared<LiteralCodec>(std::move(value), kind, short_repr(literal));
  }
  raise_type_error(short_repr(literal) +
                   " cannot stand for itself in a type: expected a bool, int," +
                   " float, str or bytes");
}

}  // namespace odb::python
