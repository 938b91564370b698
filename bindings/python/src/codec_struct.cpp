// NamedTuple and Alternative.
#include <algorithm>

#include "codec.h"
#include "codec_members.h"
#include "codec_recursive.h"
#include "errors.h"
#include "struct_value.h"

namespace odb::python {
namespace {

class StructCodec final : public Codec {
 public:
  StructCodec(std::string name, py::type python_class, std::vector<std::string> names,
              std::vector<CodecPtr> fields)
      : Codec(Type::structure("", names, types_of(fields)), std::move(name)),
        class_(std::move(python_class)),
        names_(std::move(names)),
        fields_(std::move(fields)) {}

  PyObject* to_python(const Value& value, Bindings* bindings) const override {
    return guarded([&] { return members_to_python(value.elements(), bindings); });
  }
  PyObject* members_to_python(std::span<const Value> values, Bindings* bindings) const {
    py::object out = make();
    for (std::size_t i = 0; i < fields_.size(); ++i) {
      items(out)[i] = steal(fields_[i]->to_python(values[i], bindings)).release().ptr();
    }
    return out.release().ptr();
  }

  bool from_python(PyObject* object, Match match, const Conversion& conversion,
                   Value& out) const override {
    std::vector<Value> values;
    if (!members_from_python(object, match, conversion, values)) return false;
    out = Value::structure(std::move(values));
    return true;
  }
  bool members_from_python(PyObject* object, Match match, const Conversion& conversion,
                           std::vector<Value>& out) const {
    py::object converted;
    if (!py::isinstance(object, class_)) {
      if (match == Match::kExact || PyDict_Check(object) == 0) return false;
      converted = construct(py::reinterpret_borrow<py::dict>(object));
      object = converted.ptr();
    }
    out.resize(fields_.size());
    for (std::size_t i = 0; i < fields_.size(); ++i) {
      PyObject* const item = reinterpret_cast<StructValue*>(object)->items[i];
      if (!member_from_python(
              *fields_[i], item, match, conversion, [&] { return "field " + names_[i]; }, out[i])) {
        return false;
      }
    }
    return true;
  }
  bool accepts(const Value& value, Bindings* bindings) const override {
    return value.kind() == ValueKind::kStruct && all_accept(fields_, value.elements(), bindings);
  }

  // From keywords; fields that are not given have their type's default. Raises TypeError.
  py::object construct(const py::dict& given) const {
    const std::string title = py::str(class_.attr("__qualname__"));
    py::object out = make();
    Nodes held;  // values of an Alternative inside of itself stay the objects that they are
    std::size_t used = 0;
    for (std::size_t i = 0; i < fields_.size(); ++i) {
      const std::string place = title + "." + names_[i];
      const bool is_given = given.contains(names_[i].c_str());
      used += is_given ? 1 : 0;
      const Value value =
          is_given ? fields_[i]->convert(py::object(given[names_[i].c_str()]).ptr(), nullptr, place)
                   : fields_[i]->default_value(place);
      items(out)[i] = steal(fields_[i]->to_python(value, nullptr)).release().ptr();
    }
    if (used != given.size()) refuse_unknown(given, title);
    return out;
  }

  const py::type& python_class() const { return class_; }
  const std::vector<CodecPtr>& fields() const { return fields_; }

 private:
  py::object make() const {
    return steal(as_object(new_struct_value(reinterpret_cast<PyTypeObject*>(class_.ptr()),
                                            static_cast<Py_ssize_t>(fields_.size()))));
  }
  static PyObject** items(const py::object& value) {
    return reinterpret_cast<StructValue*>(value.ptr())->items;
  }
  [[noreturn]] void refuse_unknown(const py::dict& given, const std::string& title) const {
    std::string unknown;
    for (const auto& [name, value] : given) {
      const std::string text = py::str(name);
      if (std::find(names_.begin(), names_.end(), text) == names_.end()) unknown = text;
    }
    raise_type_error(title + " has no field " + unknown);
  }

  py::type class_;
  std::vector<std::string> names_;
  std::vector<CodecPtr> fields_;
};

class VariantCodec final : public Codec {
 public:
  VariantCodec(std::string name, py::type python_class, std::vector<std::string> names,
               std::vector<std::shared_ptr<const StructCodec>> alternatives)
      : Codec(Type::variant(name, names, types_of({alternatives.begin(), alternatives.end()})),
              std::move(name)),
        class_(std::move(python_class)),
        alternatives_(std::move(alternatives)) {}

  PyObject* to_python(const Value& value, Bindings* bindings) const override {
    return guarded([&] {
      return alternatives_.at(value.alternative())->members_to_python(value.elements(), bindings);
    });
  }
  bool from_python(PyObject* object, Match match, const Conversion& conversion,
                   Value& out) const override {
    if (!py::isinstance(object, class_)) return false;
    for (std::size_t i = 0; i < alternatives_.size(); ++i) {
      if (!py::isinstance(object, alternatives_[i]->python_class())) continue;
      std::vector<Value> values;
      if (!alternatives_[i]->members_from_python(object, match, conversion, values)) return false;
      out = Value::variant(static_cast<std::uint32_t>(i), std::move(values));
      return true;
    }
    return false;
  }
  bool accepts(const Value& value, Bindings* bindings) const override {
    return value.kind() == ValueKind::kVariant && value.alternative() < alternatives_.size() &&
           all_accept(alternatives_[value.alternative()]->fields(), value.elements(), bindings);
  }

 private:
  py::type class_;
  std::vector<std::shared_ptr<const StructCodec>> alternatives_;
};

}  // namespace

bool all_accept(const std::vector<CodecPtr>& codecs, std::span<const Value> values,
                Bindings* bindings) {
  if (codecs.size() != values.size()) return false;
  for (std::size_t i = 0; i < codecs.size(); ++i) {
    if (!codecs[i]->accepts(values[i], bindings)) return false;
  }
  return true;
}

std::vector<Type> types_of(const std::vector<CodecPtr>& codecs) {
  std::vector<Type> out;
  for (const CodecPtr& codec : codecs) out.push_back(codec->type());
  return out;
}

CodecPtr make_struct_codec(std::string name, py::type python_class, std::vector<std::string> names,
                           std::vector<CodecPtr> fields) {
  return std::make_shared<StructCodec>(std::move(name), std::move(python_class), std::move(names),
                                       std::move(fields));
}

py::object construct_struct(const Codec& struct_codec, const py::dict& given) {
  return dynamic_cast<const StructCodec&>(struct_codec).construct(given);
}

CodecPtr make_variant_codec(std::string name, py::type python_class, std::vector<std::string> names,
                            std::vector<CodecPtr> alternatives) {
  std::vector<std::shared_ptr<const StructCodec>> structs;
  for (const CodecPtr& alternative : alternatives) {
    structs.push_back(std::dynamic_pointer_cast<const StructCodec>(alternative));
    if (!structs.back()) raise_type_error("an alternative must be a struct");
  }
  return std::make_shared<VariantCodec>(std::move(name), std::move(python_class), std::move(names),
                                        std::move(structs));
}

}  // namespace odb::python
