// What a subscription to one value of an index costs, beside one to as many objects of a type.
#include "clock.h"
#include "figures.h"
#include "link_bytes.h"
#include "model.h"
#include "statistics.h"

namespace odb::bench {

namespace {

constexpr char kFigure[] = "index-interest";
constexpr std::int64_t kObjectsOfValue = 10;
constexpr std::int64_t kRounds = 500;
constexpr std::int64_t kStride = 7919;  // between the values taken: their objects are not in caches
constexpr std::int64_t kCreatedPerCommit = 10'000;

struct Many {
  std::int64_t group = 0;
  std::string label{};
};
BOOST_DESCRIBE_STRUCT(Many, (), (group, label))
struct Few {
  std::int64_t group = 0;
  std::string label{};
};
BOOST_DESCRIBE_STRUCT(Few, (), (group, label))

Schema interest_schema() {
  Schema schema("bench_interest");
  schema.define<Many>(index<&Many::group>());
  schema.define<Few>(index<&Few::group>());
  return schema;
}

// The median time of a subscription that loads `kObjectsOfValue` objects and ends again, and the
// bytes received for one.
template <class Subscribe>
json::object cost_of(const Subscribe& subscribe) {
  std::vector<std::uint64_t> samples;
  const LinkBytes before = link_bytes();
  for (std::int64_t i = 0; i < kRounds; ++i) {
    const std::int64_t begin = now_ns();
    Subscription subscription = subscribe(i);
    subscription.unsubscribe();
    samples.push_back(static_cast<std::uint64_t>(now_ns() - begin));
    if (subscription.objects_loaded() != static_cast<std::uint64_t>(kObjectsOfValue)) {
      throw std::runtime_error("a subscription did not load its objects");
    }
  }
  return {{"us", percentiles(samples).p50_us},
          {"bytes", static_cast<double>((link_bytes() - before).received) / kRounds}};
}

}  // namespace

json::object index_interest_worker(const json::object& arguments, WorkerChannel&) {
  const Schema schema = interest_schema();
  const std::int64_t groups = integer(arguments, "groups");
  std::vector<ObjectRef> many;
  {
    Database writer = connect_to(arguments);
    writer.define(schema);
    const auto create = [&]<class T>(T, std::int64_t objects, std::int64_t values) {
      std::vector<ObjectRef> made;
      for (std::int64_t next = 0; next < objects;) {
        Transaction transaction = writer.transaction();
        const std::int64_t end = std::min(objects, next + kCreatedPerCommit);
        for (; next < end; ++next) {
          made.push_back(transaction.create(T{next % values, "an object"}));
        }
        transaction.commit();
      }
      return made;
    };
    many = create(Many{}, groups * kObjectsOfValue, groups);
    create(Few{}, kObjectsOfValue, 1);
  }
  Database database = connect_to(arguments);
  database.define(schema);
  const json::object of_type =
      cost_of([&](std::int64_t) { return database.subscribe(type<Few>()); });
  const json::object of_value = cost_of([&](std::int64_t i) {
    return database.subscribe(where<&Many::group>(i * kStride % groups));
  });
  // As many objects of the same type by their identities, as far apart.
  const json::object of_objects = cost_of([&](std::int64_t i) {
    ObjectsInterest objects{many.front().type, {}};
    for (std::int64_t k = 0; k < kObjectsOfValue; ++k) {
      const std::int64_t at = (i + kRounds) * kStride % groups + k * groups;
      objects.objects.push_back(many[static_cast<std::size_t>(at)].object);
    }
    return database.subscribe(std::move(objects));
  });
  return {{"type", of_type}, {"value", of_value}, {"objects", of_objects}};
}

void measure_index_interest(Run& run) {
  const std::int64_t groups = run.scaled(100'000, 10'000);
  const Pinning same_core = pinnings().at(1);
  repeat(run, kFigure, [&](int) {
    const ServerProcess server(run, same_core.server_cpu);
    const json::object found =
        server.run_worker("index-interest", {{"groups", groups}}, same_core.client_cpu);
    const json::object& of_value = found.at("value").as_object();
    const auto compare = [&](const char* peer, const std::string& beside, Goal goal) {
      const std::string what = "one value of " + std::to_string(groups) + " beside " + beside;
      const json::object& of_peer = found.at(peer).as_object();
      Line& time = run.report.line(kFigure, what + ", subscribe and end", "us", goal);
      time.samples.push_back(number(of_value, "us"));
      time.floor_samples.push_back(number(of_peer, "us"));
      Line& bytes = run.report.line(kFigure, what + ", received", "B", goal);
      bytes.samples.push_back(number(of_value, "bytes"));
      bytes.floor_samples.push_back(number(of_peer, "bytes"));
    };
    compare("objects", "as many single objects", {Goal::Kind::kFloorTimes, 1.25});
    compare("type", "a small type of as many", {});
  });
}

}  // namespace odb::bench
