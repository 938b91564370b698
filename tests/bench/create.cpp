// Many objects of one integer in one transaction: until another client sees them. Larger ones would
// not fit into what a server takes as one commit.
#include <boost/json/parse.hpp>
#include <stdexcept>

#include "clock.h"
#include "figures.h"
#include "model.h"
#include "python.h"

namespace odb::bench {

namespace {

constexpr char kFigure[] = "create";
constexpr std::chrono::seconds kPatience{120};

// Objects per second from `begin_ns`, which the creator tells, until the watcher has all of them.
double per_second(std::int64_t objects, const json::object& created, Worker& watcher) {
  const json::object seen = watcher.read();
  if (integer(seen, "objects") != objects) throw std::runtime_error("not all objects are visible");
  const std::int64_t taken_ns = integer(seen, "end_ns") - integer(created, "begin_ns");
  return static_cast<double>(objects) * 1e9 / static_cast<double>(taken_ns);
}

// With a watcher of its own server, `create(server)` of a process that creates the objects.
template <class Create>
std::optional<double> measure(const Run& run, std::int64_t objects, Create&& create) {
  const ServerProcess server(run);
  Worker watcher = server.start_worker("create-watcher");
  static_cast<void>(watcher.read());
  watcher.write({});
  const std::optional<json::object> created = create(server);
  if (!created) return std::nullopt;
  return per_second(objects, *created, watcher);
}

}  // namespace

json::object create_worker(const json::object& arguments, WorkerChannel&) {
  Database database = connect_to(arguments);
  database.define(counter_schema());
  const std::int64_t objects = integer(arguments, "objects");
  const std::int64_t begin = now_ns();
  Transaction transaction = database.transaction();
  for (std::int64_t i = 0; i < objects; ++i) transaction.create(Counter{i});
  transaction.commit();
  return {{"begin_ns", begin}};
}

json::object create_watcher(const json::object& arguments, WorkerChannel& channel) {
  Database database = connect_to(arguments);
  database.subscribe(counter_schema());
  channel.exchange({{"ready", true}});
  for (;;) {
    const View before = database.view();
    if (const std::size_t already = before.refs<Counter>().size(); already > 0) {
      throw std::runtime_error("the objects were there before they could be waited for");
    }
    database.wait_for_change(before, kPatience);
    const std::int64_t now = now_ns();
    if (const std::size_t objects = database.view().refs<Counter>().size(); objects > 0) {
      return {{"end_ns", now}, {"objects", objects}};
    }
  }
}

void measure_create(Run& run) {
  const std::int64_t objects = run.scaled(500'000, 50'000);
  const std::string what = std::to_string(objects) + " in one transaction, visible to another, ";
  repeat(run, kFigure, [&](int) {
    const auto cpp = measure(run, objects, [&](const ServerProcess& server) {
      return std::optional(server.run_worker("create", {{"objects", objects}}));
    });
    run.report.line(kFigure, what + "C++", "objects/s", {Goal::Kind::kAtLeast, 1e6})
        .samples.push_back(cpp.value());
    const auto python = measure(run, objects, [&](const ServerProcess& server) {
      return run_python(run, kFigure, server, "python_create.py", {std::to_string(objects)});
    });
    if (!python) return;
    run.report.line(kFigure, what + "Python", "objects/s", {Goal::Kind::kAtLeast, 300'000})
        .samples.push_back(*python);
  });
}

}  // namespace odb::bench
