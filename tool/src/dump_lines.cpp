#include "odb/tool/dump_lines.h"

#include <array>
#include <boost/json.hpp>
#include <charconv>
#include <limits>
#include <optional>
#include <utility>

#include "odb/core/key_codec.h"
#include "odb/core/utf8.h"
#include "odb/version.h"

namespace odb::tool {

namespace {

namespace json = boost::json;

Error bad(std::string what) { return {ErrorCode::kBadConfiguration, std::move(what)}; }

Result<json::object> parse_object(std::string_view line, std::string_view what) {
  json::error_code failed;
  // A type may nest 64 levels; each takes several in JSON.
  json::value parsed = json::parse(line, failed, {}, {.max_depth = 512});
  if (failed || !parsed.is_object()) {
    return bad("expected " + std::string(what) + ", found something else");
  }
  return std::move(parsed.as_object());
}

std::optional<std::uint64_t> number_of(const json::object& object, std::string_view key) {
  const json::value* found = object.if_contains(key);
  json::error_code failed;
  if (found == nullptr || !found->is_number()) return std::nullopt;
  const auto number = found->to_number<std::uint64_t>(failed);
  if (failed) return std::nullopt;
  return number;
}

std::string text_of(const json::object& object, std::string_view key) {
  const json::value* found = object.if_contains(key);
  return found != nullptr && found->is_string() ? std::string(found->get_string()) : std::string();
}

Result<HistoryId> parse_history(std::string_view text) {
  HistoryId history;
  constexpr std::size_t kHalf = 16;
  if (text.size() == 2 * kHalf) {
    const char* at = text.data();
    const auto high = std::from_chars(at, at + kHalf, history.high, 16);
    const auto low = std::from_chars(at + kHalf, at + 2 * kHalf, history.low, 16);
    if (high.ptr == at + kHalf && low.ptr == at + 2 * kHalf) return history;
  }
  return bad("expected a history of 32 hexadecimal digits");
}

// ---- types ----

struct Scalar {
  std::string_view name;
  Type::Kind kind;
};
constexpr std::array kScalars = {Scalar{"none", Type::Kind::kNone},
                                 Scalar{"bool", Type::Kind::kBool},
                                 Scalar{"int", Type::Kind::kInt},
                                 Scalar{"float", Type::Kind::kFloat},
                                 Scalar{"text", Type::Kind::kText},
                                 Scalar{"data", Type::Kind::kData},
                                 Scalar{"timestamp", Type::Kind::kTimestamp}};

json::value children_json(const Type& type) {
  json::array children;
  for (const Type& child : type.children) children.push_back(to_json(child));
  return children;
}

json::value named_json(const Type& type, std::string_view members) {
  json::array named;
  for (std::size_t i = 0; i < type.children.size(); ++i) {
    named.push_back(json::array{type.names[i], to_json(type.children[i])});
  }
  return json::object{{"name", type.name}, {members, std::move(named)}};
}

// A literal may be any value: its canonical bytes, in base64.
json::value literal_json(const Value& literal) {
  std::string text;
  std::string key;
  append_key(key, literal);
  append_base64(text, std::as_bytes(std::span(key)));
  return json::object{{"shown", to_string(literal)},
                      {"key", std::string_view(text).substr(1, text.size() - 2)}};
}

Result<std::vector<Type>> children_from(const json::value& json) {
  const json::array* array = json.if_array();
  if (array == nullptr) return bad("expected a list of types");
  std::vector<Type> children;
  for (const json::value& child : *array) {
    auto type = type_from_json(child);
    if (!type) return type.error();
    children.push_back(*std::move(type));
  }
  return children;
}

Result<Type> named_from(Type::Kind kind, const json::value& json, std::string_view members) {
  const json::object* object = json.if_object();
  const json::value* list = object == nullptr ? nullptr : object->if_contains(members);
  if (list == nullptr || !list->is_array()) {
    return bad("expected a name and a list of " + std::string(members));
  }
  Type type{kind};
  type.name = text_of(*object, "name");
  for (const json::value& member : list->get_array()) {
    const json::array* pair = member.if_array();
    if (pair == nullptr || pair->size() != 2 || !pair->at(0).is_string()) {
      return bad("expected a list of " + std::string(members) + ", each with name and type");
    }
    auto child = type_from_json(pair->at(1));
    if (!child) return child;
    type.names.emplace_back(pair->at(0).get_string());
    type.children.push_back(*std::move(child));
  }
  return type;
}

Result<Type> literal_from(const json::value& json) {
  const json::object* object = json.if_object();
  std::string text;
  if (object != nullptr) append_text(text, text_of(*object, "key"));
  JsonCursor in(text);
  std::string key;
  if (object == nullptr || !in.take_data(key)) return bad("expected a literal in base64");
  auto parts = decode_key(key);
  if (!parts || parts->size() != 1) return bad("expected a literal in base64");
  return Type::literal_of(std::move(parts->front()));
}

Result<Type> reference_from(const json::value& json) {
  const json::array* names = json.if_array();
  if (names == nullptr || names->size() != 2 || !names->at(0).is_string() ||
      !names->at(1).is_string()) {
    return bad("expected the schema and the type that a reference names");
  }
  return Type::reference(
      {std::string(names->at(0).get_string()), std::string(names->at(1).get_string())});
}

Result<Type> of_children(Type::Kind kind, const json::value& json) {
  auto children = children_from(json);
  if (!children) return children.error();
  Type type{kind};
  type.children = *std::move(children);
  return type;
}

// ---- catalog types ----

json::value index_json(const CatalogType& type, const CatalogIndex& index) {
  json::array fields;
  for (const FieldId field : index.fields) fields.emplace_back(type.fields[field.value].name);
  return json::object{{"id", index.id.value},
                      {"name", index.name},
                      {"fields", std::move(fields)},
                      {"unique", index.uniqueness == Uniqueness::kUnique},
                      {"owner", index.role == IndexRole::kOwner}};
}

bool flag_of(const json::object& object, std::string_view key) {
  const json::value* found = object.if_contains(key);
  return found != nullptr && found->is_bool() && found->get_bool();
}

Result<CatalogIndex> index_from(const CatalogType& type, const json::value& json) {
  const json::object* object = json.if_object();
  if (object == nullptr) return bad("expected an index");
  const auto id = number_of(*object, "id");
  const json::value* fields = object->if_contains("fields");
  if (!id || *id > std::numeric_limits<std::uint32_t>::max() || fields == nullptr ||
      !fields->is_array()) {
    return bad("expected an index with id, name and fields");
  }
  CatalogIndex index;
  index.id = IndexId{static_cast<std::uint32_t>(*id)};
  index.type = type.id;
  index.name = text_of(*object, "name");
  for (const json::value& field : fields->get_array()) {
    const auto found =
        field.is_string() ? type.find_field(field.get_string()) : std::optional<FieldId>();
    if (!found)
      return bad("index " + index.name + " names a field that " + to_string(type.name) +
                 " does not have");
    index.fields.push_back(*found);
  }
  if (flag_of(*object, "unique")) index.uniqueness = Uniqueness::kUnique;
  if (flag_of(*object, "owner")) index.role = IndexRole::kOwner;
  return index;
}

}  // namespace

json::value to_json(const Type& type) {
  switch (type.kind) {
    case Type::Kind::kReference:
      return json::object{{"reference", json::array{type.target.schema, type.target.type}}};
    case Type::Kind::kOneOf:
      return json::object{{"one_of", children_json(type)}};
    case Type::Kind::kLiteral:
      return json::object{{"literal", literal_json(type.literal)}};
    case Type::Kind::kList:
      return json::object{{"list", to_json(type.children[0])}};
    case Type::Kind::kTuple:
      return json::object{{"tuple", children_json(type)}};
    case Type::Kind::kDict:
      return json::object{{"dict", children_json(type)}};
    case Type::Kind::kStruct:
      return json::object{{"struct", named_json(type, "fields")}};
    case Type::Kind::kVariant:
      return json::object{{"variant", named_json(type, "alternatives")}};
    default:
      break;
  }
  for (const Scalar& scalar : kScalars) {
    if (scalar.kind == type.kind) return json::string(scalar.name);
  }
  return nullptr;
}

Result<Type> type_from_json(const json::value& json) {
  if (const json::string* name = json.if_string()) {
    for (const Scalar& scalar : kScalars) {
      if (*name == scalar.name) return Type{scalar.kind};
    }
    return bad("expected a type, found \"" + std::string(utf8_prefix(*name, 40)) + "\"");
  }
  const json::object* object = json.if_object();
  if (object == nullptr || object->size() != 1) return bad("expected a type");
  const std::string_view kind = object->begin()->key();
  const json::value& what = object->begin()->value();
  if (kind == "reference") return reference_from(what);
  if (kind == "literal") return literal_from(what);
  if (kind == "one_of") return of_children(Type::Kind::kOneOf, what);
  if (kind == "list") return of_children(Type::Kind::kList, json::array{what});
  if (kind == "tuple") return of_children(Type::Kind::kTuple, what);
  if (kind == "dict") return of_children(Type::Kind::kDict, what);
  if (kind == "struct") return named_from(Type::Kind::kStruct, what, "fields");
  if (kind == "variant") return named_from(Type::Kind::kVariant, what, "alternatives");
  return bad("expected a type, found \"" + std::string(utf8_prefix(kind, 40)) + "\"");
}

json::value to_json(const CatalogType& type) {
  json::array fields;
  for (const CatalogField& field : type.fields) {
    fields.push_back(json::array{field.name, to_json(field.type)});
  }
  json::array indexes;
  for (const CatalogIndex& index : type.indexes) indexes.push_back(index_json(type, index));
  return json::object{{"id", type.id.value},
                      {"schema", type.name.schema},
                      {"name", type.name.type},
                      {"fields", std::move(fields)},
                      {"indexes", std::move(indexes)}};
}

std::string to_text(HistoryId history) {
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string text(32, '0');
  for (std::size_t i = 0; i < 16; ++i) {
    text[15 - i] = kHex[history.high >> (4 * i) & 15];
    text[31 - i] = kHex[history.low >> (4 * i) & 15];
  }
  return text;
}

// ---- lines ----

std::string header_line(const DumpHeader& header) {
  return json::serialize(json::object{{"odb_dump", kDumpFormat},
                                      {"software", std::string("odb ") + kVersionText},
                                      {"history", to_text(header.history)},
                                      {"version", header.version.value},
                                      {"ids_below", header.ids_below.value}}) +
         "\n";
}

Result<DumpHeader> parse_header(std::string_view line) {
  if (!line.starts_with("{\"odb_dump\":")) return bad("it is no dump of odb");
  auto object = parse_object(line, "the first line of a dump");
  if (!object) return object.error();
  const auto format = number_of(*object, "odb_dump");
  if (!format || *format == 0) return bad("its first line names no format");
  if (*format > kDumpFormat) {
    return bad("it has format " + std::to_string(*format) + ", this version knows those up to " +
               std::to_string(kDumpFormat) + ": it was written by a newer odb");
  }
  const auto version = number_of(*object, "version");
  const auto ids_below = number_of(*object, "ids_below");
  auto history = parse_history(text_of(*object, "history"));
  if (!history) return history.error();
  if (!version || !ids_below) return bad("its first line lacks a version or ids_below");
  return DumpHeader{*history, Version{*version}, ObjectId{*ids_below}};
}

std::string type_line(const CatalogType& type) {
  return json::serialize(json::object{{"type", to_json(type)}}) + "\n";
}

Result<CatalogType> parse_type(std::string_view line) {
  auto object = parse_object(line, "a type");
  if (!object) return object.error();
  const json::value* found = object->if_contains("type");
  if (found == nullptr || !found->is_object()) return bad("expected a type");
  const json::object& json = found->get_object();
  const auto id = number_of(json, "id");
  const json::value* fields = json.if_contains("fields");
  const json::value* indexes = json.if_contains("indexes");
  if (!id || *id > std::numeric_limits<std::uint32_t>::max() || fields == nullptr ||
      !fields->is_array() || indexes == nullptr || !indexes->is_array()) {
    return bad("expected a type with id, schema, name, fields and indexes");
  }
  CatalogType type;
  type.id = TypeId{static_cast<std::uint32_t>(*id)};
  type.name = {text_of(json, "schema"), text_of(json, "name")};
  for (const json::value& field : fields->get_array()) {
    const json::array* pair = field.if_array();
    if (pair == nullptr || pair->size() != 2 || !pair->at(0).is_string()) {
      return bad(to_string(type.name) + ": expected fields, each with name and type");
    }
    auto field_type = type_from_json(pair->at(1));
    const std::string name(pair->at(0).get_string());
    if (!field_type) {
      return bad(to_string(type.name) + ", field " + name + ": " + field_type.error().message);
    }
    type.fields.push_back({name, *std::move(field_type), std::nullopt});
  }
  for (const json::value& index : indexes->get_array()) {
    auto parsed = index_from(type, index);
    if (!parsed) return bad(to_string(type.name) + ": " + parsed.error().message);
    type.indexes.push_back(*std::move(parsed));
  }
  return type;
}

std::string count_line(std::string_view what, const DumpCount& count) {
  return json::serialize(json::object{{what, count.count}, {"sha256", count.sha256}}) + "\n";
}

Result<DumpCount> parse_count(std::string_view what, std::string_view line) {
  auto object = parse_object(line, "a count");
  if (!object) return object.error();
  const auto count = number_of(*object, what);
  if (!count) return bad("expected a count of " + std::string(what));
  return DumpCount{*count, text_of(*object, "sha256")};
}

// ---- objects ----

ObjectLines::ObjectLines(const CatalogType& type)
    : type_(type), begin_("{\"type\":" + std::to_string(type.id.value) + ",\"id\":") {
  fields_.reserve(type.fields.size());
  for (const CatalogField& field : type.fields) fields_.emplace_back(field.type);
}

void ObjectLines::append_field(std::string& out, FieldId field,
                               std::span<const Value> fields) const {
  const std::size_t i = field.value;
  if (i < fields.size()) return fields_[i].append(out, fields[i]);
  // A field that was added later has a default, or the schema would have been refused.
  if (type_.fields[i].fallback) return fields_[i].append(out, *type_.fields[i].fallback);
  out += "null";
}

void ObjectLines::append(std::string& out, ObjectId object, std::span<const Value> fields) const {
  out += begin_;
  append_unsigned(out, object.value);
  out += ",\"fields\":[";
  for (std::uint32_t i = 0; i < fields_.size(); ++i) {
    if (i != 0) out += ',';
    append_field(out, FieldId{i}, fields);
  }
  out += "]}\n";
}

void ObjectLines::append_named(std::string& out, std::span<const Value> fields) const {
  out += '{';
  for (std::uint32_t i = 0; i < fields_.size(); ++i) {
    if (i != 0) out += ',';
    append_text(out, type_.fields[i].name);
    out += ':';
    append_field(out, FieldId{i}, fields);
  }
  out += '}';
}

bool ObjectLines::take_fields(JsonCursor& in, std::vector<Value>& fields) const {
  if (!in.take(",\"fields\":[")) return false;
  fields.reserve(fields_.size());
  for (std::size_t i = 0; i < fields_.size(); ++i) {
    if (i != 0 && !in.take(',')) return false;
    if (!fields_[i].take(in, fields.emplace_back())) return false;
  }
  return in.take("]}") && in.take_end();
}

bool take_object_begin(JsonCursor& in, TypeId& type, ObjectId& object) {
  std::uint64_t number = 0;
  if (!in.take("{\"type\":") || !in.take_unsigned(number)) return false;
  if (number > std::numeric_limits<std::uint32_t>::max())
    return in.expected("the number of a type");
  type = TypeId{static_cast<std::uint32_t>(number)};
  return in.take(",\"id\":") && in.take_unsigned(object.value);
}

}  // namespace odb::tool
