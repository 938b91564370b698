// TypeDefinition: a schema type as this program declares it. Bindings: its numbers on one server.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "codec.h"
#include "odb/client/detail/client_catalog.h"
#include "odb/client/schema.h"
#include "python.h"

namespace odb::python {

struct FieldInfo {
  std::string name;
  PyObject* python_name = nullptr;  // interned
  std::shared_ptr<const Codec> codec;
};

struct IndexInfo {
  std::string name;
  PyObject* python_name = nullptr;  // interned
  std::vector<std::size_t> fields;  // positions
  Uniqueness uniqueness = Uniqueness::kMany;
  IndexRole role = IndexRole::kLookup;
};

// Made when a type is first mentioned (`schema.Task`), completed when it is defined. Lives as long
// as the process, as classes do in practice; so plain pointers to it are safe everywhere. Guarded
// by the GIL.
class TypeDefinition {
 public:
  explicit TypeDefinition(TypeName type_name);
  TypeDefinition(const TypeDefinition&) = delete;
  TypeDefinition& operator=(const TypeDefinition&) = delete;

  void complete(py::type python_class, std::vector<FieldInfo> own_fields,
                std::vector<IndexInfo> own_indexes, py::object deletion);

  const TypeName& name() const { return name_; }
  std::size_t slot() const { return slot_; }  // numbers the definitions of this process
  bool is_complete() const { return class_ != nullptr; }
  PyTypeObject* python_class() const { return class_; }  // null until complete
  const std::vector<FieldInfo>& fields() const { return fields_; }
  const std::vector<IndexInfo>& indexes() const { return indexes_; }
  const py::object& on_delete() const { return on_delete_; }  // the class's __del__, or none

  // The position of the field of this name; as many as there are when there is none.
  std::size_t find_field(PyObject* field_name) const;

  // For the server; without the fields that refer to what `omits` says, and the indexes over them.
  odb::TypeDefinition declaration(const std::function<bool(const TypeName&)>& omits) const;
  // "todo.Task.title": how messages name a field.
  std::string field_path(std::size_t field) const;
  // Raises FieldNotDefaultInitializable; `what` says what went wrong: "must be given".
  [[noreturn]] void refuse_without_default(const std::string& field, const std::string& type,
                                           const std::string& what) const;
  [[noreturn]] void refuse_without_default(std::size_t field, const std::string& what) const {
    refuse_without_default(fields_[field].name, fields_[field].codec->name(), what);
  }

  // The definition whose class this is; null for every other class.
  static TypeDefinition* of(PyTypeObject* python_class);

 private:
  TypeName name_;
  std::size_t slot_;
  PyTypeObject* class_ = nullptr;
  std::vector<FieldInfo> fields_;
  std::vector<IndexInfo> indexes_;
  py::object on_delete_ = py::none();
};

struct Binding {
  const TypeDefinition* definition = nullptr;
  const CatalogType* type = nullptr;
  const ObjectTable* objects = nullptr;  // null when the client holds no object yet
  std::vector<FieldId> fields;           // by position in the definition
  std::vector<IndexId> indexes;
  std::vector<std::size_t> required;   // positions of fields without a default
  std::vector<std::size_t> positions;  // by FieldId; kNoPosition for those not declared here
  // A field without a default that this program does not declare; empty when there is none.
  std::string undeclared_required;

  static constexpr std::size_t kNoPosition = static_cast<std::size_t>(-1);
};

// Resolves this program's definitions against one catalog, each when it is first used. Guarded by
// the GIL; shared by the views of one connection.
class Bindings {
 public:
  explicit Bindings(const detail::ClientCatalog& catalog) : catalog_(catalog) {}

  const Catalog& catalog() const { return *catalog_.catalog; }
  const std::shared_ptr<const Catalog>& shared_catalog() const { return catalog_.catalog; }
  bool is_of(const detail::ClientCatalog& catalog) const {
    return catalog_.catalog == catalog.catalog && catalog_.objects == catalog.objects;
  }
  const Binding& of(const TypeDefinition& definition) {
    if (definition.slot() < slots_.size() && slots_[definition.slot()]) [[likely]] {
      return *slots_[definition.slot()];
    }
    return resolve(definition);
  }
  TypeId type_of(const TypeDefinition& definition) { return of(definition).type->id; }

 private:
  const Binding& resolve(const TypeDefinition& definition);

  detail::ClientCatalog catalog_;
  std::vector<std::unique_ptr<Binding>> slots_;
};

}  // namespace odb::python
