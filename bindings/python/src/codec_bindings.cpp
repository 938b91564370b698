// Codecs as the declaration layer builds them: object_database._odb.Codec.
#include <pybind11/stl.h>

#include "codec.h"
#include "codec_recursive.h"
#include "errors.h"
#include "type_definition.h"

namespace odb::python {
namespace {

// A codec is immutable, and pybind11 holds no pointers to const.
struct CodecHandle {
  CodecPtr codec;
};

std::vector<CodecPtr> unpack(const std::vector<CodecHandle>& handles) {
  std::vector<CodecPtr> out;
  for (const CodecHandle& handle : handles) out.push_back(handle.codec);
  return out;
}

CodecHandle scalar(const std::string& word) {
  using Kind = Type::Kind;
  static constexpr std::pair<const char*, Kind> kKinds[] = {
      {"None", Kind::kNone},         {"bool", Kind::kBool}, {"int", Kind::kInt},
      {"float", Kind::kFloat},       {"str", Kind::kText},  {"bytes", Kind::kData},
      {"datetime", Kind::kTimestamp}};
  for (const auto& [name, kind] : kKinds) {
    if (word == name) return {make_scalar_codec(kind)};
  }
  raise_type_error("there is no scalar type " + word);
}

py::object to_python(const CodecHandle& self, const Value& value) {
  return steal(self.codec->to_python(value, nullptr));
}

std::vector<FieldInfo> fields_of(const std::vector<std::pair<std::string, CodecHandle>>& given) {
  std::vector<FieldInfo> out;
  for (const auto& [name, handle] : given) out.push_back({name, nullptr, handle.codec});
  return out;
}

// Name, positions of its fields, whether unique, whether it says who owns an object.
using GivenIndex = std::tuple<std::string, std::vector<std::size_t>, bool, bool>;

std::vector<IndexInfo> indexes_of(const std::vector<GivenIndex>& given) {
  std::vector<IndexInfo> out;
  for (const auto& [name, fields, unique, owner] : given) {
    out.push_back({name, nullptr, fields, unique ? Uniqueness::kUnique : Uniqueness::kMany,
                   owner ? IndexRole::kOwner : IndexRole::kLookup});
  }
  return out;
}

}  // namespace

void register_codecs(py::module_& module) {
  py::class_<TypeDefinition, std::unique_ptr<TypeDefinition, py::nodelete>>(module,
                                                                            "TypeDefinition")
      .def(py::init([](std::string schema, std::string type) {
        return new TypeDefinition({std::move(schema), std::move(type)});
      }))
      .def("complete",
           [](TypeDefinition& self, py::type python_class,
              const std::vector<std::pair<std::string, CodecHandle>>& fields,
              const std::vector<GivenIndex>& indexes, py::object on_delete) {
             self.complete(std::move(python_class), fields_of(fields), indexes_of(indexes),
                           std::move(on_delete));
           })
      .def_property_readonly("is_complete", &TypeDefinition::is_complete)
      .def_property_readonly("schema_name",
                             [](const TypeDefinition& self) { return self.name().schema; })
      .def_property_readonly("type_name",
                             [](const TypeDefinition& self) { return self.name().type; });

  py::class_<CodecHandle>(module, "Codec")
      .def_static("scalar", &scalar)
      .def_static("literal",
                  [](py::object value) { return CodecHandle{make_literal_codec(value.ptr())}; })
      .def_static(
          "reference",
          [](const TypeDefinition* target) { return CodecHandle{make_reference_codec(target)}; })
      .def_static("one_of",
                  [](const std::vector<CodecHandle>& options) {
                    return CodecHandle{make_one_of_codec(unpack(options))};
                  })
      .def_static(
          "list_of",
          [](const CodecHandle& element) { return CodecHandle{make_list_codec(element.codec)}; })
      .def_static("tuple_of",
                  [](const std::vector<CodecHandle>& elements) {
                    return CodecHandle{make_tuple_codec(unpack(elements))};
                  })
      .def_static("dict_of",
                  [](const CodecHandle& key, const CodecHandle& value) {
                    return CodecHandle{make_dict_codec(key.codec, value.codec)};
                  })
      .def_static("structure",
                  [](std::string name, py::type python_class, std::vector<std::string> names,
                     const std::vector<CodecHandle>& fields) {
                    return CodecHandle{make_struct_codec(std::move(name), std::move(python_class),
                                                         std::move(names), unpack(fields))};
                  })
      .def_static("variant",
                  [](std::string name, py::type python_class, std::vector<std::string> names,
                     const std::vector<CodecHandle>& alternatives) {
                    return CodecHandle{make_variant_codec(std::move(name), std::move(python_class),
                                                          std::move(names), unpack(alternatives))};
                  })
      .def_static(
          "self_reference",
          [](std::string name) { return CodecHandle{make_self_reference_codec(std::move(name))}; })
      .def_static(
          "recursive",
          [](const CodecHandle& self, const CodecHandle& variant, py::type python_class,
             py::type first_alternative) {
            return CodecHandle{make_recursive_codec(
                self.codec, variant.codec, std::move(python_class), std::move(first_alternative))};
          })
      .def_property_readonly("name", [](const CodecHandle& self) { return self.codec->name(); })
      .def_property_readonly("has_default",
                             [](const CodecHandle& self) {
                               return odb::default_value(self.codec->type()).has_value();
                             })
      .def("convert",
           [](const CodecHandle& self, py::object value, const std::string& place) {
             return to_python(self, self.codec->convert(value.ptr(), nullptr, place));
           })
      .def("default",
           [](const CodecHandle& self, const std::string& place) {
             return to_python(self, self.codec->default_value(place));
           })
      .def("construct", [](const CodecHandle& self, const py::dict& given) {
        return construct_struct(*self.codec, given);
      });
}

}  // namespace odb::python
