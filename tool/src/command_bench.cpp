// odb bench: how fast a running server commits.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <boost/json.hpp>
#include <chrono>
#include <cstdio>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "command.h"
#include "odb/tool/source.h"

namespace odb::tool {

namespace {

using Clock = std::chrono::steady_clock;

// Its objects are deleted afterwards; the schema itself stays known to the server, empty.
constexpr const char* kSchema = "odb_bench";
constexpr const char* kType = "Row";

struct Arguments {
  PlaceArguments place;
  double seconds = 5;
  unsigned clients = 2;
};

Schema bench_schema() {
  Schema schema(kSchema);
  schema.define(TypeDefinition{.name = kType,
                               .fields = {{"number", Type::integer()}, {"name", Type::text()}},
                               .indexes = {{.name = {}, .fields = {"name"}}}});
  return schema;
}

// One client that commits one change after the other to an object of its own.
std::vector<double> measure_client(const ServerPlace& place, unsigned number,
                                   Clock::time_point until) {
  Database database = connect_to(place);
  database.define(bench_schema());
  const TypeId type = database.catalog()->find(TypeName{kSchema, kType})->id;
  Transaction making = database.transaction();
  const ObjectRef row =
      making.create(type, {{FieldId{0}, Value::integer(0)},
                           {FieldId{1}, Value::text("client " + std::to_string(number))}});
  making.commit();
  std::vector<double> microseconds;
  for (std::int64_t i = 1; Clock::now() < until && !is_interrupted(); ++i) {
    Transaction change = database.transaction();
    change.set(row, FieldId{0}, Value::integer(i));
    const auto begin = Clock::now();
    change.commit();
    microseconds.push_back(std::chrono::duration<double, std::micro>(Clock::now() - begin).count());
  }
  return microseconds;
}

// Whatever this or an earlier run has left.
void empty_schema(const ServerPlace& place) {
  Database database = connect_to(place);
  database.subscribe(bench_schema());
  const TypeId type = database.catalog()->find(TypeName{kSchema, kType})->id;
  database.transact([&](Transaction& t) {
    for (const ObjectRef row : t.all(type)) t.remove(row);
  });
}

double quantile(const std::vector<double>& sorted, double part) {
  if (sorted.empty()) return 0;
  const auto place = static_cast<std::size_t>(part * static_cast<double>(sorted.size()));
  return sorted[std::min(place, sorted.size() - 1)];
}

Result<ExitCode> measure(const Arguments& given, Output output) {
  auto taken = take_place(given.place, Places::kServers);
  if (!taken) return taken.error();
  const ServerPlace& place = std::get<ServerPlace>(*taken);
  empty_schema(place);
  const auto begin = Clock::now();
  const auto until = begin + std::chrono::duration_cast<Clock::duration>(
                                 std::chrono::duration<double>(given.seconds));
  std::mutex mutex;
  std::vector<double> all;
  std::optional<Error> failure;
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < given.clients; ++i) {
    threads.emplace_back([&, i] {
      try {
        const std::vector<double> mine = measure_client(place, i, until);
        const std::lock_guard lock(mutex);
        all.insert(all.end(), mine.begin(), mine.end());
      } catch (const Exception& error) {
        const std::lock_guard lock(mutex);
        failure = error.error();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  const double seconds = std::chrono::duration<double>(Clock::now() - begin).count();
  if (!is_interrupted()) empty_schema(place);
  if (failure) return *failure;
  if (is_interrupted()) return interrupted();
  std::sort(all.begin(), all.end());
  const double rate = static_cast<double>(all.size()) / seconds;
  const double p50 = quantile(all, 0.5);
  const double p99 = quantile(all, 0.99);
  Result<void> printed;
  if (output == Output::kJson) {
    printed = print(boost::json::object{{"clients", given.clients},
                                        {"seconds", seconds},
                                        {"commits", all.size()},
                                        {"commits_per_second", rate},
                                        {"p50_us", p50},
                                        {"p99_us", p99}});
  } else {
    char text[160];
    std::snprintf(text, sizeof text,
                  "%u clients, %zu commits in %.1f s: %.0f commits/s, p50 %.0f us, p99 %.0f us",
                  given.clients, all.size(), seconds, rate, p50, p99);
    printed = print(text);
  }
  if (!printed) return printed.error();
  return ExitCode::kSuccess;
}

}  // namespace

void add_bench(Program& program) {
  auto given = std::make_shared<Arguments>();
  CLI::App& command = program.add(
      "bench", "Measure commits against a running server, in a schema of its own (odb_bench)",
      [given](Output output) { return measure(*given, output); });
  add_place(command, given->place, Places::kServers);
  command.add_option("--seconds", given->seconds, "For how long")
      ->type_name("SECONDS")
      ->check(CLI::Range(0.1, 3600.0))
      ->capture_default_str();
  command.add_option("--clients", given->clients, "How many commit at a time, one by one")
      ->type_name("COUNT")
      ->check(CLI::Range(1u, 256u))
      ->capture_default_str();
}

}  // namespace odb::tool
