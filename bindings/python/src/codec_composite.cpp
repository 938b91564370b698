// References, one-ofs and everything with members.
#include <array>

#include "codec.h"
#include "codec_members.h"
#include "codec_recursive.h"
#include "errors.h"
#include "lookup_result.h"
#include "object_handle.h"
#include "struct_value.h"
#include "type_definition.h"

namespace odb::python {
namespace {

std::string joined(const std::vector<CodecPtr>& codecs) {
  std::string out;
  for (const CodecPtr& codec : codecs) {
    if (!out.empty()) out += ", ";
    out += codec->name();
  }
  return out;
}

class ReferenceCodec final : public Codec {
 public:
  explicit ReferenceCodec(const TypeDefinition* target)
      : Codec(Type::reference(target->name()), to_string(target->name())), target_(target) {}

  PyObject* to_python(const Value& value, Bindings*) const override {
    if (!target_->is_complete()) {
      PyErr_Format(PyExc_TypeError, "%s is not defined in this program", name().c_str());
      return nullptr;
    }
    return new_handle(target_->python_class(), value.object());
  }
  bool from_python(PyObject* object, Match, const Conversion& conversion,
                   Value& out) const override {
    if (!target_->is_complete() || PyObject_TypeCheck(object, target_->python_class()) == 0) {
      return false;
    }
    if (TypeDefinition::of(Py_TYPE(object)) != target_) return false;  // of a derived type
    out = Value::reference(type_id(conversion.bindings), identity_of(object));
    return true;
  }
  bool accepts(const Value& value, Bindings* bindings) const override {
    return value.kind() == ValueKind::kReference && value.object_type() == type_id(bindings);
  }

 private:
  // Without a connection the slot stands for the type.
  TypeId type_id(Bindings* bindings) const {
    if (bindings != nullptr) return bindings->type_of(*target_);
    return TypeId{static_cast<std::uint32_t>(target_->slot() + 1)};
  }

  const TypeDefinition* target_;
};

ValueKind kind_of_values(const Type& type) {
  switch (type.kind) {
    case Type::Kind::kNone:
      return ValueKind::kNone;
    case Type::Kind::kBool:
      return ValueKind::kBool;
    case Type::Kind::kInt:
      return ValueKind::kInt;
    case Type::Kind::kFloat:
      return ValueKind::kFloat;
    case Type::Kind::kText:
      return ValueKind::kText;
    case Type::Kind::kData:
      return ValueKind::kData;
    case Type::Kind::kTimestamp:
      return ValueKind::kTimestamp;
    case Type::Kind::kReference:
      return ValueKind::kReference;
    case Type::Kind::kList:
      return ValueKind::kList;
    case Type::Kind::kTuple:
      return ValueKind::kTuple;
    case Type::Kind::kDict:
      return ValueKind::kDict;
    case Type::Kind::kStruct:
      return ValueKind::kStruct;
    case Type::Kind::kVariant:
      return ValueKind::kVariant;
    case Type::Kind::kLiteral:
      return type.literal.kind();
    case Type::Kind::kOneOf:
      break;  // no option is one
  }
  return ValueKind::kNone;
}

class OneOfCodec final : public Codec {
 public:
  explicit OneOfCodec(std::vector<CodecPtr> options)
      : Codec(Type::one_of(types_of(options)), "OneOf(" + joined(options) + ")"),
        options_(std::move(options)) {
    for (const CodecPtr& option : options_) {
      auto& of_kind = by_kind_[static_cast<std::size_t>(kind_of_values(option->type()))];
      of_kind.push_back(option.get());
    }
  }

  PyObject* to_python(const Value& value, Bindings* bindings) const override {
    const auto& candidates = by_kind_[static_cast<std::size_t>(value.kind())];
    // All scalar options of one kind read alike, so the first will do.
    const bool any = candidates.size() == 1 || value.kind() < ValueKind::kReference;
    for (const Codec* const candidate : candidates) {
      if (any || candidate->accepts(value, bindings)) return candidate->to_python(value, bindings);
    }
    PyErr_Format(PyExc_TypeError, "the stored value is none of %s", name().c_str());
    return nullptr;
  }
  bool from_python(PyObject* object, Match match, const Conversion& conversion,
                   Value& out) const override {
    const Conversion quiet{conversion.bindings};
    const std::size_t mark = Nodes::mark();
    for (const CodecPtr& option : options_) {
      if (option->from_python(object, Match::kExact, quiet, out)) return true;
      Nodes::drop_since(mark);
    }
    if (match == Match::kExact) return false;
    for (const CodecPtr& option : options_) {
      if (option->from_python(object, match, quiet, out)) return true;
      Nodes::drop_since(mark);
    }
    explain_sole_candidate(object, conversion);
    return false;
  }
  bool accepts(const Value& value, Bindings* bindings) const override {
    for (const CodecPtr& option : options_) {
      if (option->accepts(value, bindings)) return true;
    }
    return false;
  }

 private:
  // OneOf(None, T) and the like: why it is no T.
  void explain_sole_candidate(PyObject* object, const Conversion& conversion) const {
    const Codec* sole = nullptr;
    for (const CodecPtr& option : options_) {
      if (option->type().kind == Type::Kind::kNone) continue;
      if (sole != nullptr) return;
      sole = option.get();
    }
    Value unused;
    if (sole != nullptr) sole->from_python(object, Match::kConverting, conversion, unused);
  }

  std::vector<CodecPtr> options_;
  std::array<std::vector<const Codec*>, 13> by_kind_;  // by ValueKind
};

// A list or tuple as it is; other sequences, but text, bytes and struct values, as a list.
std::optional<py::object> as_sequence(PyObject* object, Match match) {
  if (PyTuple_Check(object) || PyList_Check(object)) return borrow(object);
  if (match == Match::kExact && !is_lookup_result(object)) return std::nullopt;
  if (PyUnicode_Check(object) || PyBytes_Check(object) || PyByteArray_Check(object) ||
      PySequence_Check(object) == 0 || PyMemoryView_Check(object)) {
    return std::nullopt;
  }
  PyObject* const list = PySequence_List(object);
  if (list == nullptr) PyErr_Clear();
  return list == nullptr ? std::nullopt : std::optional(py::reinterpret_steal<py::object>(list));
}

class ListCodec final : public Codec {
 public:
  explicit ListCodec(CodecPtr element)
      : Codec(Type::list(element->type()), "TupleOf(" + element->name() + ")"),
        element_(std::move(element)) {}

  PyObject* to_python(const Value& value, Bindings* bindings) const override {
    const std::span<const Value> elements = value.elements();
    PyObject* const out = PyTuple_New(static_cast<Py_ssize_t>(elements.size()));
    if (out == nullptr) return nullptr;
    for (std::size_t i = 0; i < elements.size(); ++i) {
      PyObject* const element = element_->to_python(elements[i], bindings);
      if (element == nullptr) {
        Py_DECREF(out);
        return nullptr;
      }
      PyTuple_SET_ITEM(out, static_cast<Py_ssize_t>(i), element);
    }
    return out;
  }
  bool from_python(PyObject* object, Match match, const Conversion& conversion,
                   Value& out) const override {
    const std::optional<py::object> sequence = as_sequence(object, match);
    if (!sequence) return false;
    std::vector<Value> elements;
    elements.reserve(static_cast<std::size_t>(PySequence_Fast_GET_SIZE(sequence->ptr())));
    // Converting runs Python code, which may change a list: its size is asked each time.
    for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(sequence->ptr()); ++i) {
      const py::object element = borrow(PySequence_Fast_GET_ITEM(sequence->ptr(), i));
      Value value;
      if (!member_from_python(
              *element_, element.ptr(), match, conversion,
              [&] { return "element " + std::to_string(i); }, value)) {
        return false;
      }
      elements.push_back(std::move(value));
    }
    out = Value::list(std::move(elements));
    return true;
  }
  bool accepts(const Value& value, Bindings* bindings) const override {
    if (value.kind() != ValueKind::kList) return false;
    for (const Value& element : value.elements()) {
      if (!element_->accepts(element, bindings)) return false;
    }
    return true;
  }
  const Codec* element() const override { return element_.get(); }

 private:
  CodecPtr element_;
};

class TupleCodec final : public Codec {
 public:
  explicit TupleCodec(std::vector<CodecPtr> elements)
      : Codec(Type::tuple(types_of(elements)), "Tuple(" + joined(elements) + ")"),
        elements_(std::move(elements)) {}

  PyObject* to_python(const Value& value, Bindings* bindings) const override {
    const std::span<const Value> values = value.elements();
    PyObject* const out = PyTuple_New(static_cast<Py_ssize_t>(elements_.size()));
    if (out == nullptr) return nullptr;
    for (std::size_t i = 0; i < elements_.size(); ++i) {
      PyObject* const element = elements_[i]->to_python(values[i], bindings);
      if (element == nullptr) {
        Py_DECREF(out);
        return nullptr;
      }
      PyTuple_SET_ITEM(out, static_cast<Py_ssize_t>(i), element);
    }
    return out;
  }
  bool from_python(PyObject* object, Match match, const Conversion& conversion,
                   Value& out) const override {
    const std::optional<py::object> sequence = as_sequence(object, match);
    if (!sequence) return false;
    const py::tuple given = steal(PySequence_Tuple(sequence->ptr()));
    if (given.size() != elements_.size()) {
      explain(conversion, "it has " + std::to_string(given.size()) + " elements");
      return false;
    }
    std::vector<Value> values(elements_.size());
    for (std::size_t i = 0; i < elements_.size(); ++i) {
      PyObject* const element = PyTuple_GET_ITEM(given.ptr(), static_cast<Py_ssize_t>(i));
      if (!member_from_python(
              *elements_[i], element, match, conversion,
              [&] { return "element " + std::to_string(i); }, values[i])) {
        return false;
      }
    }
    out = Value::tuple(std::move(values));
    return true;
  }
  bool accepts(const Value& value, Bindings* bindings) const override {
    return value.kind() == ValueKind::kTuple && all_accept(elements_, value.elements(), bindings);
  }

 private:
  std::vector<CodecPtr> elements_;
};

// A dict as it is, any other mapping as a dict.
std::optional<py::object> as_dict(PyObject* object, Match match) {
  if (PyDict_Check(object)) return borrow(object);
  if (match == Match::kExact || !py::hasattr(object, "keys")) return std::nullopt;
  py::object dict = steal(PyDict_New());
  if (PyDict_Update(dict.ptr(), object) < 0) {
    PyErr_Clear();
    return std::nullopt;
  }
  return dict;
}

class DictCodec final : public Codec {
 public:
  DictCodec(CodecPtr key, CodecPtr value)
      : Codec(Type::dict(key->type(), value->type()),
              "ConstDict(" + key->name() + ", " + value->name() + ")"),
        key_(std::move(key)),
        value_(std::move(value)) {}

  PyObject* to_python(const Value& value, Bindings* bindings) const override {
    return guarded([&] {
      static const auto* const frozen =
          new py::object(py::module_::import("object_database.values").attr("FrozenDict"));
      py::object out = (*frozen)();
      const std::span<const Value> flat = value.elements();
      for (std::size_t i = 0; i + 1 < flat.size(); i += 2) {
        const py::object key = steal(key_->to_python(flat[i], bindings));
        const py::object item = steal(value_->to_python(flat[i + 1], bindings));
        if (PyDict_SetItem(out.ptr(), key.ptr(), item.ptr()) < 0) throw py::error_already_set();
      }
      return out.release().ptr();
    });
  }
  bool from_python(PyObject* object, Match match, const Conversion& conversion,
                   Value& out) const override {
    const std::optional<py::object> dict = as_dict(object, match);
    if (!dict) return false;
    const py::list items = steal(PyDict_Items(dict->ptr()));
    std::vector<std::pair<Value, Value>> entries(items.size());
    for (std::size_t i = 0; i < entries.size(); ++i) {
      PyObject* const item = PyList_GET_ITEM(items.ptr(), static_cast<Py_ssize_t>(i));
      PyObject* const key = PyTuple_GET_ITEM(item, 0);
      if (!member_from_python(
              *key_, key, match, conversion, [] { return "a key"; }, entries[i].first) ||
          !member_from_python(
              *value_, PyTuple_GET_ITEM(item, 1), match, conversion,
              [&] { return "the value of " + short_repr(key); }, entries[i].second)) {
        return false;
      }
    }
    out = Value::dict(std::move(entries));
    return true;
  }
  bool accepts(const Value& value, Bindings* bindings) const override {
    if (value.kind() != ValueKind::kDict) return false;
    const std::span<const Value> flat = value.elements();
    for (std::size_t i = 0; i < flat.size(); ++i) {
      if (!(i % 2 == 0 ? key_ : value_)->accepts(flat[i], bindings)) return false;
    }
    return true;
  }
  const Codec* element() const override { return value_.get(); }
  const Codec* key() const override { return key_.get(); }

 private:
  CodecPtr key_;
  CodecPtr value_;
};

}  // namespace

CodecPtr make_reference_codec(const TypeDefinition* target) {
  return std::make_shared<ReferenceCodec>(target);
}
CodecPtr make_one_of_codec(std::vector<CodecPtr> options) {
  if (options.size() == 1) return options.front();
  return std::make_shared<OneOfCodec>(std::move(options));
}
CodecPtr make_list_codec(CodecPtr element) {
  return std::make_shared<ListCodec>(std::move(element));
}
CodecPtr make_tuple_codec(std::vector<CodecPtr> elements) {
  return std::make_shared<TupleCodec>(std::move(elements));
}
CodecPtr make_dict_codec(CodecPtr key, CodecPtr value) {
  return std::make_shared<DictCodec>(std::move(key), std::move(value));
}

}  // namespace odb::python
