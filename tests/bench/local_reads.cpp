// How fast a program reads what it is subscribed to: no server takes part.
#include <random>
#include <stdexcept>

#include "clock.h"
#include "figures.h"
#include "snapshot.h"

namespace odb::bench {

namespace {

constexpr char kFigure[] = "local-reads";
constexpr double kReadsGoal = 10e6;

// Reads per second of a function that makes `reads` of them.
template <class Body>
double rate_of(std::int64_t reads, Body&& body) {
  const std::int64_t begin = now_ns();
  body();
  return static_cast<double>(reads) / seconds_since(begin);
}

}  // namespace

json::object local_reads_worker(const json::object& arguments, WorkerChannel&) {
  Database database = connect_to(arguments);
  database.subscribe(item_schema(Indexing::kNone));
  const View view = database.view();
  const std::vector<Ref<Item>> ordered = view.refs<Item>();
  std::vector<Ref<Item>> shuffled = ordered;
  std::shuffle(shuffled.begin(), shuffled.end(), std::mt19937_64(20240607));
  const auto count = static_cast<std::int64_t>(ordered.size());
  std::int64_t sum = 0;
  const auto read_all = [&](const std::vector<Ref<Item>>& refs) {
    for (const Ref<Item>& ref : refs) sum += view.get<&Item::number>(ref);
  };
  read_all(shuffled);  // warm
  sum = 0;
  const double random = rate_of(count, [&] { read_all(shuffled); });
  const double in_order = rate_of(count, [&] { read_all(ordered); });
  std::size_t label_bytes = 0;
  const double structs = rate_of(3 * count, [&] {
    for (const auto& [ref, item] : view.all<Item>()) {
      sum += item.number;
      label_bytes += item.label.size() + (item.measure < 0 ? 1 : 0);
    }
  });
  if (sum != 3 * (count * (count - 1) / 2) || label_bytes != static_cast<std::size_t>(16 * count)) {
    throw std::runtime_error("the objects are not those that were written");
  }
  return {{"random", random}, {"in_order", in_order}, {"structs", structs}};
}

void measure_local_reads(Run& run) {
  const ServerProcess server(run);
  load_objects(server, run.scaled(kObjects, kObjectsQuick), Indexing::kNone);
  const Goal goal{Goal::Kind::kAtLeast, kReadsGoal};
  repeat(run, kFigure, [&](int) {
    const json::object found = server.run_worker("local-reads");
    run.report.line(kFigure, "view.get<&T::m>, random objects", "fields/s", goal)
        .samples.push_back(number(found, "random"));
    run.report.line(kFigure, "view.get<&T::m>, in order", "fields/s", goal)
        .samples.push_back(number(found, "in_order"));
    run.report.line(kFigure, "whole structs, for (... : view.all<T>())", "fields/s", goal)
        .samples.push_back(number(found, "structs"));
  });
}

}  // namespace odb::bench
