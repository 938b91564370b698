// The schema that the producers and consumers share; python/readings.py is the same in Python.
#pragma once

#include <odb/odb.h>

#include <cstdint>
#include <string>

struct Reading {
  std::string sensor{};
  std::int64_t number = 0;
  double value = 0;
  std::string made_by{};  // "c++" or "python"
};
BOOST_DESCRIBE_STRUCT(Reading, (), (sensor, number, value, made_by))

inline odb::Schema readings_schema() {
  odb::Schema schema("readings");
  schema.define<Reading>(odb::index<&Reading::sensor>(), odb::index<&Reading::made_by>());
  return schema;
}
