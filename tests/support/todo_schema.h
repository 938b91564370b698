// The schema that tests of state, engine and server share.
#pragma once

#include "odb/core/schema.h"
#include "support/changes.h"

namespace odb::test {

inline constexpr TypeId kTask{1};
inline constexpr std::uint32_t kTitle = 0;   // text
inline constexpr std::uint32_t kStatus = 1;  // integer
inline constexpr std::uint32_t kPoints = 2;  // integer
inline constexpr IndexId kByStatus{1};
inline constexpr IndexId kByTitle{2};  // unique

inline constexpr TypeId kPerson{2};
inline constexpr std::uint32_t kName = 0;  // text

inline SchemaDefinition todo_schema() {
  return {"todo",
          {{"Task",
            {{"title", Type::text()}, {"status", Type::integer()}, {"points", Type::integer()}},
            {{"status", {"status"}}, {"title", {"title"}, Uniqueness::kUnique}}},
           {"Person", {{"name", Type::text()}}, {}}}};
}

inline Cells task(std::string_view title, std::int64_t status, std::int64_t points = 0) {
  return {{kTitle, Value::text(title)}, {kStatus, number(status)}, {kPoints, number(points)}};
}

}  // namespace odb::test
