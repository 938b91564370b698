// What the clients of the crash loop work on.
#pragma once

#include <odb/odb.h>

#include <cstdint>
#include <string>
#include <vector>

namespace odb::crash {

// Added to without being read.
struct Counter {
  std::int64_t value = 0;
};
BOOST_DESCRIBE_STRUCT(Counter, (), (value))

// Read, and written one greater.
struct Register {
  std::int64_t value = 0;
};
BOOST_DESCRIBE_STRUCT(Register, (), (value))

// Two with the same number always have the same value.
struct Half {
  std::int64_t pair = 0;
  std::int64_t value = 0;
};
BOOST_DESCRIBE_STRUCT(Half, (), (pair, value))

// Created and deleted.
struct Item {
  std::string name{};
  std::string group{};
};
BOOST_DESCRIBE_STRUCT(Item, (), (name, group))

// Appended to and read; new ones each round.
struct List {
  std::vector<std::int64_t> elements{};
};
BOOST_DESCRIBE_STRUCT(List, (), (elements))

// Numbers of one client's transactions: each appends its own, and so leaves a trace. New ones each
// round.
struct Ledger {
  std::int64_t client = 0;
  std::vector<std::int64_t> numbers{};
};
BOOST_DESCRIBE_STRUCT(Ledger, (), (client, numbers))

inline constexpr const char* kGroups[] = {"red", "green", "blue", "black"};

inline Schema crash_schema() {
  Schema schema("crash");
  schema.define<Counter>();
  schema.define<Register>();
  schema.define<Half>(index<&Half::pair>());
  schema.define<Item>(unique<&Item::name>(), index<&Item::group>());
  schema.define<List>();
  schema.define<Ledger>(index<&Ledger::client>());
  return schema;
}

}  // namespace odb::crash
