#include "odb/tool/value_json.h"

#include <charconv>
#include <optional>
#include <span>
#include <utility>

namespace odb::tool {

namespace {

// How values of a type begin in JSON; several may be possible.
enum Shape : unsigned {
  kNull = 1,
  kBoolean = 2,
  kInteger = 4,
  kReal = 8,
  kString = 16,
  kArray = 32,
  kObject = 64,
  kAnything = 127,
};

bool is_scalar(ValueKind kind) { return kind < ValueKind::kReference; }

// The only kind of value that a type other than a one-of takes.
ValueKind kind_of(const Type& type) {
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
      break;
  }
  return ValueKind::kNotLoaded;
}

bool has_text_keys(const Type& dict) { return dict.children[0].kind == Type::Kind::kText; }

unsigned shape_of(const Type& type) {
  switch (kind_of(type)) {
    case ValueKind::kNone:
      return kNull;
    case ValueKind::kBool:
      return kBoolean;
    case ValueKind::kInt:
      return kInteger;
    case ValueKind::kFloat:
      return kReal | kString;
    case ValueKind::kText:
    case ValueKind::kData:
    case ValueKind::kTimestamp:
      return kString;
    case ValueKind::kReference:
      return type.kind == Type::Kind::kLiteral ? kAnything : kInteger;
    case ValueKind::kList:
    case ValueKind::kTuple:
      return type.kind == Type::Kind::kLiteral ? kAnything : kArray;
    case ValueKind::kDict:
      return type.kind == Type::Kind::kLiteral ? kAnything : has_text_keys(type) ? kObject : kArray;
    case ValueKind::kStruct:
    case ValueKind::kVariant:
      return type.kind == Type::Kind::kLiteral ? kAnything : kObject;
    case ValueKind::kNotLoaded:
      break;
  }
  return kAnything;
}

unsigned shape_at(const JsonCursor& in) {
  switch (in.peek()) {
    case 'n':
      return kNull;
    case 't':
    case 'f':
      return kBoolean;
    case '"':
      return kString;
    case '[':
      return kArray;
    case '{':
      return kObject;
    default:
      return in.is_at_float() ? kReal : kInteger;
  }
}

// Whether what stands in JSON for one could be taken for the other, and would be another value.
bool look_alike(const Type& a, const Type& b) {
  if ((shape_of(a) & shape_of(b)) == 0) return false;
  return kind_of(a) != kind_of(b) || !is_scalar(kind_of(a));
}

void append_scalar(std::string& out, const Value& value) {
  switch (value.kind()) {
    case ValueKind::kBool:
      out += value.as_bool() ? "true" : "false";
      return;
    case ValueKind::kInt:
      return append_integer(out, value.as_int());
    case ValueKind::kFloat:
      return append_float(out, value.as_float());
    case ValueKind::kText:
      return append_text(out, value.as_text());
    case ValueKind::kData:
      return append_base64(out, value.as_data());
    case ValueKind::kTimestamp:
      return append_timestamp(out, value.as_timestamp());
    default:
      out += "null";
  }
}

bool take_scalar(JsonCursor& in, ValueKind kind, Value& value) {
  switch (kind) {
    case ValueKind::kBool: {
      bool found = false;
      if (!in.take_bool(found)) return false;
      value = Value::boolean(found);
      return true;
    }
    case ValueKind::kInt: {
      std::int64_t found = 0;
      if (!in.take_integer(found)) return false;
      value = Value::integer(found);
      return true;
    }
    case ValueKind::kFloat: {
      double found = 0;
      if (!in.take_float(found)) return false;
      value = Value::real(found);
      return true;
    }
    case ValueKind::kText: {
      std::string_view found;
      if (!in.take_text(found)) return false;
      value = Value::text(found);
      return true;
    }
    case ValueKind::kData: {
      std::string found;
      if (!in.take_data(found)) return false;
      value = Value::data(std::as_bytes(std::span(found)));
      return true;
    }
    case ValueKind::kTimestamp: {
      std::int64_t found = 0;
      if (!in.take_timestamp(found)) return false;
      value = Value::timestamp(found);
      return true;
    }
    default:
      if (!in.skip("null")) return in.expected("none (null)");
      value = Value::none();
      return true;
  }
}

}  // namespace

ValueJson::ValueJson(const Type& type) : type_(&type) {
  children_.reserve(type.children.size());
  for (const Type& child : type.children) children_.emplace_back(child);
  if (type.kind != Type::Kind::kOneOf) return;
  // Literals of one scalar kind, of which enumerations have many, never look alike; comparing each
  // with the first of its kind is enough.
  std::vector<const Type*> distinct;
  for (const Type& option : type.children) {
    bool is_new = true;
    for (const Type* other : distinct) {
      if (look_alike(*other, option)) naming_ = Naming::kByOption;
      if (kind_of(*other) == kind_of(option) && is_scalar(kind_of(option))) is_new = false;
    }
    if (shape_of(option) == kAnything) naming_ = Naming::kByOption;
    if (is_new) distinct.push_back(&option);
  }
}

// ---- writing ----

void ValueJson::append(std::string& out, const Value& value) const {
  switch (type_->kind) {
    case Type::Kind::kReference:
      return append_unsigned(out, value.object().value);
    case Type::Kind::kOneOf:
      return append_one_of(out, value);
    case Type::Kind::kList:
    case Type::Kind::kTuple: {
      const bool is_list = type_->kind == Type::Kind::kList;
      out += '[';
      const std::span<const Value> elements = value.elements();
      for (std::size_t i = 0; i < elements.size(); ++i) {
        if (i != 0) out += ',';
        children_[is_list ? 0 : i].append(out, elements[i]);
      }
      out += ']';
      return;
    }
    case Type::Kind::kDict:
      return append_dict(out, value);
    case Type::Kind::kStruct:
      return append_named(out, value);
    case Type::Kind::kVariant:
      out += '{';
      append_text(out, type_->names[value.alternative()]);
      out += ':';
      children_[value.alternative()].append_named(out, value);
      out += '}';
      return;
    default:
      return append_scalar(out, value);
  }
}

// Which option a value that fits belongs to.
std::size_t ValueJson::option_of(const Value& value) const {
  const std::vector<Type>& options = type_->children;
  for (std::size_t i = 0; i < options.size(); ++i) {
    if (kind_of(options[i]) != value.kind()) continue;
    if (options[i].kind == Type::Kind::kLiteral) {
      if (options[i].literal == value) return i;
    } else if (is_scalar(value.kind()) || check_fits(value, options[i])) {
      return i;
    }
  }
  return 0;
}

void ValueJson::append_one_of(std::string& out, const Value& value) const {
  if (naming_ == Naming::kPlain && is_scalar(value.kind())) return append_scalar(out, value);
  const std::size_t option = option_of(value);
  if (naming_ == Naming::kPlain) return children_[option].append(out, value);
  out += "{\"";
  out += std::to_string(option);
  out += "\":";
  children_[option].append(out, value);
  out += '}';
}

// The fields of a struct, or of the alternative of a variant, which is one.
void ValueJson::append_named(std::string& out, const Value& value) const {
  out += '{';
  const std::span<const Value> fields = value.elements();
  for (std::size_t i = 0; i < fields.size(); ++i) {
    if (i != 0) out += ',';
    append_text(out, type_->names[i]);
    out += ':';
    children_[i].append(out, fields[i]);
  }
  out += '}';
}

void ValueJson::append_dict(std::string& out, const Value& value) const {
  const bool is_object = has_text_keys(*type_);
  const std::span<const Value> elements = value.elements();
  out += is_object ? '{' : '[';
  for (std::size_t i = 0; i + 1 < elements.size(); i += 2) {
    if (i != 0) out += ',';
    if (!is_object) out += '[';
    children_[0].append(out, elements[i]);
    out += is_object ? ':' : ',';
    children_[1].append(out, elements[i + 1]);
    if (!is_object) out += ']';
  }
  out += is_object ? '}' : ']';
}

// ---- reading ----

bool ValueJson::take(JsonCursor& in, Value& value) const {
  if (!take_unchecked(in, value)) return false;
  if (auto fits = check_fits(value, *type_); !fits) return in.fail(fits.error().message);
  return true;
}

bool ValueJson::take_unchecked(JsonCursor& in, Value& value) const {
  switch (type_->kind) {
    case Type::Kind::kReference: {
      std::uint64_t object = 0;
      if (!in.take_unsigned(object)) return false;
      value = Value::reference(type_->target_id, ObjectId{object});
      return true;
    }
    case Type::Kind::kOneOf:
      return take_one_of(in, value);
    case Type::Kind::kList:
    case Type::Kind::kTuple: {
      std::vector<Value> elements;
      if (!take_sequence(in, elements)) return false;
      value = type_->kind == Type::Kind::kList ? Value::list(std::move(elements))
                                               : Value::tuple(std::move(elements));
      return true;
    }
    case Type::Kind::kDict:
      return take_dict(in, value);
    case Type::Kind::kStruct: {
      std::vector<Value> fields;
      if (!take_named(in, fields)) return false;
      value = Value::structure(std::move(fields));
      return true;
    }
    case Type::Kind::kVariant:
      return take_variant(in, value);
    case Type::Kind::kLiteral:
      if (shape_of(*type_) != kAnything) return take_scalar(in, type_->literal.kind(), value);
      if (!in.take("null")) return false;
      value = type_->literal;
      return true;
    default:
      return take_scalar(in, kind_of(*type_), value);
  }
}

bool ValueJson::take_one_of(JsonCursor& in, Value& value) const {
  if (naming_ == Naming::kPlain) {
    const unsigned shape = shape_at(in);
    for (const ValueJson& child : children_) {
      if ((shape_of(*child.type_) & shape) != 0) return child.take_unchecked(in, value);
    }
    return in.expected(to_string(*type_));
  }
  std::string_view name;
  if (!in.take('{') || !in.take_text(name)) return false;
  std::size_t option = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), option);
  if (error != std::errc() || end != name.data() + name.size() || option >= children_.size()) {
    return in.fail("expected the number of an option of " + to_string(*type_) +
                   ", found another text");
  }
  return in.take(':') && children_[option].take_unchecked(in, value) && in.take('}');
}

bool ValueJson::take_sequence(JsonCursor& in, std::vector<Value>& elements) const {
  if (in.peek() != '[') return in.expected(to_string(*type_));
  in.skip('[');
  const bool is_list = type_->kind == Type::Kind::kList;
  if (!is_list) elements.reserve(children_.size());
  while (!in.skip(']')) {
    if (!elements.empty() && !in.take(',')) return false;
    if (!is_list && elements.size() == children_.size()) return in.expected("the end of the tuple");
    const ValueJson& child = children_[is_list ? 0 : elements.size()];
    if (!child.take_unchecked(in, elements.emplace_back())) return false;
  }
  return true;
}

bool ValueJson::take_named(JsonCursor& in, std::vector<Value>& fields) const {
  if (!in.take('{')) return false;
  fields.reserve(children_.size());
  for (std::size_t i = 0; i < children_.size(); ++i) {
    if (i != 0 && !in.take(',')) return false;
    std::string_view name;
    if (!in.take_text(name)) return false;
    if (name != type_->names[i]) {
      return in.fail("expected field " + type_->names[i] + ", found another name");
    }
    if (!in.take(':') || !children_[i].take_unchecked(in, fields.emplace_back())) return false;
  }
  return in.take('}');
}

bool ValueJson::take_dict(JsonCursor& in, Value& value) const {
  const bool is_object = has_text_keys(*type_);
  if (!in.take(is_object ? '{' : '[')) return false;
  std::vector<std::pair<Value, Value>> entries;
  while (!in.skip(is_object ? '}' : ']')) {
    if (!entries.empty() && !in.take(',')) return false;
    auto& [key, mapped] = entries.emplace_back();
    if (!is_object && !in.take('[')) return false;
    if (!children_[0].take_unchecked(in, key) || !in.take(is_object ? ':' : ',') ||
        !children_[1].take_unchecked(in, mapped)) {
      return false;
    }
    if (!is_object && !in.take(']')) return false;
  }
  const std::size_t count = entries.size();
  value = Value::dict(std::move(entries));
  if (value.elements().size() != 2 * count) return in.fail("a dict has one key twice");
  return true;
}

bool ValueJson::take_variant(JsonCursor& in, Value& value) const {
  std::string_view name;
  if (!in.take('{') || !in.take_text(name)) return false;
  std::optional<std::uint32_t> found;
  for (std::uint32_t i = 0; i < children_.size() && !found; ++i) {
    if (name == type_->names[i]) found = i;
  }
  if (!found) return in.fail("expected an alternative of " + to_string(*type_) + ", found another");
  std::vector<Value> fields;
  if (!in.take(':') || !children_[*found].take_named(in, fields) || !in.take('}')) return false;
  value = Value::variant(*found, std::move(fields));
  return true;
}

}  // namespace odb::tool
