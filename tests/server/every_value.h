// An object with a value of every kind.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "odb/core/schema.h"
#include "support/changes.h"

namespace odb::test {

inline SchemaDefinition every_kind_schema() {
  const Type point = Type::structure("Point", {"x", "y"}, {Type::integer(), Type::real()});
  const Type shape =
      Type::variant("Shape", {"Dot", "Empty"}, {point, Type::structure("Empty", {}, {})});
  return {"all",
          {{"Thing",
            {{"none", Type::one_of({Type::none(), Type::integer()})},
             {"bool", Type::boolean()},
             {"int", Type::integer()},
             {"float", Type::real()},
             {"text", Type::text()},
             {"data", Type::data()},
             {"time", Type::timestamp()},
             {"list", Type::list(Type::text())},
             {"tuple", Type::tuple({Type::integer(), Type::text()})},
             {"dict", Type::dict(Type::text(), Type::list(Type::integer()))},
             {"struct", point},
             {"variant", shape},
             {"other", Type::one_of({Type::none(), Type::reference({"all", "Thing"})})}},
            {}}}};
}

inline std::vector<Value> every_value() {
  const std::string binary("\0\r\n$3\r\n\xFF\0", 9);
  return {
      Value::none(),
      Value::boolean(true),
      number(-5),
      Value::real(0.1),
      Value::text(std::string("nul \0 in it, \xC3\xA9", 15)),
      Value::data(std::as_bytes(std::span(binary))),
      Value::timestamp(1'700'000'000'000'000'001),
      Value::list({Value::text("a"), Value::text(std::string(5000, 'b'))}),
      Value::tuple({number(1), Value::text("")}),
      Value::dict({{Value::text("k"), Value::list({number(1), number(2)})}}),
      Value::structure({number(3), Value::real(-0.0)}),
      Value::variant(0, {number(3), Value::real(2.5)}),
      Value::reference(TypeId{1}, ObjectId{1}),
  };
}

inline Cells every_cell() {
  Cells cells;
  for (const Value& value : every_value()) {
    cells.push_back({static_cast<std::uint32_t>(cells.size()), value});
  }
  return cells;
}

}  // namespace odb::test
