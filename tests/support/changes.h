// Changesets, reads and catalogs in few words.
#pragma once

#include <gtest/gtest.h>

#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "odb/core/changeset.h"
#include "odb/core/key_codec.h"
#include "odb/core/schema.h"

namespace odb::test {

// A cell to set: field number and value.
struct Cell {
  std::uint32_t field = 0;
  Value value;
};
using Cells = std::vector<Cell>;

inline Value number(std::int64_t value) { return Value::integer(value); }

// Changes().create(kTask, 1, {{0, number(5)}}).erase(kTask, 2)
class Changes {
 public:
  Changes& create(TypeId type, std::uint64_t object, const Cells& cells = {}) {
    return add(ObjectChange::Kind::kCreate, type, object, cells);
  }
  Changes& update(TypeId type, std::uint64_t object, const Cells& cells) {
    return add(ObjectChange::Kind::kUpdate, type, object, cells);
  }
  Changes& erase(TypeId type, std::uint64_t object) {
    return add(ObjectChange::Kind::kDelete, type, object, {});
  }
  Changes& add(ObjectChange::Kind kind, TypeId type, std::uint64_t object, const Cells& cells) {
    changes_.begin(kind, type, ObjectId{object});
    for (const Cell& cell : cells) {
      changes_.add_cell({.field = FieldId{cell.field}, .value = cell.value});
    }
    return *this;
  }
  operator Changeset() const { return changes_; }  // NOLINT: that is what it is for

 private:
  Changeset changes_;
};

// The current catalog with a definition merged in; a failed expectation when it cannot be.
inline std::shared_ptr<const Catalog> merged(const Catalog& catalog,
                                             const SchemaDefinition& definition) {
  auto result = catalog.merged(definition);
  EXPECT_TRUE(result) << (result ? "" : result.error().message);
  return std::make_shared<const Catalog>(result ? *std::move(result) : catalog);
}

inline std::string key(std::initializer_list<Value> parts) {
  const std::vector<Value> values(parts);
  return encode_key(values);
}

}  // namespace odb::test
