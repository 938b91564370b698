// Values as JSON, by the types that are declared for them, and back without loss.
#pragma once

#include <string>
#include <vector>

#include "odb/core/type.h"
#include "odb/core/value.h"
#include "odb/tool/json_text.h"

namespace odb::tool {

// docs/tool.md shows how each type is written. Made once for a type and used for all its values;
// the type, whose references are resolved, outlives it. Any thread.
class ValueJson {
 public:
  explicit ValueJson(const Type& type);

  // Requires a value that fits the type.
  void append(std::string& out, const Value& value) const;
  // False: the cursor says what was expected and found. What is taken fits the type.
  bool take(JsonCursor& in, Value& value) const;

 private:
  // One-ofs whose options look alike in JSON name the option: {"1":...}.
  enum class Naming { kPlain, kByOption };

  bool take_unchecked(JsonCursor& in, Value& value) const;
  void append_one_of(std::string& out, const Value& value) const;
  bool take_one_of(JsonCursor& in, Value& value) const;
  void append_named(std::string& out, const Value& value) const;
  bool take_named(JsonCursor& in, std::vector<Value>& fields) const;
  bool take_sequence(JsonCursor& in, std::vector<Value>& elements) const;
  void append_dict(std::string& out, const Value& value) const;
  bool take_dict(JsonCursor& in, Value& value) const;
  bool take_variant(JsonCursor& in, Value& value) const;
  std::size_t option_of(const Value& value) const;

  const Type* type_;
  std::vector<ValueJson> children_;  // as the type's
  Naming naming_ = Naming::kPlain;
};

}  // namespace odb::tool
