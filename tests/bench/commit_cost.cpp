// What else there is must not make a commit dearer: objects, idle subscriptions, other fields.
#include "commit_cost.h"

#include <map>
#include <random>

#include "clock.h"
#include "figures.h"
#include "model.h"
#include "statistics.h"

namespace odb::bench {

namespace {

constexpr char kFigure[] = "commit-cost";
constexpr std::int64_t kObjectsPerCommit = 1000;
constexpr std::size_t kWarmUp = 1000;
constexpr Goal kFlat{Goal::Kind::kFloorTimes, 1.2};
constexpr std::int64_t kMemoryUnit = 100'000;  // objects whose memory is the floor of more
constexpr char kWide[] = "Wide";

// A type of so many integers, known at run time only.
Schema wide_schema(std::int64_t fields) {
  TypeDefinition type{.name = kWide, .fields = {}, .indexes = {}};
  for (std::int64_t i = 0; i < fields; ++i) {
    type.fields.push_back({"field_" + std::to_string(i), Type::integer()});
  }
  Schema schema("bench_wide");
  schema.define(std::move(type));
  return schema;
}

// Creates so many objects of all fields, each 1.
std::vector<ObjectRef> create_wide(Database& database, std::int64_t objects) {
  const CatalogType& type = *database.catalog()->find(TypeName{"bench_wide", kWide});
  std::vector<std::pair<FieldId, Value>> values;
  for (std::uint32_t i = 0; i < type.fields.size(); ++i) {
    values.emplace_back(FieldId{i}, Value::integer(1));
  }
  std::vector<ObjectRef> made;
  while (static_cast<std::int64_t>(made.size()) < objects) {
    Transaction transaction = database.transaction();
    for (std::int64_t i = 0; i < std::min(objects, kObjectsPerCommit); ++i) {
      made.push_back(transaction.create(type.id, values));
    }
    transaction.commit();
  }
  return made;
}

// A server's clients: one that commits, and one that holds idle subscriptions.
class Clients {
 public:
  Clients(const json::object& arguments, const Load& load)
      : committer_(connect_to(arguments)), idle_(connect_to(arguments)) {
    const Schema schema = wide_schema(load.fields);
    committer_.define(schema);
    idle_.define(schema);
    objects_ = create_wide(committer_, load.objects);
    // Of objects that no commit touches.
    std::vector<Subscription> held;
    for (const ObjectRef& object : create_wide(committer_, load.subscriptions)) {
      held.push_back(idle_.subscribe_async(ObjectsInterest{object.type, {object.object}}));
    }
    for (const Subscription& subscription : held) subscription.wait();
  }

  // Reads and writes one field of a random object, and waits for the commit: nanoseconds.
  std::uint64_t commit() {
    const ObjectRef object = objects_[random_() % objects_.size()];
    const std::int64_t begin = now_ns();
    Transaction transaction = committer_.transaction();
    const std::int64_t value = transaction.get(object, FieldId{0}).as_int();
    transaction.set(object, FieldId{0}, Value::integer(value + 1));
    transaction.commit();
    return static_cast<std::uint64_t>(now_ns() - begin);
  }

 private:
  Database committer_;
  Database idle_;
  std::vector<ObjectRef> objects_;
  std::mt19937_64 random_{20240607};
};

// Returns by how much the large server's memory has grown.
double measure_load(Run& run, const std::string& what, const Load& load,
                    std::optional<Point> point = {}) {
  const Pinning same_core = pinnings().at(1);
  const ServerProcess small(run, same_core.server_cpu);
  ServerProcess large(run, same_core.server_cpu);
  const std::size_t before = large.process().resident_bytes();
  const SmallAndLarge found = measure_commit_cost_of(run, small, large, load);
  Line& line = run.report.line(kFigure, what + ", p50", "us", kFlat);
  line.point = std::move(point);
  line.samples.push_back(found.large_us);
  line.floor_samples.push_back(found.small_us);
  return static_cast<double>(large.process().resident_bytes() - before);
}

// The floor is what a tenth of a million objects take, times as many as there are.
void add_memory(Report& report, const std::map<std::int64_t, double>& bytes_by_objects) {
  for (const auto& [objects, bytes] : bytes_by_objects) {
    Line& line = report.line(kFigure, std::to_string(objects) + " objects, the server's memory",
                             "MiB", objects > kMemoryUnit ? kFlat : Goal{});
    line.point = Point{"memory", static_cast<double>(objects)};
    line.samples.push_back(bytes / (1024 * 1024));
    if (objects <= kMemoryUnit) continue;
    line.floor_samples.push_back(bytes_by_objects.at(kMemoryUnit) / kMemoryUnit *
                                 static_cast<double>(objects) / (1024 * 1024));
  }
}

}  // namespace

SmallAndLarge measure_commit_cost_of(const Run& run, const ServerProcess& small,
                                     const ServerProcess& large, const Load& load) {
  const json::object found = large.run_worker("commit-cost",
                                              {{"small_port", small.port()},
                                               {"objects", load.objects},
                                               {"fields", load.fields},
                                               {"subscriptions", load.subscriptions},
                                               {"commits", run.scaled(10'000, 2'000)}},
                                              pinnings().at(1).client_cpu);
  SmallAndLarge both;
  both.small_us = number(found, "small");
  both.large_us = number(found, "large");
  return both;
}

// Commits to a large server and to a small one in turn, so that both meet the same weather.
json::object commit_cost_worker(const json::object& arguments, WorkerChannel&) {
  json::object small_arguments = arguments;
  small_arguments["port"] = integer(arguments, "small_port");
  Load load;
  Clients small(small_arguments, load);
  load.objects = integer(arguments, "objects");
  load.fields = integer(arguments, "fields");
  load.subscriptions = integer(arguments, "subscriptions");
  Clients large(arguments, load);
  const auto commits = static_cast<std::size_t>(integer(arguments, "commits"));
  std::vector<std::uint64_t> small_samples;
  std::vector<std::uint64_t> large_samples;
  for (std::size_t i = 0; i < kWarmUp + commits; ++i) {
    const std::uint64_t small_ns = small.commit();
    const std::uint64_t large_ns = large.commit();
    if (i < kWarmUp) continue;
    small_samples.push_back(small_ns);
    large_samples.push_back(large_ns);
  }
  return {{"small", percentiles(small_samples).p50_us},
          {"large", percentiles(large_samples).p50_us}};
}

// The floor of each line is a server with 1000 objects of two fields and no idle subscription.
void measure_commit_cost(Run& run) {
  std::vector<std::int64_t> sizes{1'000, 10'000, kMemoryUnit, 1'000'000};
  if (!run.options.quick) sizes.push_back(10'000'000);
  repeat(run, kFigure, [&](int) {
    std::map<std::int64_t, double> bytes_by_objects;
    for (const std::int64_t objects : sizes) {
      Load load;
      load.objects = objects;
      bytes_by_objects[objects] =
          measure_load(run, std::to_string(objects) + " objects beside 1000", load,
                       Point{"p50", static_cast<double>(objects)});
    }
    add_memory(run.report, bytes_by_objects);
    for (const std::int64_t subscriptions : {100, 10'000}) {
      Load load;
      load.subscriptions = subscriptions;
      measure_load(run, std::to_string(subscriptions) + " idle subscriptions beside none", load);
    }
    Load wide;
    wide.fields = 200;
    measure_load(run, "200 fields beside 2", wide);
  });
}

}  // namespace odb::bench
