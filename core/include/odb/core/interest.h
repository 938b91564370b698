// Interests: what a subscriber wants to hold.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "odb/core/ids.h"
#include "odb/core/value.h"

namespace odb {

struct SchemaInterest {  // every type of the schema, those defined later included
  std::string schema;
  friend bool operator==(const SchemaInterest&, const SchemaInterest&) = default;
};
struct TypeInterest {
  TypeId type;
  friend bool operator==(const TypeInterest&, const TypeInterest&) = default;
};
struct IndexInterest {  // objects whose indexed fields have this value
  IndexId index;
  std::vector<Value> key;  // one value per field of the index
  friend bool operator==(const IndexInterest&, const IndexInterest&) = default;
};
struct ObjectsInterest {
  TypeId type;
  std::vector<ObjectId> objects;
  friend bool operator==(const ObjectsInterest&, const ObjectsInterest&) = default;
};

using Interest = std::variant<SchemaInterest, TypeInterest, IndexInterest, ObjectsInterest>;

}  // namespace odb
