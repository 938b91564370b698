// The schemas that the workers share.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "odb/odb.h"
#include "worker.h"

namespace odb::bench {

// What commits read and write.
struct Counter {
  std::int64_t count = 0;
};
BOOST_DESCRIBE_STRUCT(Counter, (), (count))

// What snapshots, reads and memory are about: 32 bytes of data.
struct Item {
  std::int64_t number = 0;
  double measure = 0;
  std::string label{};
};
BOOST_DESCRIBE_STRUCT(Item, (), (number, measure, label))
inline constexpr double kItemDataBytes = 8 + 8 + 16;

// What commits to an index are about.
struct Note {
  std::string text{};
  std::int64_t status = 0;
};
BOOST_DESCRIBE_STRUCT(Note, (), (text, status))
inline constexpr std::size_t kNoteTextBytes = 100;
inline constexpr std::int64_t kNoteStatuses = 64;  // values that its index has

Schema counter_schema();
Schema note_schema();  // indexed by status

enum class Indexing { kNone, kNumber };
Schema item_schema(Indexing indexing);
Item make_item(std::int64_t number);

// The server whose port is in a worker's arguments, with the token of the environment.
Database connect_to(const json::object& arguments);
Database connect_to(std::uint16_t port, ConnectOptions options);  // likewise

std::vector<Ref<Counter>> create_counters(Database& database, std::size_t count);

// Stops the worker with what the outcome says, unless it is accepted.
void check_accepted(const CommitOutcome& outcome);

}  // namespace odb::bench
