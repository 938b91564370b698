// Whether names and types are put together as they must be.
#include <boost/unordered/unordered_flat_set.hpp>
#include <string>

#include "odb/core/type.h"

namespace odb {
namespace {

Error invalid(std::string message) { return {ErrorCode::kInvalidSchema, std::move(message)}; }

// Which members a kind may fill; all others must be empty.
struct Shape {
  std::size_t children_min = 0;
  std::size_t children_max = 0;
  bool has_names = false;
  bool has_literal = false;
  bool has_target = false;
};

Shape shape_of(Type::Kind kind) {
  switch (kind) {
    case Type::Kind::kReference:
      return {.has_target = true};
    case Type::Kind::kLiteral:
      return {.has_literal = true};
    case Type::Kind::kOneOf:
      return {.children_min = 1, .children_max = kTypeChildrenMax};
    case Type::Kind::kList:
      return {.children_min = 1, .children_max = 1};
    case Type::Kind::kTuple:
      return {.children_max = kTypeChildrenMax};
    case Type::Kind::kDict:
      return {.children_min = 2, .children_max = 2};
    case Type::Kind::kStruct:
      return {.children_max = kTypeChildrenMax, .has_names = true};
    case Type::Kind::kVariant:
      return {.children_min = 1, .children_max = kTypeChildrenMax, .has_names = true};
    case Type::Kind::kNone:
    case Type::Kind::kBool:
    case Type::Kind::kInt:
    case Type::Kind::kFloat:
    case Type::Kind::kText:
    case Type::Kind::kData:
    case Type::Kind::kTimestamp:
      break;
  }
  return {};
}

std::string_view word(Type::Kind kind) {
  switch (kind) {
    case Type::Kind::kReference:
      return "reference";
    case Type::Kind::kLiteral:
      return "literal";
    case Type::Kind::kOneOf:
      return "one_of";
    case Type::Kind::kList:
      return "list";
    case Type::Kind::kTuple:
      return "tuple";
    case Type::Kind::kDict:
      return "dict";
    case Type::Kind::kStruct:
      return "struct";
    case Type::Kind::kVariant:
      return "variant";
    default:
      return "scalar";
  }
}

bool has_valid_text(const Value& value) {
  if (value.kind() == ValueKind::kText) return is_valid_utf8(value.as_text());
  for (const Value& element : value.elements()) {
    if (!has_valid_text(element)) return false;
  }
  return true;
}

Result<void> check_names(const Type& type) {
  const std::string owner(word(type.kind));
  if (type.names.size() != type.children.size()) {
    return invalid("a " + owner + " of " + std::to_string(type.children.size()) + " members has " +
                   std::to_string(type.names.size()) + " names");
  }
  if (!type.name.empty()) {
    if (auto result = check_name(type.name, "a " + owner); !result) return result;
  }
  boost::unordered_flat_set<std::string_view> seen;
  for (const std::string& name : type.names) {
    if (auto result = check_name(name, "a " + owner + " member"); !result) return result;
    if (!seen.insert(name).second) {
      return invalid("a " + owner + " has two members named \"" + name + "\"");
    }
  }
  return {};
}

Result<void> check_literal(const Value& literal) {
  if (literal.depth() > static_cast<std::size_t>(kDepthMax)) {
    return invalid("a literal nests deeper than " + std::to_string(kDepthMax) + " levels");
  }
  if (!has_valid_text(literal)) return invalid("a literal contains text that is not valid UTF-8");
  return {};
}

Result<void> check_members(const Type& type) {
  const std::string what(word(type.kind));
  const Shape shape = shape_of(type.kind);
  const std::size_t count = type.children.size();
  if (count < shape.children_min || count > shape.children_max) {
    return invalid("a " + what + " cannot have " + std::to_string(count) + " members");
  }
  if (!shape.has_names && !(type.name.empty() && type.names.empty())) {
    return invalid("a " + what + " cannot have names");
  }
  if (!shape.has_literal && !type.literal.is_none()) {
    return invalid("a " + what + " cannot have a literal");
  }
  if (!shape.has_target && (type.target != TypeName() || type.target_id != TypeId())) {
    return invalid("a " + what + " cannot have a target");
  }
  if (shape.has_names) return check_names(type);
  if (shape.has_literal) return check_literal(type.literal);
  if (shape.has_target) {
    if (auto result = check_name(type.target.schema, "a target schema"); !result) return result;
    return check_name(type.target.type, "a target type");
  }
  return {};
}

Result<void> check_type_at(const Type& type, int depth) {
  if (depth > kDepthMax) {
    return invalid("a type nests deeper than " + std::to_string(kDepthMax) + " levels");
  }
  if (type.kind > Type::Kind::kVariant) return invalid("a type is of no known kind");
  if (auto result = check_members(type); !result) return result;
  for (const Type& child : type.children) {
    if (type.kind == Type::Kind::kOneOf && child.kind == Type::Kind::kOneOf) {
      return invalid("an option of a one_of cannot be a one_of");
    }
    if (type.kind == Type::Kind::kVariant && child.kind != Type::Kind::kStruct) {
      return invalid("an alternative of a variant must be a struct");
    }
    if (auto result = check_type_at(child, depth + 1); !result) return result;
  }
  return {};
}

}  // namespace

Result<void> check_name(std::string_view name, std::string_view what) {
  const std::string subject = "the name of " + std::string(what);
  if (name.empty()) return invalid(subject + " is empty");
  if (name.size() > kNameBytesMax) {
    return invalid(subject + " takes " + std::to_string(name.size()) + " bytes, more than " +
                   std::to_string(kNameBytesMax));
  }
  if (!is_valid_utf8(name)) return invalid(subject + " is not valid UTF-8");
  for (const char c : name) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) {
      return invalid(subject + " contains a control character");
    }
  }
  return {};
}

Result<void> check_type(const Type& type) { return check_type_at(type, 1); }

}  // namespace odb
