#include "objects.h"

#include <algorithm>
#include <utility>

#include "odb/core/utf8.h"

namespace odb::tool {

namespace {

constexpr std::size_t kCellBytesMax = 40;

std::string list_of_types(const Catalog& catalog) {
  std::string text;
  for (const auto& type : catalog.types()) {
    if (type != nullptr) text += (text.empty() ? "" : ", ") + to_string(type->name);
  }
  return text.empty() ? "no types" : text;
}

[[noreturn]] void throw_value(const CatalogType& type, const std::string& what) {
  throw ValueError({ErrorCode::kWrongType, to_string(type.name) + ": " + what});
}

Value parse_value(const CatalogType& type, const CatalogField& field, const std::string& text) {
  const ValueJson json(field.type);
  Value value;
  JsonCursor in(text);
  if (json.take(in, value) && in.take_end()) return value;
  // As a person writes it: a text without quotes.
  std::string quoted;
  if (is_valid_utf8(text)) append_text(quoted, text);
  JsonCursor again(quoted);
  if (json.take(again, value) && again.take_end()) return value;
  throw_value(type, "field " + field.name + ": " + in.message());
}

}  // namespace

const CatalogType& find_type(const Catalog& catalog, const std::string& name) {
  const CatalogType* found = nullptr;
  for (const auto& type : catalog.types()) {
    if (type == nullptr) continue;
    if (to_string(type->name) == name) return *type;
    if (type->name.type != name) continue;
    if (found != nullptr) {
      throw SchemaError({ErrorCode::kUnknownType, "several schemas have a type " + name +
                                                      ": expected " + to_string(found->name) +
                                                      " or " + to_string(type->name)});
    }
    found = type.get();
  }
  if (found != nullptr) return *found;
  throw SchemaError(
      {ErrorCode::kUnknownType, "there is no type " + name + ", but " +
                                    std::string(utf8_prefix(list_of_types(catalog), 400))});
}

Interest parse_interest(const CatalogType& type, const std::vector<std::string>& conditions) {
  if (conditions.empty()) return TypeInterest{type.id};
  std::vector<std::pair<FieldId, Value>> wanted;
  for (const std::string& condition : conditions) {
    const std::size_t equals = condition.find('=');
    const std::string name = condition.substr(0, equals);
    const auto field = type.find_field(name);
    if (!field || equals == std::string::npos) {
      throw_value(type, "expected FIELD=VALUE, found " + condition.substr(0, 80));
    }
    wanted.emplace_back(*field,
                        parse_value(type, type.fields[field->value], condition.substr(equals + 1)));
  }
  for (const CatalogIndex& index : type.indexes) {
    if (index.fields.size() != wanted.size()) continue;
    std::vector<Value> key;
    for (const FieldId field : index.fields) {
      const auto found = std::find_if(wanted.begin(), wanted.end(),
                                      [&](const auto& item) { return item.first == field; });
      if (found != wanted.end()) key.push_back(found->second);
    }
    if (key.size() == wanted.size()) return IndexInterest{index.id, std::move(key)};
  }
  throw SchemaError(
      {ErrorCode::kUnknownIndex, to_string(type.name) + " has no index over exactly these fields"});
}

std::string object_json(const CatalogType& type, const ObjectLines& lines, ObjectId object,
                        std::span<const Value> fields) {
  std::string line = "{\"type\":";
  append_text(line, to_string(type.name));
  line += ",\"id\":";
  append_unsigned(line, object.value);
  line += ",\"fields\":";
  lines.append_named(line, fields);
  line += '}';
  return line;
}

std::vector<std::string> object_cells(const CatalogType& type, const ObjectLines& lines,
                                      ObjectId object, std::span<const Value> fields) {
  std::vector<std::string> cells = {std::to_string(object.value)};
  for (std::uint32_t i = 0; i < type.fields.size(); ++i) {
    std::string& cell = cells.emplace_back();
    lines.append_field(cell, FieldId{i}, fields);
    if (cell.size() <= kCellBytesMax) continue;
    cell = std::string(utf8_prefix(cell, kCellBytesMax - 3)) + "...";
  }
  return cells;
}

std::vector<std::string> head_cells(const CatalogType& type) {
  std::vector<std::string> cells = {"id"};
  for (const CatalogField& field : type.fields) cells.push_back(field.name);
  return cells;
}

}  // namespace odb::tool
