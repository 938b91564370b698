// Whether a value is one of a type. Runs for every written cell: the answer first, as a bare bool,
// and only for a refusal the search for its reason.
#include <optional>
#include <string>

#include "odb/core/type.h"

namespace odb {
namespace {

constexpr std::size_t kTypeBytesMax = 200;  // of a type in a message

bool fits(const Value& value, const Type& type);

bool children_fit(std::span<const Value> values, const std::vector<Type>& types) {
  if (values.size() != types.size()) return false;
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (!fits(values[i], types[i])) return false;
  }
  return true;
}

bool reference_fits(const Value& value, const Type& type) {
  return value.object().value != 0 &&
         (type.target_id.value == 0 || value.object_type() == type.target_id);
}

bool sequence_fits(const Value& value, const Type& type) {
  const std::span<const Value> elements = value.elements();
  switch (type.kind) {
    case Type::Kind::kList:
      for (const Value& element : elements) {
        if (!fits(element, type.children[0])) return false;
      }
      return true;
    case Type::Kind::kDict:
      for (std::size_t i = 0; i < elements.size(); ++i) {
        if (!fits(elements[i], type.children[i % 2])) return false;
      }
      return true;
    case Type::Kind::kVariant:
      return value.alternative() < type.children.size() &&
             children_fit(elements, type.children[value.alternative()].children);
    default:
      return children_fit(elements, type.children);
  }
}

// The only kind that a type takes; nothing for one-ofs and literals.
std::optional<ValueKind> kind_of(Type::Kind kind) {
  switch (kind) {
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
    case Type::Kind::kOneOf:
    case Type::Kind::kLiteral:
      break;
  }
  return std::nullopt;
}

bool fits(const Value& value, const Type& type) {
  const ValueKind kind = value.kind();
  switch (type.kind) {
    case Type::Kind::kNone:
      return kind == ValueKind::kNone;
    case Type::Kind::kBool:
      return kind == ValueKind::kBool;
    case Type::Kind::kInt:
      return kind == ValueKind::kInt;
    case Type::Kind::kFloat:
      return kind == ValueKind::kFloat;
    case Type::Kind::kText:
      return kind == ValueKind::kText && is_valid_utf8(value.as_text());
    case Type::Kind::kData:
      return kind == ValueKind::kData;
    case Type::Kind::kTimestamp:
      return kind == ValueKind::kTimestamp;
    case Type::Kind::kReference:
      return kind == ValueKind::kReference && reference_fits(value, type);
    case Type::Kind::kLiteral:
      return value == type.literal;
    case Type::Kind::kOneOf:
      for (const Type& option : type.children) {
        if (fits(value, option)) return true;
      }
      return false;
    case Type::Kind::kList:
      return kind == ValueKind::kList && sequence_fits(value, type);
    case Type::Kind::kTuple:
      return kind == ValueKind::kTuple && sequence_fits(value, type);
    case Type::Kind::kDict:
      return kind == ValueKind::kDict && sequence_fits(value, type);
    case Type::Kind::kStruct:
      return kind == ValueKind::kStruct && sequence_fits(value, type);
    case Type::Kind::kVariant:
      return kind == ValueKind::kVariant && sequence_fits(value, type);
  }
  return false;
}

// Finds out why a value does not fit, and where.
class Explanation {
 public:
  explicit Explanation(const Type& expected) : expected_(expected) {}

  Error of(const Value& value) {
    if (value.depth() > static_cast<std::size_t>(kDepthMax)) {
      code_ = ErrorCode::kValueTooDeep;
      found_ = "a value nested deeper than " + std::to_string(kDepthMax) + " levels";
    } else {
      search(value, expected_);
    }
    std::string type = to_string(expected_);
    if (type.size() > kTypeBytesMax) type = std::string(utf8_prefix(type, kTypeBytesMax)) + "...";
    return {code_,
            "expected " + type + ", found " + found_ + (path_.empty() ? "" : " at ") + path_};
  }

 private:
  void search(const Value& value, const Type& type) {
    const std::string kind(to_string(value.kind()));
    found_ = kind;
    if (type.kind == Type::Kind::kOneOf) return search_options(value, type);
    if (type.kind == Type::Kind::kLiteral) {
      if (type.literal.kind() == value.kind()) found_ = "another " + kind;
      return;
    }
    if (kind_of(type.kind) != value.kind()) return;
    switch (type.kind) {
      case Type::Kind::kText:
        code_ = ErrorCode::kInvalidUtf8;
        found_ = "text that is not valid UTF-8";
        return;
      case Type::Kind::kReference:
        found_ = value.object().value == 0
                     ? "a reference to no object"
                     : "a reference to type " + std::to_string(value.object_type().value);
        return;
      case Type::Kind::kVariant:
        if (value.alternative() >= type.children.size()) {
          found_ = "alternative " + std::to_string(value.alternative()) + " of " +
                   std::to_string(type.children.size());
          return;
        }
        step("alternative " + type.names[value.alternative()]);
        return search_children(value, type.children[value.alternative()]);
      default:
        return search_children(value, type);
    }
  }

  void search_children(const Value& value, const Type& type) {
    const std::span<const Value> elements = value.elements();
    const bool repeats = type.kind == Type::Kind::kList || type.kind == Type::Kind::kDict;
    if (!repeats && elements.size() != type.children.size()) {
      const char* const members = type.kind == Type::Kind::kTuple ? " elements" : " fields";
      found_ += " of " + std::to_string(elements.size()) + members;
      return;
    }
    for (std::size_t i = 0; i < elements.size(); ++i) {
      const Type& child = type.children[repeats ? i % type.children.size() : i];
      if (fits(elements[i], child)) continue;
      step(place(type, i));
      return search(elements[i], child);
    }
  }

  static std::string place(const Type& type, std::size_t i) {
    if (type.kind == Type::Kind::kStruct) return "field " + type.names[i];
    if (type.kind != Type::Kind::kDict) return "element " + std::to_string(i);
    return (i % 2 == 0 ? "key " : "value ") + std::to_string(i / 2);
  }

  // Goes on in the only option that takes this kind; with none or several there is no place to
  // name.
  void search_options(const Value& value, const Type& type) {
    const Type* candidate = nullptr;
    std::size_t candidates = 0;
    for (const Type& option : type.children) {
      const bool takes = option.kind == Type::Kind::kLiteral ? option.literal.kind() == value.kind()
                                                             : kind_of(option.kind) == value.kind();
      if (!takes) continue;
      candidate = &option;
      ++candidates;
    }
    if (candidates == 1) return search(value, *candidate);
    if (candidates > 1) found_ = "another " + found_;
  }

  void step(const std::string& place) {
    if (!path_.empty()) path_ += ", ";
    path_ += place;
  }

  const Type& expected_;
  ErrorCode code_ = ErrorCode::kWrongType;
  std::string found_;
  std::string path_;
};

}  // namespace

Result<void> check_fits(const Value& value, const Type& type) {
  if (fits(value, type)) return {};  // no deeper than the type, which check_type bounds
  return Explanation(type).of(value);
}

}  // namespace odb
