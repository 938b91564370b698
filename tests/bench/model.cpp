#include "model.h"

#include <cstdio>
#include <cstdlib>
#include <utility>
#include <variant>

namespace odb::bench {

Schema counter_schema() {
  Schema schema("bench_counters");
  schema.define<Counter>();
  return schema;
}

Schema note_schema() {
  Schema schema("bench_notes");
  schema.define<Note>(index<&Note::status>());
  return schema;
}

Schema item_schema(Indexing indexing) {
  Schema schema("bench_items");
  if (indexing == Indexing::kNumber) {
    schema.define<Item>(index<&Item::number>());
  } else {
    schema.define<Item>();
  }
  return schema;
}

Item make_item(std::int64_t number) {
  char label[32];
  std::snprintf(label, sizeof label, "item-%011lld", static_cast<long long>(number));
  return {number, static_cast<double>(number) * 0.5, label};
}

Database connect_to(const json::object& arguments) {
  return connect_to(static_cast<std::uint16_t>(integer(arguments, "port")), {});
}

Database connect_to(std::uint16_t port, ConnectOptions options) {
  const char* const token = std::getenv("ODB_SERVICE_TOKEN");
  return connect("127.0.0.1", port, token != nullptr ? token : "", std::move(options));
}

std::vector<Ref<Counter>> create_counters(Database& database, std::size_t count) {
  std::vector<Ref<Counter>> counters;
  Transaction transaction = database.transaction();
  for (std::size_t i = 0; i < count; ++i) counters.push_back(transaction.create(Counter{}));
  transaction.commit();
  return counters;
}

void check_accepted(const CommitOutcome& outcome) {
  if (std::holds_alternative<Accepted>(outcome)) return;
  const Error* const error = std::get_if<Error>(&outcome);
  std::fprintf(stderr, "odb_bench: a commit failed: %s\n",
               error != nullptr ? error->message.c_str() : "conflict");
  std::exit(1);
}

}  // namespace odb::bench
