// The first read of what is not in the cache: a round trip, beside that of a synchronous commit.
#include "clock.h"
#include "figures.h"
#include "snapshot.h"
#include "statistics.h"

namespace odb::bench {

namespace {

constexpr char kFigure[] = "first-reads";

// Percentiles of `read(object)`, each object once; the first few warm up.
template <class Read>
double median_of(const std::vector<Ref<Item>>& objects, const Read& read) {
  constexpr std::size_t kWarmUp = 500;
  std::vector<std::uint64_t> samples;
  std::int64_t sum = 0;
  for (std::size_t i = 0; i < objects.size(); ++i) {
    const std::int64_t begin = now_ns();
    sum += read(objects[i]);
    if (i >= kWarmUp) samples.push_back(static_cast<std::uint64_t>(now_ns() - begin));
  }
  const auto count = static_cast<std::int64_t>(objects.size());
  if (sum != count * (count - 1) / 2) {
    throw std::runtime_error("the objects are not those that were written");
  }
  return percentiles(samples).p50_us;
}

}  // namespace

json::object first_reads_worker(const json::object& arguments, WorkerChannel&) {
  const Schema schema = item_schema(Indexing::kNone);
  Database lazy = connect_to(arguments);
  lazy.subscribe(schema, Loading::kLazy);
  const View view = lazy.view();
  const std::vector<Ref<Item>> objects = view.refs<Item>();
  const double lazily =
      median_of(objects, [&](Ref<Item> item) { return view.get<&Item::number>(item); });

  Database uncovered = connect_to(arguments);
  uncovered.define(schema);
  const double fetched = median_of(objects, [&](Ref<Item> item) {
    Transaction transaction = uncovered.transaction();
    return transaction.get<&Item::number>(item);
  });
  return {{"lazy", lazily}, {"uncovered", fetched}};
}

void measure_first_reads(Run& run) {
  const std::int64_t reads = run.scaled(10'000, 2'000);
  repeat(run, kFigure, [&](int) {
    for (const Pinning& pinning : pinnings()) {
      const ServerProcess server(run, pinning.server_cpu);
      load_objects(server, reads, Indexing::kNone);
      const json::object found = server.run_worker("first-reads", {}, pinning.client_cpu);
      const json::object commit =
          server.run_worker("commit-latency", {{"commits", reads}}, pinning.client_cpu);
      for (const char* kind : {"lazy", "uncovered"}) {
        Line& line =
            run.report.line(kFigure, std::string(kind) + " beside a commit, p50, " + pinning.name,
                            "us", {Goal::Kind::kFloorTimes, 1.3});
        line.samples.push_back(number(found, kind));
        line.floor_samples.push_back(number(commit, "p50"));
      }
    }
  });
}

}  // namespace odb::bench
