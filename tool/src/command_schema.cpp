// odb schema: types with fields, indexes and counts.
#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "command.h"
#include "odb/tool/dump_lines.h"

namespace odb::tool {

namespace {

class Counting final : public server::StoreLoader {
 public:
  Result<void> on_database(const server::StoredDatabase& stored) override {
    version_ = stored.version;
    return {};
  }
  Result<void> on_types(std::vector<CatalogType> types) override {
    types_ = std::move(types);
    return {};
  }
  Result<void> on_object(TypeId type, ObjectId, Version, std::vector<Value>) override {
    ++counts_[type];
    return {};
  }
  Result<void> on_outcomes(ClientOutcomes) override { return {}; }

  Version version() const { return version_; }
  const std::vector<CatalogType>& types() const { return types_; }
  std::uint64_t count(TypeId type) const {
    const auto found = counts_.find(type);
    return found == counts_.end() ? 0 : found->second;
  }

 private:
  Version version_;
  std::vector<CatalogType> types_;
  std::map<TypeId, std::uint64_t> counts_;
};

std::string describe(const CatalogType& type, std::uint64_t count) {
  std::string text = to_string(type.name) + ": " + std::to_string(count) + " objects\n";
  std::vector<std::vector<std::string>> rows;
  for (const CatalogField& field : type.fields) {
    rows.push_back({"  " + field.name, to_string(field.type)});
  }
  for (const CatalogIndex& index : type.indexes) {
    std::string fields;
    for (const FieldId field : index.fields) {
      fields += (fields.empty() ? "" : ", ") + type.fields[field.value].name;
    }
    const char* const kind = index.uniqueness == Uniqueness::kUnique ? "unique" : "index";
    rows.push_back({"  " + std::string(kind) + " " + index.name,
                    "(" + fields + ")" + (index.role == IndexRole::kOwner ? ", owner" : "")});
  }
  return text + table(rows);
}

Result<ExitCode> show(const Place& place, const std::string& name, Output output) {
  auto source = open_source(place);
  if (!source) return source.error();
  Counting found;
  if (auto loaded = (*source)->load(found); !loaded) return loaded.error();
  boost::json::array types;
  bool is_found = name.empty();
  for (const CatalogType& type : found.types()) {
    if (!name.empty() && name != type.name.schema && name != to_string(type.name)) continue;
    is_found = true;
    if (output == Output::kText) {
      if (auto printed = print(describe(type, found.count(type.id))); !printed) {
        return printed.error();
      }
      continue;
    }
    boost::json::value json = to_json(type);
    json.as_object()["objects"] = found.count(type.id);
    types.push_back(std::move(json));
  }
  if (!is_found) {
    return Error{ErrorCode::kUnknownSchema,
                 (*source)->name() + " has no schema and no type " + name};
  }
  if (output == Output::kText) return ExitCode::kSuccess;
  auto printed =
      print(boost::json::object{{"version", found.version().value}, {"types", std::move(types)}});
  if (!printed) return printed.error();
  return ExitCode::kSuccess;
}

struct Arguments {
  PlaceArguments place;
  std::string name;
};

}  // namespace

void add_schema(Program& program) {
  auto given = std::make_shared<Arguments>();
  CLI::App& command =
      program.add("schema", "Show types with fields, indexes and counts", [given](Output output) {
        auto place = take_place(given->place, Places::kBoth);
        if (!place) return Result<ExitCode>(place.error());
        return show(*place, given->name, output);
      });
  add_place(command, given->place, Places::kBoth);
  command.add_option("NAME", given->name, "A schema, or SCHEMA.TYPE; else all of them")
      ->type_name("");
}

}  // namespace odb::tool
