// The structs and schema that the tests of the typed client share.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "odb/odb.h"

namespace odb::test {

enum class Status { open, done };
BOOST_DESCRIBE_ENUM(Status, open, done)

struct Person {
  std::string name{};
};
BOOST_DESCRIBE_STRUCT(Person, (), (name))

struct Item {
  std::string title{};
  std::uint8_t priority = 0;
};
BOOST_DESCRIBE_STRUCT(Item, (), (title, priority))

struct Task : Item {
  Status status = Status::open;
  std::optional<Ref<Task>> parent{};
  std::optional<Ref<Person>> owner{};
  std::vector<std::string> tags{};
};
BOOST_DESCRIBE_STRUCT(Task, (Item), (status, parent, owner, tags))

inline Task task(std::string title, std::uint8_t priority = 0, Status status = Status::open) {
  Task out;
  out.title = std::move(title);
  out.priority = priority;
  out.status = status;
  return out;
}

inline Schema todo_schema(std::string name = "todo") {
  Schema schema(std::move(name));
  schema.define<Task>(index<&Task::status>(), index<Task, &Item::title>(),
                      index<&Task::status, &Item::priority>("by_status_and_priority"),
                      index<&Task::owner>());
  schema.define<Person>(unique<&Person::name>());
  return schema;
}

}  // namespace odb::test
