#include "odb/core/type.h"

#include <algorithm>
#include <boost/unordered/unordered_flat_set.hpp>
#include <utility>

namespace odb {
namespace {

Type of_children(Type::Kind kind, std::vector<Type> children) {
  Type out{kind};
  out.children = std::move(children);
  return out;
}

Type of_names(Type::Kind kind, std::string name, std::vector<std::string> names,
              std::vector<Type> children) {
  Type out = of_children(kind, std::move(children));
  out.name = std::move(name);
  out.names = std::move(names);
  return out;
}

void append_named(std::string& out, const Type& type);

void append(std::string& out, const Type& type) {
  const auto children = [&](std::string_view word) {
    out += word;
    out += '(';
    for (std::size_t i = 0; i < type.children.size(); ++i) {
      if (i != 0) out += ", ";
      append(out, type.children[i]);
    }
    out += ')';
  };
  switch (type.kind) {
    case Type::Kind::kNone:
      out += "none";
      return;
    case Type::Kind::kBool:
      out += "bool";
      return;
    case Type::Kind::kInt:
      out += "int";
      return;
    case Type::Kind::kFloat:
      out += "float";
      return;
    case Type::Kind::kText:
      out += "text";
      return;
    case Type::Kind::kData:
      out += "data";
      return;
    case Type::Kind::kTimestamp:
      out += "timestamp";
      return;
    case Type::Kind::kReference:
      out += to_string(type.target);
      return;
    case Type::Kind::kOneOf:
      children("one_of");
      return;
    case Type::Kind::kLiteral:
      out += to_string(type.literal);
      return;
    case Type::Kind::kList:
      children("list");
      return;
    case Type::Kind::kTuple:
      children("tuple");
      return;
    case Type::Kind::kDict:
      children("dict");
      return;
    case Type::Kind::kStruct:
    case Type::Kind::kVariant:
      append_named(out, type);
      return;
  }
  out += "unknown kind";
}

// "(x: float, y: float)"
void append_fields(std::string& out, const Type& type) {
  out += '(';
  for (std::size_t i = 0; i < type.children.size(); ++i) {
    if (i != 0) out += ", ";
    if (i < type.names.size()) out += type.names[i] + ": ";
    append(out, type.children[i]);
  }
  out += ')';
}

void append_named(std::string& out, const Type& type) {
  const bool is_struct = type.kind == Type::Kind::kStruct;
  out += !type.name.empty() ? type.name : is_struct ? "struct" : "variant";
  if (is_struct) return append_fields(out, type);
  out += '{';
  for (std::size_t i = 0; i < type.children.size(); ++i) {
    if (i != 0) out += ", ";
    if (i < type.names.size()) out += type.names[i];
    append_fields(out, type.children[i]);
  }
  out += '}';
}

Result<Value> default_children(const Type& type, std::vector<Value>& out) {
  out.reserve(type.children.size());
  for (std::size_t i = 0; i < type.children.size(); ++i) {
    Result<Value> value = default_value(type.children[i]);
    if (!value) return value;
    out.push_back(*std::move(value));
  }
  return Value();
}

Error no_default(std::string why) { return {ErrorCode::kMissingField, std::move(why)}; }

}  // namespace

std::string to_string(const TypeName& name) { return name.schema + "." + name.type; }

Type Type::reference(TypeName target) {
  Type out{Kind::kReference};
  out.target = std::move(target);
  return out;
}

Type Type::one_of(std::vector<Type> options) {
  std::vector<Type> flat;
  boost::unordered_flat_set<Value> literals;  // described enums have many
  const auto add = [&](Type&& option) {
    const bool is_new = option.kind == Kind::kLiteral
                            ? literals.insert(option.literal).second
                            : std::find(flat.begin(), flat.end(), option) == flat.end();
    if (is_new) flat.push_back(std::move(option));
  };
  for (Type& option : options) {
    if (option.kind == Kind::kOneOf) {
      for (Type& nested : option.children) add(std::move(nested));
    } else {
      add(std::move(option));
    }
  }
  if (flat.size() == 1) return std::move(flat.front());
  return of_children(Kind::kOneOf, std::move(flat));
}

Type Type::literal_of(Value value) {
  Type out{Kind::kLiteral};
  out.literal = std::move(value);
  return out;
}

Type Type::list(Type element) {
  std::vector<Type> children;
  children.push_back(std::move(element));
  return of_children(Kind::kList, std::move(children));
}

Type Type::tuple(std::vector<Type> elements) {
  return of_children(Kind::kTuple, std::move(elements));
}

Type Type::dict(Type key, Type value) {
  std::vector<Type> children;
  children.push_back(std::move(key));
  children.push_back(std::move(value));
  return of_children(Kind::kDict, std::move(children));
}

Type Type::structure(std::string name, std::vector<std::string> names, std::vector<Type> fields) {
  return of_names(Kind::kStruct, std::move(name), std::move(names), std::move(fields));
}

Type Type::variant(std::string name, std::vector<std::string> names,
                   std::vector<Type> alternatives) {
  return of_names(Kind::kVariant, std::move(name), std::move(names), std::move(alternatives));
}

bool operator==(const Type& a, const Type& b) {
  return a.kind == b.kind && a.target == b.target && a.literal == b.literal && a.names == b.names &&
         a.children == b.children;
}

std::string to_string(const Type& type) {
  std::string out;
  append(out, type);
  return out;
}

Result<Value> default_value(const Type& type) {
  std::vector<Value> children;
  switch (type.kind) {
    case Type::Kind::kNone:
      return Value::none();
    case Type::Kind::kBool:
      return Value::boolean(false);
    case Type::Kind::kInt:
      return Value::integer(0);
    case Type::Kind::kFloat:
      return Value::real(0);
    case Type::Kind::kText:
      return Value::text("");
    case Type::Kind::kData:
      return Value::data({});
    case Type::Kind::kTimestamp:
      return Value::timestamp(0);
    case Type::Kind::kReference:
      return no_default("a reference to " + to_string(type) + " has no default");
    case Type::Kind::kLiteral:
      return type.literal;
    case Type::Kind::kList:
      return Value::list({});
    case Type::Kind::kDict:
      return Value::dict({});
    case Type::Kind::kOneOf:
      if (type.children.empty()) return no_default("a one_of without options has no default");
      return default_value(type.children.front());
    case Type::Kind::kTuple:
    case Type::Kind::kStruct:
      if (auto result = default_children(type, children); !result) return result;
      return type.kind == Type::Kind::kTuple ? Value::tuple(std::move(children))
                                             : Value::structure(std::move(children));
    case Type::Kind::kVariant:
      if (type.children.empty()) return no_default("a variant without alternatives has no default");
      if (auto result = default_children(type.children.front(), children); !result) return result;
      return Value::variant(0, std::move(children));
  }
  return no_default("a type of unknown kind has no default");
}

}  // namespace odb
