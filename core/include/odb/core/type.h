// Type: the declared type of a field, and whether a value fits it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "odb/core/error.h"
#include "odb/core/ids.h"
#include "odb/core/utf8.h"
#include "odb/core/value.h"

namespace odb {

// Names a type across schemas: "todo.Task".
struct TypeName {
  std::string schema;
  std::string type;

  friend auto operator<=>(const TypeName&, const TypeName&) = default;
};

std::string to_string(const TypeName& name);

// A recursive description. Which members count depends on `kind`; the rest stay empty.
struct Type {
  enum class Kind : std::uint8_t {
    kNone,
    kBool,
    kInt,
    kFloat,
    kText,
    kData,
    kTimestamp,
    kReference,  // target
    kOneOf,      // children: the options, in order; none of them a one-of
    kLiteral,    // literal: exactly this value
    kList,       // children[0]: the element
    kTuple,      // children: the elements
    kDict,       // children[0]: the key, children[1]: the value
    kStruct,     // name; names and children: the fields
    kVariant,    // name; names and children: the alternatives, each a kStruct
  };

  Kind kind = Kind::kNone;
  std::string name;                // of a struct or variant, for people; not part of identity
  std::vector<std::string> names;  // of fields or alternatives
  std::vector<Type> children;
  Value literal;
  TypeName target;   // of a reference
  TypeId target_id;  // of a reference, once a catalog has resolved it; else 0

  static Type none() { return {Kind::kNone}; }
  static Type boolean() { return {Kind::kBool}; }
  static Type integer() { return {Kind::kInt}; }
  static Type real() { return {Kind::kFloat}; }
  static Type text() { return {Kind::kText}; }
  static Type data() { return {Kind::kData}; }
  static Type timestamp() { return {Kind::kTimestamp}; }
  static Type reference(TypeName target);
  // Flattens nested one-ofs and drops repeated options; one that remains alone is the type itself.
  static Type one_of(std::vector<Type> options);
  static Type literal_of(Value value);
  static Type list(Type element);
  static Type tuple(std::vector<Type> elements);
  static Type dict(Type key, Type value);
  static Type structure(std::string name, std::vector<std::string> names, std::vector<Type> fields);
  static Type variant(std::string name, std::vector<std::string> names,
                      std::vector<Type> alternatives);

  // The same type: `name` and `target_id` do not count.
  friend bool operator==(const Type& a, const Type& b);
};

// Nesting of values and types that odb accepts. A scalar type has depth 1; every kind with
// children, one-ofs included, adds one.
inline constexpr int kDepthMax = 64;

// Children of one type: options, elements, fields or alternatives.
inline constexpr std::size_t kTypeChildrenMax = 4096;

// Length of the names of schemas, types, fields, indexes and alternatives.
inline constexpr std::size_t kNameBytesMax = 256;

// As a person writes it: "one_of(none, int)", "list(text)", "todo.Task", "Point(x: float, y:
// float)", "Shape{Circle(radius: float), Empty()}"; a literal as its value.
std::string to_string(const Type& type);

// What a field, schema, ... may be called: not empty, at most kNameBytesMax bytes of valid UTF-8,
// no control characters. Else kInvalidSchema; `what` says whose name it is: "a field".
Result<void> check_name(std::string_view name, std::string_view what);

// Whether `type` is put together as its kind demands, within the limits above; else kInvalidSchema.
// A type that came from elsewhere must pass before it is used.
Result<void> check_type(const Type& type);

// The type's default: none, false, 0, empty, the epoch, the first option, a struct of defaults. A
// type that needs a reference has none and gives kMissingField.
Result<Value> default_value(const Type& type);

// Whether `value` is one of `type`, which has passed check_type; else kWrongType, kInvalidUtf8 or
// kValueTooDeep with a message of the form "expected list(int), found text at element 2" that
// contains nothing of the value but kinds and sizes. Text must be valid UTF-8. A reference must
// name an object and, once the type is resolved, the target's id.
Result<void> check_fits(const Value& value, const Type& type);

}  // namespace odb
